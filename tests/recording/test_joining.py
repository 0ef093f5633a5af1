"""Recordings that are joined keep their frames, with a gap in time between them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.recording.movies import Corrections, arranged, arranged_rows, join
from napari_calcdyn.recording.movies.smooth_autocovariance import LAGS
from napari_calcdyn.recording.quality import check_quality, correct_movie
from napari_calcdyn.recording.ranges import GAP, laid_out

LENGTHS = (20, 30, 12)


@pytest.fixture
def recordings() -> list[Movie]:
    rng = np.random.default_rng(1)
    return [
        Movie.from_array(
            rng.integers(level, level + 100, (frames, 4, 5)).astype(np.uint16), name=f"day {level}"
        )
        for level, frames in zip((0, 300, 50), LENGTHS, strict=True)
    ]


def test_frames_keep_their_order_with_a_gap_between_recordings(recordings: list[Movie]) -> None:
    joined = join(recordings)
    assert [(it.name, len(it.frames)) for it in joined.parts] == list(
        zip(("day 0", "day 300", "day 50"), LENGTHS, strict=True)
    )
    assert joined.shape == (sum(LENGTHS) + 2 * GAP, 4, 5)
    frames, first = joined.frames(0, joined.n_frames), recordings[0].mean_frame()
    assert frames.dtype == np.float32
    for movie, (_, span) in zip(recordings, joined.parts, strict=True):
        mine, its = frames[span.start : span.stop], movie.frames(0, movie.n_frames)
        np.testing.assert_allclose(mine.mean(0), first, atol=1e-4)
        np.testing.assert_allclose(np.diff(mine, axis=0), np.diff(its.astype(float), axis=0), atol=1e-3)
    gaps = np.isnan(frames).all((1, 2))
    np.testing.assert_array_equal(joined.valid_frames, ~gaps)
    np.testing.assert_array_equal(
        np.flatnonzero(gaps), [*range(20, 20 + GAP), *range(50 + GAP, 50 + 2 * GAP)]
    )
    for start, stop in ((15, 28), (20, 22), (0, 1), (50, joined.n_frames)):
        np.testing.assert_array_equal(joined.frames(start, stop), frames[start:stop])
    np.testing.assert_allclose(joined.mean_frame(), first, atol=1e-4)


def test_nothing_that_looks_back_at_frames_reaches_over_a_gap() -> None:
    from napari_calcdyn.models.var.steady import FRAMES
    from napari_calcdyn.models.var_autoencoder.footprints import REACH

    assert max(LAGS, FRAMES, REACH) <= GAP


def test_recordings_may_keep_their_own_level(recordings: list[Movie]) -> None:
    joined = join(recordings, levelled=False)
    span = joined.parts[1].frames
    np.testing.assert_array_equal(joined.frames(span.start, span.stop), recordings[1].frames(0, 30))


def test_what_is_masked_in_one_is_masked_there_or_in_all(recordings: list[Movie]) -> None:
    frames, pixels = np.ones(30, bool), np.ones((4, 5), bool)
    frames[[3, 29]], pixels[1, 2] = False, False
    corrections = Corrections(("frames", "pixels"), frames, pixels, ((3, 4, "blank"), (29, 30, "blank")))
    joined = join([recordings[0], recordings[1].corrected(corrections)])
    np.testing.assert_array_equal(joined.valid_pixels, pixels)
    np.testing.assert_array_equal(
        np.flatnonzero(~joined.valid_frames), [*range(20, 20 + GAP), 23 + GAP, 49 + GAP]
    )
    assert joined.corrections is not None
    assert joined.corrections.bad_frames == ((23 + GAP, 24 + GAP, "blank"), (49 + GAP, 50 + GAP, "blank"))
    assert "2 bad frames left out" in str(joined.corrections)


def test_stretches_are_arranged_with_gaps_as_rows_are(recordings: list[Movie]) -> None:
    joined = join(recordings)
    stretches = [range(40, 50), range(5, 9)]
    movie, spans = arranged(joined, stretches), laid_out(map(len, stretches))
    assert movie.n_frames == 14 + GAP
    rows = arranged_rows(joined.frames(0, joined.n_frames).reshape(joined.n_frames, -1), stretches)
    np.testing.assert_array_equal(movie.frames(0, movie.n_frames).reshape(len(rows), -1), rows)
    np.testing.assert_array_equal(movie.valid_frames, np.isfinite(rows).all(1))
    assert [range(10), range(10 + GAP, 14 + GAP)] == list(spans)
    assert arranged(joined, [range(joined.n_frames)]) is joined


def test_other_sizes_and_frame_rates_are_refused(recordings: list[Movie]) -> None:
    small = Movie.from_array(np.zeros((9, 4, 4)), name="small")
    with pytest.raises(InputError, match="day 0 has frames of 4 × 5 pixels and small of 4 × 4: choose"):
        join([*recordings, small])
    recordings[0].frame_rate, recordings[2].frame_rate = 10.0, 30.0
    with pytest.raises(InputError, match="day 0 has 10 frames per second and day 50 30"):
        join(recordings)


def test_recordings_are_checked_before_they_are_joined(recordings: list[Movie]) -> None:
    joined = join(recordings)
    assert correct_movie(joined) is joined
    with pytest.raises(InputError, match="joined of 3 recordings: check each of them by itself"):
        check_quality(joined)
