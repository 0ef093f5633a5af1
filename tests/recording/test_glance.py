"""A glance at a recording: a few frames, the outlines of ROIs, and the ROIs in its own file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hdf5_files import Scene, caiman, image_nwb
from napari_calcdyn.recording import Movie, RoiSet, open_movie
from napari_calcdyn.recording.errors import Cancelled
from napari_calcdyn.recording.movies.glance import glance
from napari_calcdyn.recording.rois.outlines import roi_outlines
from napari_calcdyn.recording.traces.agreement import Agreement
from napari_calcdyn.recording.traces.own import own_rois, traces_with

SQUARE = Scene(36, 36)


def test_a_glance_is_the_mean_of_frames_spread_over_all() -> None:
    pixels = np.random.default_rng(0).normal(size=(200, 6, 7)).astype(np.float32)
    pixels[0, 2, 3], pixels[:, 4, 4] = np.nan, np.inf
    read: list[int] = []
    mean = glance(Movie.from_array(pixels), 5, progress=lambda done, total: read.append(total))
    assert read == [5] * 6
    at = np.array([0, 49, 99, 149, 199])
    expected = pixels[at].mean(0, dtype=float)
    expected[2, 3], expected[4, 4] = pixels[at[1:], 2, 3].mean(dtype=float), np.nan
    np.testing.assert_allclose(mean, expected, rtol=1e-5)
    np.testing.assert_allclose(
        glance(Movie.from_array(pixels[:4, :4])), np.nanmean(pixels[:4, :4], 0), rtol=1e-5
    )


def test_a_glance_can_be_stopped() -> None:
    movie = Movie.from_array(np.zeros((50, 4, 4), np.uint8))
    with pytest.raises(Cancelled):
        glance(movie, progress=lambda done, total: done == 3)


def test_outlines_lie_where_the_rois_are() -> None:
    masks = np.zeros((2, 9, 12))
    masks[0, 2:5, 3:8] = 1
    masks[0, 7, 7] = 0.1  # a faint tail
    masks[1, 8, 11] = 1
    rois = RoiSet(masks.reshape(2, -1), np.arange(2), (9, 12))
    first, second = roi_outlines(rois)
    assert {tuple(it) for it in first.tolist()} == {(2, 3), (2, 8), (5, 8), (5, 3)}
    assert {tuple(it) for it in second.tolist()} == {(8, 11), (8, 12), (9, 12), (9, 11)}


def test_the_sentence_says_what_the_correlations_show() -> None:
    good, bad = np.array([0.9, 0.8, np.nan]), np.array([-0.001, 0.001, 0.5])
    assert "lie on their cells" in str(Agreement(good, bad))
    assert "0.85; 0.00 with y and x exchanged" in str(Agreement(good, bad))
    assert "0.00 as stored, and of 0.85 once" in str(Agreement(bad, good))
    assert "may belong to another recording" in str(Agreement(bad, bad))
    assert "do not change" in str(Agreement(good * np.nan, bad))


def test_rois_of_a_recordings_own_file(tmp_path: Path) -> None:
    movie = Movie.from_array(SQUARE.movie)
    assert own_rois(movie) is None
    path = image_nwb(tmp_path / "a.nwb", SQUARE)
    movie.path = path
    found = own_rois(movie)
    assert found is not None
    assert (found[0], len(found[1])) == (path, 7)
    traces = traces_with(path)
    assert traces is not None
    np.testing.assert_allclose(traces.values, SQUARE.traces, rtol=1e-5)
    assert traces_with(caiman(tmp_path / "b.hdf5", SQUARE, YrA=None, F_dff=None, C=None)) is None
    assert traces_with(tmp_path / "a.zip") is None
    np.save(tmp_path / "a.npy", SQUARE.movie)
    assert own_rois(open_movie(tmp_path / "a.npy")) is None
