"""Cells are found one by one, with their activity, and what is no cell is background."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_calcdyn.models.sources import Sources, find_sources
from napari_calcdyn.models.sources.activity import activity_of
from napari_calcdyn.models.sources.background import background_grid
from napari_calcdyn.models.sources.frames import UsedFrames
from napari_calcdyn.models.sources.local_covariance import LocalCovariance
from napari_calcdyn.models.sources.refinement import taken_apart
from napari_calcdyn.models.sources.windows import Windows
from napari_calcdyn.recording import Cancelled, InputError, Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate import simulate_movie

TRUTH = simulate_movie(frames=400, height=96, width=104, dynamic=6, silent=3, flicker=3, seed=3)
VARYING = np.flatnonzero(TRUTH.kind != "silent")


@pytest.fixture(scope="module")
def sources() -> Sources:
    return find_sources(Movie.from_array(TRUTH.movie), diameter=10)


def overlaps(sources: Sources) -> np.ndarray:
    """IoU of the true cells and those found, each above half of its maximum."""
    true = TRUTH.weights.toarray() > 0.5
    found = sources.footprints[sources.kind == "cell"].toarray() > 0.5
    both = (true[:, None] & found).sum(2)
    return both / (true[:, None] | found).sum(2)


def test_every_cell_that_varies_has_one_source_and_nothing_else_has(sources: Sources) -> None:
    overlap = overlaps(sources)
    assert (sources.kind == "cell").sum() == len(VARYING)
    best = overlap[VARYING].argmax(1)
    assert sorted(best) == list(range(len(VARYING)))
    assert overlap[VARYING, best].min() > 0.75
    for cell, source in zip(VARYING, best, strict=True):
        assert np.corrcoef(TRUTH.traces[cell], sources.activity[:, source])[0, 1] > 0.9


def test_footprints_are_compact_parts_of_the_picture(sources: Sources) -> None:
    assert sources.footprints.shape == (len(sources.kind), 96 * 104)
    assert sources.activity.shape == (400, len(sources.kind))
    assert sources.footprints.min() >= 0
    cells, background = (sources.footprints[sources.kind == it] for it in ("cell", "background"))
    np.testing.assert_allclose(cells.max(1).toarray(), 1, rtol=1e-6)
    assert np.diff(cells.indptr).max() < 250
    np.testing.assert_allclose(background.sum(0), 1, atol=1e-5)
    assert len(sources.rois) == cells.shape[0]


def test_the_diameter_is_estimated_where_it_is_not_given(sources: Sources) -> None:
    estimated = find_sources(Movie.from_array(TRUTH.movie))
    assert (estimated.kind == "cell").sum() == len(VARYING)


def test_a_movie_of_noise_has_no_cells() -> None:
    noise = np.random.default_rng(0).poisson(20, (300, 40, 48)).astype(np.uint16)
    smooth = gaussian_filter(np.random.default_rng(1).normal(size=(300, 40, 48)), (2, 10, 10))  # neuropil
    for frames in (noise, noise + 300 * smooth.astype(np.float32)):
        found = find_sources(Movie.from_array(frames), diameter=8)
        assert set(found.kind) == {"background"}
        with pytest.raises(InputError, match="no ROIs"):
            _ = found.rois


def test_noise_that_neighbouring_pixels_share_is_no_cell() -> None:
    noise = np.random.default_rng(0).normal(100, 10, (300, 64, 64))
    frames = gaussian_filter(noise, (0, 0.7, 0.7)).astype(np.float32)
    assert set(find_sources(Movie.from_array(frames), diameter=8).kind) == {"background"}


def test_what_is_left_out_changes_nothing() -> None:
    frames = TRUTH.movie.astype(np.float32)
    valid_frames, valid_pixels = np.ones(400, bool), np.ones((96, 104), bool)
    valid_frames[100:120], valid_pixels[:4] = False, False
    found = []
    for content in (0.0, np.nan, 1e6):
        frames[~valid_frames], frames[:, ~valid_pixels] = content, content
        corrections = Corrections(("frames", "pixels"), valid_frames, valid_pixels)
        found.append(find_sources(Movie.from_array(frames).corrected(corrections), diameter=10))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].activity, other.activity)
        np.testing.assert_array_equal(found[0].footprints.toarray(), other.footprints.toarray())
    activity = found[0].activity
    assert np.isnan(activity[~valid_frames]).all()
    assert np.isfinite(activity[valid_frames]).all()
    assert (found[0].kind == "cell").sum() >= len(VARYING) - 1


def test_covariances_are_those_of_binned_frames() -> None:
    frames = np.random.default_rng(0).normal(size=(50, 9, 8)).astype(np.float32)
    covariance = LocalCovariance.of(UsedFrames(Movie.from_array(frames)), 2, 3)
    whole = np.zeros((50, 10, 8))
    whole[:, :9] = frames - frames.mean(0)
    bins = whole.reshape(50, 5, 2, 4, 2).mean((2, 4))
    for (dy, dx), at in zip(covariance.offsets, range(len(covariance.offsets)), strict=True):
        for y, x in np.ndindex(5, 4):
            if y + dy < 5 and 0 <= x + dx < 4:
                expected = (bins[:, y, x] * bins[:, y + dy, x + dx]).mean()
                assert covariance.values[y, x, at] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(covariance.noise, np.square(np.diff(bins, axis=0)).mean(0) / 2, rtol=1e-4)


def test_a_footprint_gives_up_what_it_holds_of_another() -> None:
    middles = np.array([[20, 20], [20, 26]])
    windows = Windows(middles, 10, (40, 48))
    distance = np.hypot(*np.mgrid[-10:11, -10:11])
    alone = np.stack([np.clip(4 - distance, 0, 1)] * 2)  # they touch
    mixed = alone.copy()
    here, there = windows.shared(0, 1)
    mixed[0][here] += 0.4 * alone[1][there]
    near = [np.array([0, 1])] * 2
    np.testing.assert_allclose(taken_apart(windows, mixed, near), alone, atol=0.05)
    np.testing.assert_allclose(taken_apart(windows, alone, near), alone, atol=0.05)


def test_activity_is_the_least_squares_fit() -> None:
    movie = Movie.from_array(TRUTH.movie)
    background = background_grid(TRUTH.movie.shape[1:], 30)
    frames = TRUTH.movie.reshape(400, -1).astype(np.float64)
    expected = np.linalg.lstsq(background.toarray().T, (frames - frames.mean(0)).T)[0]
    np.testing.assert_allclose(activity_of(movie, background), expected, rtol=1e-3, atol=1e-2)


def test_it_can_be_stopped_and_says_what_is_wrong() -> None:
    movie = Movie.from_array(TRUTH.movie)
    with pytest.raises(InputError, match="diameter"):
        find_sources(movie, diameter=100)
    done = []
    find_sources(movie, diameter=10, progress=lambda part, whole: done.append(part / whole))
    assert done == sorted(done)
    assert done[-1] == 1
    with pytest.raises(Cancelled):
        find_sources(movie, diameter=10, progress=lambda part, whole: part > 0.5 * whole)
