"""Recordings of one field of view as one movie, with a gap of time between any two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.progress import ProgressCallback, part_of
from napari_calcdyn.recording.ranges import Part, laid_out

from .corrections import joined, nothing_corrected
from .movie import Movie

_SAME_RATE = 0.01  # relative difference of frame rates that is tolerated


def check_together(movies: Sequence[Movie]) -> None:
    """Refuse recordings that are not of one field of view and one frame rate.

    Parameters
    ----------
    movies : sequence of Movie
        The recordings.

    Raises
    ------
    InputError
        If height, width or frame rate differ.
    """
    first = movies[0]
    for other in movies[1:]:
        if first.frame_shape != other.frame_shape:
            raise InputError(
                f"{first.name} has frames of {size_text(first.frame_shape)} pixels and {other.name} of"
                f" {size_text(other.frame_shape)}: choose recordings of one field of view."
            )
        check_frame_rates(first, other)


def check_frame_rates(one: Movie, other: Movie) -> None:
    """Refuse two recordings whose frame rates are known to differ.

    Parameters
    ----------
    one, other : Movie
        The recordings.

    Raises
    ------
    InputError
        If they differ by more than a hundredth.
    """
    rate, its = one.frame_rate, other.frame_rate
    if rate and its and abs(rate - its) > _SAME_RATE * max(rate, its):
        raise InputError(
            f"{one.name} has {rate:g} frames per second and {other.name} {its:g}: a lag of one frame is not the same"
            " time in both, so bring them to one frame rate first."
        )


class JoinedSource:
    """Stretches of movies one after the other, with frames of NaN between any two.

    Parameters
    ----------
    stretches : sequence of (Movie, range)
        Frames of each movie; of one size.
    levels : sequence of ndarray (Y, X), float32, optional
        What is added to the frames of each stretch.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self,
        stretches: Sequence[tuple[Movie, range]],
        levels: Sequence[NDArray[np.float32]] | None = None,
    ) -> None:
        self._stretches, self._levels = stretches, levels
        self.spans = laid_out(len(it) for _, it in stretches)
        self.shape = (self.spans[-1].stop, *stretches[0][0].frame_shape)
        self.files = tuple(dict.fromkeys(file for movie, _ in stretches for file in movie.files))

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read consecutive frames into `out`, from `start` on."""
        stop, out[...] = start + len(out), np.nan
        for at, ((movie, frames), span) in enumerate(zip(self._stretches, self.spans, strict=True)):
            first, last = max(start, span.start), min(stop, span.stop)
            if first >= last:
                continue
            moved, part = frames.start - span.start, out[first - start : last - start]
            part[...] = movie.frames(first + moved, last + moved)
            if self._levels is not None:
                part += self._levels[at]

    def lazy(self) -> Any:
        """Return None: frames can only be read."""
        return


def join(
    movies: Sequence[Movie], progress: ProgressCallback | None = None, *, levelled: bool = True
) -> Movie:
    """Join recordings of one field of view, such as trials or days, to one movie.

    Between any two lie `GAP` frames without a picture, which take part in nothing: no window, lag or difference goes
    from one recording to the next. Correct the recordings before, see `correct_movies`, so that they lie on top of each
    other.

    Parameters
    ----------
    movies : sequence of Movie
        The recordings, in the order of time.
    progress : callable or None
        Called with frames done and in all while mean frames are computed; returns True to stop.
    levelled : bool
        Whether each recording gets the mean frame of the first: what differs between the means, such as brightness, is
        then no dynamics. Otherwise nothing is read, and frames stay as they are.

    Returns
    -------
    Movie
        All frames as float32, and in `parts` which of them belong to which recording.

    Raises
    ------
    InputError
        If the frames or the frame rates differ.
    Cancelled
        If `progress` asked to stop.
    """
    check_together(movies)
    levels = None
    if levelled:
        ends = np.cumsum([0, *(it.n_frames for it in movies)]).tolist()
        means = [
            movie.mean_frame(part_of(progress, start, stop, ends[-1]))
            for movie, (start, stop) in zip(movies, pairwise(ends), strict=True)
        ]
        levels = [means[0] - it for it in means]
    source = JoinedSource([(it, range(it.n_frames)) for it in movies], levels)
    names = [it.name for it in movies]
    return Movie(
        source,
        frame_rate=next((it.frame_rate for it in movies if it.frame_rate), None),
        pixel_size=movies[0].pixel_size,
        name=joined_name(names),
        corrections=joined([it.corrections or nothing_corrected(it.shape) for it in movies]),
        notes=tuple(dict.fromkeys(note for it in movies for note in it.notes)),
        parts=tuple(Part(*it) for it in zip(names, source.spans, strict=True)),
    )


def joined_name(names: Sequence[str]) -> str:
    """Return the name of recordings that were joined.

    Parameters
    ----------
    names : sequence of str
        Of each of them.

    Returns
    -------
    str
        Both names, or the first and how many more there are.
    """
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"


def recorded_frames(movie: Movie) -> int:
    """Return the number of frames of a movie, without the gaps between recordings that were joined.

    Parameters
    ----------
    movie : Movie
        The recording, or several that were joined.

    Returns
    -------
    int
        Frames of all recordings.
    """
    return sum(len(it.frames) for it in movie.parts)


def arranged(movie: Movie, stretches: Iterable[range]) -> Movie:
    """Return some stretches of a movie one after the other, with gaps between them.

    Parameters
    ----------
    movie : Movie
        The recording, or several that were joined.
    stretches : iterable of range
        Of its frames.

    Returns
    -------
    Movie
        As lazy as this one, and with the same pixels and frames masked; itself, if it is all of it.
    """
    stretches = list(stretches)
    if stretches == [range(movie.n_frames)]:
        return movie
    source = JoinedSource([(movie, it) for it in stretches])
    valid = np.ones(source.shape[0], bool)
    for stretch, span in zip(stretches, source.spans, strict=True):
        valid[span.start : span.stop] = movie.valid_frames[stretch.start : stretch.stop]
    done = movie.corrections or nothing_corrected(movie.shape)
    return Movie(
        source,
        frame_rate=movie.frame_rate,
        pixel_size=movie.pixel_size,
        name=movie.name,
        corrections=replace(done, valid_frames=valid, bad_frames=(), shifts=None, brightness=None),
        parts=tuple(Part(movie.name, it) for it in source.spans),
    )


def arranged_rows(columns: NDArray[Any], stretches: Iterable[range]) -> NDArray[Any]:
    """Return the same stretches of columns as `arranged` returns of frames.

    Parameters
    ----------
    columns : ndarray (T, d)
        Of each frame of a movie.
    stretches : iterable of range
        Of its frames.

    Returns
    -------
    ndarray (n, d)
        NaN in the gaps.
    """
    stretches = list(stretches)
    if stretches == [range(len(columns))]:
        return columns
    spans = laid_out(map(len, stretches))
    rows = np.full((spans[-1].stop, *columns.shape[1:]), np.nan, columns.dtype)
    for stretch, span in zip(stretches, spans, strict=True):
        rows[span.start : span.stop] = columns[stretch.start : stretch.stop]
    return rows
