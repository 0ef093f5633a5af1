"""The mean brightness of a recording over time: a curve to find one's way by."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_calcdyn.gui.background.job import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.recording import Movie

MOST_FRAMES = 2000  # that are read of a recording; more could not be told apart in a dock

Curve = tuple["NDArray[np.int64]", "NDArray[np.float64]"]
"""Frames, and their mean brightness."""

_known: weakref.WeakKeyDictionary[Movie, Curve] = weakref.WeakKeyDictionary()


class Activity:
    """Reads the mean brightness of recordings in the background, one after the other, each once.

    Signals
    -------
    changed()
        One more is known.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._job: Job | None = None
        self._wanted: list[weakref.ref[Movie]] = []

    def of(self, movie: Movie) -> Curve | None:
        """Return the curve of a recording, or None until `changed`."""
        if movie in _known:
            return _known[movie]
        if all(it() is not movie for it in self._wanted):
            self._wanted.append(weakref.ref(movie))
            self._next()
        return None

    def close(self) -> None:
        """Stop, and call nothing back. May be called any number of times."""
        self._wanted = []
        if self._job is not None:
            self._job.close()
            self._job = None

    def _next(self) -> None:
        wanted = [it for reference in self._wanted if (it := reference()) is not None and it not in _known]
        if self._job is not None or not wanted:
            return
        movie = wanted[0]

        def work(report: Report, stop: threading.Event) -> Curve:
            return mean_brightness(movie, stop)

        job = self._job = Job("Reading the brightness", work)
        job.ended.connect(self._on_ended)
        # Without the curve everything else works, and the comparison says what is wrong with the file.
        nothing = (np.empty(0, np.int64), np.empty(0))
        job.failed.connect(lambda _: self._take(movie, nothing))
        job.done.connect(lambda curve: self._take(movie, curve))
        job.start()

    def _take(self, movie: Movie, curve: Curve) -> None:
        _known[movie] = curve
        self._next()
        self.changed.emit()

    def _on_ended(self) -> None:
        self._job = None


def mean_brightness(movie: Movie, stop: threading.Event | None = None) -> Curve:
    """Return the mean over pixels of all frames, or of `MOST_FRAMES` evenly spaced ones of a long recording.

    Parameters
    ----------
    movie : Movie
        The recording.
    stop : threading.Event, optional
        Ends it early, with what there is.

    Returns
    -------
    frames : ndarray (n,), int64
        Frame numbers.
    brightness : ndarray (n,), float64
        In movie units, of the pixels that are not masked; NaN for frames that are left out.
    """
    step = -(-movie.n_frames // MOST_FRAMES)
    frames: list[int] = []
    brightness: list[float] = []
    # Frame by frame where some are left out; blocks are read ahead, and faster, where none is.
    parts = (
        movie.blocks()
        if step == 1
        else ((at, movie.frames(at, at + 1)) for at in range(0, movie.n_frames, step))
    )
    for start, block in parts:
        if stop is not None and stop.is_set():
            break
        frames.extend(range(start, start + len(block)))
        seen = block if movie.valid_pixels.all() else block[:, movie.valid_pixels][:, None]
        brightness.extend(seen.mean((1, 2), dtype=np.float64).tolist())
    at = np.array(frames, np.int64)
    return at, np.where(movie.valid_frames[at], brightness, np.nan)
