from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_calcdyn.recording.movies.smooth_autocovariance import LAGS, SmoothAutocovariance


def definition(stretches):
    """The map from whole arrays: the mean of all products of frames one to five apart."""
    mean = np.concatenate(stretches).mean(0, dtype=np.float64)
    total, pairs = 0, 0
    for frames in stretches:
        smooth = gaussian_filter(frames - mean, (0, 1, 1), truncate=3)
        for lag in range(1, LAGS + 1):
            products = smooth[lag:] * smooth[:-lag]
            total, pairs = total + products.sum(0), pairs + len(products)
    return total / pairs


def movie(shape, dtype=np.uint16, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    for t in range(1, len(x)):
        x[t] += 0.9 * x[t - 1]
    return (1000 + 30 * x).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("size", [(2, 3), (70, 300)])
def test_equals_its_definition_over_blocks_and_tiles(size, dtype):
    frames = movie((40, *size), dtype)
    running = SmoothAutocovariance(size)
    for block in np.split(frames, [1, 2, 11, 30]):
        running.add(block)
    expected = definition([frames])
    assert running.result().dtype == np.float32
    np.testing.assert_allclose(running.result(), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_frames_are_not_compared_across_a_gap():
    frames = movie((60, 20, 30))
    frames[20:] += 500
    running = SmoothAutocovariance((20, 30))
    stretches = np.split(frames, [20, 23])
    for stretch in stretches:
        running.new_stretch()
        for block in np.array_split(stretch, 2):
            running.add(block)
    np.testing.assert_allclose(running.result(), definition(stretches), rtol=1e-4)


def test_long_recordings_lose_no_digits():
    frames = movie((20_000, 4, 4))
    running = SmoothAutocovariance((4, 4))
    running.add(frames)
    np.testing.assert_allclose(running.result(), definition([frames]), rtol=1e-3)


def test_no_pair_of_frames_gives_zeros():
    running = SmoothAutocovariance((4, 5))
    assert not running.result().any()
    running.add(movie((1, 4, 5)))
    assert not running.result().any()
