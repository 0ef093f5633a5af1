"""Cells found in the recording as its ROIs, for those who have none."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_calcdyn.gui.session import Session

from .inputs import drawable, take_rois

if TYPE_CHECKING:
    from napari_calcdyn.recording import RoiSet
    from napari_calcdyn.recording.progress import ProgressCallback

FINDING = "Finding cells"


def find_cells(session: Session) -> bool:
    """Find the cells of the recording, as it is corrected, in the background, and make them the ROIs.

    Parameters
    ----------
    session : Session
        With a movie.

    Returns
    -------
    bool
        Whether the job was started.
    """
    return session.work.after_check("neurons", FINDING, partial(_find, session))


def _find(session: Session) -> bool:
    movie = session.recording.movie
    if movie is None:
        session.work.tell("neurons", "Open a recording first, in the Recording panel.", True)
        return False

    def compute(progress: ProgressCallback) -> RoiSet:
        from napari_calcdyn.models.sources import find_sources

        def watched(done: int, total: int) -> bool:
            return bool(progress(done, total)) or session.recording.movie is not movie

        return drawable(find_sources(movie, progress=watched).rois)

    def done(rois: RoiSet) -> None:
        if session.recording.movie is movie:
            take_rois(session, rois, found=True)

    return session.work.start("neurons", FINDING, compute, done)
