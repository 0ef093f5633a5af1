"""The script that repeats the test of the Inspector's arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.recording.source import model_of, rois_of, source_of
from napari_calcdyn.jobs.scripts.dynamics import influence_script

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script


def script_of(session: Session) -> Script:
    """Return what tests the arrows between the session's ROIs.

    Raises
    ------
    InputError
        If a script could not do that.
    """
    return influence_script(source_of(session), model_of(session.dynamics), rois_of(session))
