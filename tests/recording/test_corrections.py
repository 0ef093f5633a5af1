"""Corrections are made when frames are read; what is left out takes part in nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import shift as scipy_shift

from napari_calcdyn.recording import InputError, Movie, RoiSet, extract_traces
from napari_calcdyn.recording.movies import Corrections, join
from napari_calcdyn.recording.movies.warping import shifted
from napari_calcdyn.recording.quality import (
    check_quality,
    correct_movie,
    correct_movies,
    corrections_for,
    parse_kinds,
)
from napari_calcdyn.recording.ranges import GAP
from napari_calcdyn.simulate import artefacts, simulate_movie

rng = np.random.default_rng(5)


@pytest.mark.parametrize("by", [(0, 0), (2, -3), (0.25, 0.75), (-1.6, 3.3)])
def test_shifted_like_scipy(by: tuple[float, float]) -> None:
    frame = rng.random((31, 23)).astype(np.float32)
    expected = scipy_shift(frame, (-by[0], -by[1]), order=1, mode="nearest")
    np.testing.assert_allclose(shifted(frame, by), expected, atol=1e-5)


def test_odd_lines_are_brought_back() -> None:
    frame = rng.random((30, 40)).astype(np.float32)
    spoiled = artefacts.shifted_lines(frame[None], 3)[0]
    np.testing.assert_allclose(shifted(spoiled, (0, 0), 3)[:, 3:-3], frame[:, 3:-3], atol=1e-6)


@pytest.fixture(scope="module")
def masked() -> tuple[Movie, np.ndarray, np.ndarray, np.ndarray]:
    """A movie of noise, of which some frames and pixels are left out."""
    frames = rng.normal(50, 9, (60, 21, 17)).astype(np.float32)
    valid_frames, valid_pixels = rng.random(60) > 0.2, rng.random((21, 17)) > 0.1
    frames[:, ~valid_pixels] = 1e6
    frames[~valid_frames] = -1e6
    corrections = Corrections(("frames", "pixels"), valid_frames, valid_pixels)
    return Movie.from_array(frames).corrected(corrections), frames, valid_frames, valid_pixels


def test_statistics_of_what_is_left(masked) -> None:  # type: ignore[no-untyped-def]
    movie, frames, valid_frames, valid_pixels = masked
    kept = np.where(valid_pixels, frames[valid_frames].astype(np.float64), np.nan)
    found = movie.statistics()
    np.testing.assert_allclose(found.mean, kept.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.std, kept.std(0), rtol=1e-5)
    assert (found.minimum, found.maximum) == (np.nanmin(kept), np.nanmax(kept))
    movie._statistics = None
    np.testing.assert_allclose(movie.mean_frame(), kept.mean(0), rtol=1e-6)
    assert np.isnan(movie.frames(0, 1)[0][~valid_pixels]).all()
    assert np.isfinite(movie.frames(0, 60)[:, valid_pixels]).all()


def test_traces_of_what_is_left(masked) -> None:  # type: ignore[no-untyped-def]
    movie, frames, valid_frames, valid_pixels = masked
    labels = np.zeros((21, 17), int)
    labels[2:8, 2:9], labels[12:15, 3:6] = 1, 2
    valid_pixels = valid_pixels.copy()
    traces = extract_traces(movie, RoiSet.from_labels(labels))
    for row, label in enumerate((1, 2)):
        pixels = (labels == label) & valid_pixels
        expected = frames[:, pixels].mean(1, dtype=np.float64)
        np.testing.assert_allclose(traces.values[row, valid_frames], expected[valid_frames], rtol=1e-5)
        assert np.isnan(traces.values[row, ~valid_frames]).all()
    assert traces.provenance["masked_pixels"] == int((~valid_pixels).sum())


def test_an_roi_on_masked_pixels_alone_has_no_trace() -> None:
    frames = rng.normal(50, 9, (30, 20, 20)).astype(np.float32)
    valid = np.ones((20, 20), bool)
    valid[:5, :5] = False
    labels = np.zeros((20, 20), int)
    labels[1:4, 1:4], labels[4:9, 4:9] = 1, 2
    movie = Movie.from_array(frames).corrected(Corrections(("pixels",), np.ones(30, bool), valid))
    rois = RoiSet.from_labels(labels)
    traces = extract_traces(movie, rois)
    assert traces.usable.tolist() == [False, True]
    np.testing.assert_allclose(rois.masked_share(valid), [1, 1 / 25], atol=1e-6)
    assert "2 ROIs of 2" in traces.provenance["warnings"][0]


def test_a_corrected_movie_is_like_the_one_without_artefacts() -> None:
    size = {"frames": 300, "height": 96, "width": 80, "seed": 2}
    still = simulate_movie(**size).movie.astype(np.float64)
    moved = correct_movie(Movie.from_array(simulate_movie(**size, motion=1.0, bleaching=0.3).movie))
    assert moved.corrections.kinds == ("motion", "brightness")
    mean, valid = moved.mean_frame(), moved.valid_pixels
    assert np.corrcoef(mean[valid], still.mean(0)[valid])[0, 1] > 0.99
    half = [moved.frames(*it)[:, valid].mean() for it in ((0, 100), (200, 300))]
    assert half[0] == pytest.approx(half[1], rel=0.02)
    assert moved.dtype == np.float32
    assert moved.data[5].compute().shape == (96, 80)


def test_kinds_are_what_the_user_asked_for() -> None:
    movie = Movie.from_array(simulate_movie(frames=200, height=64, width=64, motion=1.0, seed=1).movie)
    quality = check_quality(movie)
    assert corrections_for(quality, "none").kinds == ()
    assert "moves" in corrections_for(quality, "none").left[0]
    both = corrections_for(quality, "motion,brightness")
    assert both.kinds == ("motion", "brightness")
    assert both.brightness is not None
    assert parse_kinds("auto") is None
    with pytest.raises(InputError, match="no correction 'movement': choose auto, none, or some of motion"):
        corrections_for(quality, "movement")
    untouched = movie.corrected(corrections_for(quality, "none"))
    np.testing.assert_array_equal(untouched.frames(3, 5), movie.frames(3, 5))
    assert correct_movie(untouched) is untouched


def test_recordings_of_one_field_of_view_are_registered_to_one_picture() -> None:
    movie = simulate_movie(frames=400, height=96, width=80, seed=3).movie
    second = np.roll(movie[200:], (3, -2), (1, 2))
    one, other = correct_movies([Movie.from_array(movie[:200]), Movie.from_array(second)])
    assert other.corrections.kinds == ("motion",)
    np.testing.assert_allclose(np.median(other.corrections.shifts, 0), (3, -2), atol=0.2)
    joined = join([one, other])
    assert joined.valid_pixels.sum() < 96 * 80
    assert joined.corrections.kinds == ("motion",)
    np.testing.assert_array_equal(np.flatnonzero(~joined.valid_frames), 200 + np.arange(GAP))


def test_recordings_of_several_sizes_are_refused_before_they_are_checked() -> None:
    movie = simulate_movie(frames=60, height=48, width=60, seed=3).movie
    with pytest.raises(InputError, match="choose recordings of one field of view"):
        correct_movies([Movie.from_array(movie), Movie.from_array(movie[:, :40])])
