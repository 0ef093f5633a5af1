"""Progress of the stages of a job, reported like that of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_calcdyn.models.training import Progress
from napari_calcdyn.recording import Movie, ProgressCallback
from napari_calcdyn.recording.movies.corrections import joined, nothing_corrected


def corrections_of(*movies: Movie) -> dict[str, Any]:
    """Return what result files say about the corrections of recordings.

    Parameters
    ----------
    *movies : Movie
        One, or several that follow each other in time.

    Returns
    -------
    dict
        ``corrections``, ``bad_frames`` (counted through all recordings), ``masked_pixels`` and ``findings``.
    """
    together = joined([(movie.corrections, movie.shape) for movie in movies])
    return (together or nothing_corrected(movies[0].shape)).record()


def in_stage(tell: Callable[[Progress], object], name: str) -> ProgressCallback:
    """Return a callback that reports the progress of one stage.

    Parameters
    ----------
    tell : callable
        Called with every report; may raise to end the stage.
    name : str
        Name of the stage.

    Returns
    -------
    callable
        To be called with units of work done and in all.
    """

    def progress(done: int, total: int) -> None:
        tell(Progress(name, done, total))

    return progress
