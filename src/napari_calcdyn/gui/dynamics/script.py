"""The script that repeats what the Dynamics dock did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.recording.source import model_of, rois_of, source_of
from napari_calcdyn.jobs.scripts.dynamics import run_script
from napari_calcdyn.jobs.scripts.pieces import FOUND

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script


def script_of(session: Session, device: str) -> Script:
    """Return what trains the model, maps the recording, and finds what drives which of its cells.

    Raises
    ------
    InputError
        If a script could not do that.
    """
    model = model_of(session.dynamics)
    rois = FOUND if session.rois_of_movie() is None else rois_of(session)
    return run_script(source_of(session), model, rois, device)
