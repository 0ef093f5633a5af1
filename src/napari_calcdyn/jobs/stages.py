"""Progress of the stages of a job, reported like that of a training."""

from __future__ import annotations

from collections.abc import Callable

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import ProgressCallback


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
