"""The script that repeats the correlation with the behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.layers.movie_time import belong_together
from napari_calcdyn.gui.neurons.script import traces_from
from napari_calcdyn.gui.recording.source import model_of, rois_of, source_of
from napari_calcdyn.jobs.scripts.neurons import TracesFrom, behaviour_script
from napari_calcdyn.recording import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script

    from .correlations import Kind

_NO_TABLE = "Open a table of the behaviour first."


def script_of(session: Session, kind: Kind) -> Script:
    """Return what correlates the behaviour with ROIs or with latents again.

    Raises
    ------
    InputError
        If a script could not do that.
    """
    path, movie = session.recording.behaviour_path, source_of(session)
    if session.recording.behaviour is None or path is None:
        raise InputError(_NO_TABLE)
    if kind == "sources":
        return behaviour_script(movie, path.absolute(), model_of(session.dynamics))
    of = traces_from(session) if belong_together(session) else TracesFrom(movie, None, rois_of(session))
    return behaviour_script(movie, path.absolute(), of)
