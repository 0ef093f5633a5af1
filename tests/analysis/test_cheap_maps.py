from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_calcdyn.analysis.maps import cheap as module
from napari_calcdyn.analysis.maps.cheap import cheap_maps
from napari_calcdyn.recording import Cancelled, InputError, Movie


def straightforward(array):
    """The five maps from their definitions, on the whole array at once."""
    x = array.astype(np.float64)
    mean = x.mean(0)
    d = x - mean
    std = x.std(0)
    height, width = mean.shape
    local = np.zeros_like(mean)
    for y in range(height):
        for c in range(width):
            places = [(y - 1, c), (y + 1, c), (y, c - 1), (y, c + 1)]
            inside = [p for p in places if 0 <= p[0] < height and 0 <= p[1] < width]
            local[y, c] = np.mean([np.corrcoef(x[:, y, c], x[:, p[0], p[1]])[0, 1] for p in inside])
    smooth = gaussian_filter(d, (0, 1, 1), truncate=3)
    pairs = [(smooth[lag:] * smooth[:-lag]).sum(0) for lag in range(1, 6)]
    return {
        "std": std,
        "std_over_sqrt_mean": std / np.sqrt(mean),
        "local_correlation": local,
        "lag1_autocovariance": (d[1:] * d[:-1]).mean(0),
        "smooth_autocovariance": sum(pairs) / sum(len(d) - lag for lag in range(1, 6)),
    }


def recording(frames=61, height=9, width=7, offset=30_000, seed=0):
    """Pixels with memory, a shared signal and a large offset, whose squares cancel badly."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(frames, height, width))
    for t in range(1, frames):
        x[t] += 0.8 * x[t - 1] + 0.3 * rng.normal()
    return np.rint(offset + 20 * x).astype(np.uint16)


@pytest.mark.parametrize("frames_per_block", [1, 2, 7, 61])
def test_equals_the_definitions_across_block_boundaries(monkeypatch, frames_per_block):
    array = recording()
    monkeypatch.setattr(module, "_BLOCK_BYTES", frames_per_block * array[0].nbytes)
    maps = cheap_maps(Movie.from_array(array))
    for name, expected in straightforward(array).items():
        found = getattr(maps, name)
        assert found.dtype == np.float32
        np.testing.assert_allclose(
            found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max(), err_msg=name
        )


def test_float_movie_with_a_huge_offset_loses_no_digits():
    array = recording(offset=0).astype(np.float64) * 1e-3 + 1e6
    maps = cheap_maps(Movie.from_array(array))
    expected = straightforward(array)
    np.testing.assert_allclose(maps.std, expected["std"], rtol=1e-5)
    np.testing.assert_allclose(maps.lag1_autocovariance, expected["lag1_autocovariance"], rtol=1e-4)
    np.testing.assert_allclose(maps.smooth_autocovariance, expected["smooth_autocovariance"], rtol=1e-4)


def test_a_constant_pixel_and_a_negative_mean_give_zeros():
    array = recording(offset=0).astype(np.int16)
    array[:, 4, 3] = 12
    array[:, 0, 0] -= 500
    maps = cheap_maps(Movie.from_array(array))
    assert maps.std[4, 3] == 0
    assert maps.local_correlation[4, 3] == 0
    assert maps.lag1_autocovariance[4, 3] == 0
    assert maps.std_over_sqrt_mean[0, 0] == 0
    assert np.isfinite(maps.local_correlation).all()


def test_the_first_bad_frame_is_named(monkeypatch):
    array = recording().astype(np.float32)
    array[23, 2, 2] = np.nan
    monkeypatch.setattr(module, "_BLOCK_BYTES", 10 * array[0].nbytes)
    with pytest.raises(InputError, match="frame 23"):
        cheap_maps(Movie.from_array(array))


def test_progress_counts_frames_and_can_cancel(monkeypatch):
    array = recording()
    monkeypatch.setattr(module, "_BLOCK_BYTES", 20 * array[0].nbytes)
    seen = []
    cheap_maps(Movie.from_array(array), lambda done, total: seen.append((done, total)))
    assert seen == [(20, 61), (40, 61), (60, 61), (61, 61)]
    with pytest.raises(Cancelled):
        cheap_maps(Movie.from_array(array), lambda done, total: True)
