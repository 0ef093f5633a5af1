"""Parts of the search for cells, each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack

from napari_calcdyn.models.sources import find_sources, local_covariance
from napari_calcdyn.models.sources.activity import activity_of
from napari_calcdyn.models.sources.background import Background
from napari_calcdyn.models.sources.blobs import BlobMap, Disc
from napari_calcdyn.models.sources.distinct import distinct
from napari_calcdyn.models.sources.frames import UsedFrames
from napari_calcdyn.models.sources.local_covariance import LocalCovariance
from napari_calcdyn.models.sources.refinement import Refined
from napari_calcdyn.models.sources.windows import Windows
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate import simulate_movie

RNG = np.random.default_rng(0)


def with_gaps() -> Movie:
    """A movie of 61 frames of 23 × 30 pixels, some of which are left out."""
    frames = RNG.integers(90, 110, (61, 23, 30)).astype(np.float32)
    valid_frames, valid_pixels = np.ones(61, bool), np.ones((23, 30), bool)
    valid_frames[[7, 8, 40]], valid_pixels[3:5, 10] = False, False
    frames[~valid_frames], frames[:, ~valid_pixels] = np.nan, np.nan
    return Movie.from_array(frames).corrected(Corrections(("frames", "pixels"), valid_frames, valid_pixels))


def background_of(used: UsedFrames, spacing: float) -> Background:
    background = Background(used, spacing)
    for start, block, _ in used.blocks():
        background.add(start, block)
    return background


def test_the_background_is_summed_over_the_used_pixels() -> None:
    movie = with_gaps()
    used = UsedFrames(movie)
    background = background_of(used, 8)
    deviation = np.where(used.used, movie.frames(0, 61) - used.mean, 0).reshape(61, -1)
    expected = background.footprints @ deviation.T
    valid = movie.valid_frames
    np.testing.assert_allclose(background.sums[:, valid], expected[:, valid], rtol=1e-4, atol=1e-2)


def test_known_sums_give_the_same_activity() -> None:
    movie = with_gaps()
    background = background_of(UsedFrames(movie), 8)
    cells = csr_array(np.eye(3, 23 * 30)[[0, 2]] + np.eye(3, 23 * 30, 1)[[0, 2]])
    expected = activity_of(movie, csr_array(vstack([cells, background.footprints])))
    found = activity_of(UsedFrames(movie), cells, background=background)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert not found[:, ~movie.valid_frames].any()


def test_frames_may_come_in_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    used = UsedFrames(with_gaps())
    whole = LocalCovariance.of(used, 2, 3)
    monkeypatch.setattr(local_covariance, "_BYTES", 4 * 12 * 15 * 70)  # more than there are
    more = LocalCovariance.of(used, 2, 3)
    monkeypatch.setattr(local_covariance, "_BYTES", 4 * 12 * 15 * 9)
    few = LocalCovariance.of(used, 2, 3)
    assert whole.frames == more.frames == few.frames == 58
    np.testing.assert_allclose(more.values, whole.values, rtol=1e-6)
    np.testing.assert_allclose(few.values, whole.values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(more.noise, whole.noise, rtol=1e-6)
    assert np.abs(few.noise / whole.noise - 1).max() < 0.4  # less the steps between one nine and the next


def test_the_contrast_of_a_blob_is_that_of_its_averages() -> None:
    covariance = LocalCovariance.of(UsedFrames(with_gaps()), 2, 6)
    disc = Disc(3.4)
    blobs = BlobMap(covariance, disc)
    (rows, columns), count = covariance.shape, covariance.noise.size
    full = np.zeros((rows, columns, rows, columns))
    for k, (dy, dx) in enumerate(covariance.offsets):
        for y, x in np.ndindex(rows, columns):
            if 0 <= y + dy < rows and 0 <= x + dx < columns:
                full[y, x, y + dy, x + dx] = full[y + dy, x + dx, y, x] = covariance.values[y, x, k]
    for middle in ((6, 7), (0, 14)):
        kernels = np.zeros((2, rows, columns))
        for place in disc.around(middle, covariance.shape):
            at = tuple(place - middle + disc.reach)
            kernels[:, *place] = disc.narrow[at], disc.wide[at]
        narrow, wide = (it.ravel() / it.sum() for it in kernels)
        matrix, noise = full.reshape(count, count), covariance.noise.ravel().astype(float)
        difference = narrow - wide
        unit = np.sqrt((narrow**2 @ noise) * (difference**2 @ noise))
        usual = blobs._unit[middle] / unit - 1  # of the neighbourhood
        expected = (narrow @ matrix @ difference / unit - usual) / (1 + usual)
        assert blobs.contrast[middle] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def kept(
    masks: np.ndarray, activity: np.ndarray, middles: list[tuple[int, int]], **known: list[float]
) -> list[int]:
    """Which of some footprints in windows of 21 × 21 pixels are distinct."""
    windows = Windows(np.array(middles), 10, (60, 60))
    count = len(masks)
    refined = Refined(
        masks.astype(float),
        activity,
        np.array(known.get("reliability", [1.0] * count)),
        np.array(known.get("surroundings", [0.0] * count)),
    )
    return [int(it) for it in distinct(windows, refined, np.ones(count))]


def test_a_piece_of_a_cell_is_known_by_its_activity_without_the_noise() -> None:
    distance = np.hypot(*np.mgrid[-10:11, -10:11])
    masks, middles = np.stack([distance < 5, distance < 2]), [(20, 20), (20, 32)]
    cell = RNG.normal(size=4000)
    piece = cell + RNG.normal(size=4000)  # half of its variance is noise, so r = 0.71
    other = np.sqrt(0.5) * cell + RNG.normal(size=4000) * np.sqrt(0.5)  # the same r, with no noise
    assert kept(masks, np.stack([cell, piece]), middles, reliability=[1, 0.5]) == [0]
    assert kept(masks, np.stack([cell, other]), middles, reliability=[1, 1]) == [0, 1]


def test_cells_may_be_bent_but_not_ragged_and_must_end() -> None:
    y, x = np.mgrid[-10:11, -10:11]
    disc = np.hypot(y, x) < 4
    bent = (np.hypot(y, x) < 7) & (np.hypot(y, x) > 4) & (y > 0)
    ragged = (np.hypot(y, x) < 8) & ((x % 3 == 0) | (y == 0))
    line = (abs(y) < 1) & (abs(x) < 9)
    masks, activity = np.stack([disc, bent, ragged, line]), RNG.normal(size=(4, 300))
    middles = [(12, 12), (12, 45), (45, 12), (45, 45)]
    assert kept(masks, activity, middles) == [0, 1]
    assert kept(masks, activity, middles, surroundings=[0.05, 0.3, 0, 0]) == [0]


def test_the_frames_are_read_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = simulate_movie(frames=200, height=64, width=64, dynamic=4, silent=1, flicker=1, seed=1)
    movie = Movie.from_array(truth.movie)
    movie.statistics()
    passes = []
    blocks = Movie.blocks
    monkeypatch.setattr(Movie, "blocks", lambda self, *size: passes.append(1) or blocks(self, *size))
    find_sources(movie, diameter=10)
    assert len(passes) <= 4
