"""The example in napari's menu File → Open Sample: a simulated recording with all that is found in it."""

from __future__ import annotations

import threading
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtCore import QStandardPaths, QTimer
from qtpy.QtWidgets import QWidget

from napari_calcdyn.gui.background.status import by_stage
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.session import session_of

from .menu import open_in_place

if TYPE_CHECKING:
    from napari.types import LayerData

    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.gui.session import Session

MAKING = "Making the example"
_PLACEHOLDER = "the example is on its way"
_STOPPED = "The example was not made: choose it again in File → Open Sample."


def example_session() -> list[LayerData]:
    """Open the example in place of what is in the window; made in the background when it is first opened.

    Returns
    -------
    list of LayerData
        An empty layer, because napari takes a sample without one for an error. It is gone at once.
    """
    viewer = current_viewer()
    options = {"name": _PLACEHOLDER, "ndim": 2}
    if viewer is not None:
        session, window = session_of(viewer), viewer.window._qt_window
        QTimer.singleShot(0, partial(_begin, session, window))  # once that layer is there
        if len(viewer.layers):  # napari warns of layers whose units differ
            options["units"] = viewer.layers[-1].units[-2:]
    return [([], options, "points")]


def example_folder() -> Path:
    """Return where the example is kept, for each version: in the folder of the system for what can be made again."""
    cache = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)
    return Path(cache) / "napari-calcdyn" / f"example-{version('napari-calcdyn')}"


def _begin(session: Session, window: QWidget) -> None:
    viewer, folder = session.viewer, example_folder()
    if viewer is None:
        return
    for layer in [it for it in viewer.layers if it.name.startswith(_PLACEHOLDER)]:
        viewer.layers.remove(layer)
    # The last one is in front: it shows how far it is.
    for topic in ("recording", "dynamics", "inspector", "recording"):
        open_panel(window, session, topic)

    def work(report: Report, stop: threading.Event) -> Path:
        from napari_calcdyn.jobs.example import make_example

        leave_a_core()
        return make_example(folder, by_stage("recording", report, stop))

    def done(results: Path) -> None:
        if open_in_place(session, window, results):
            open_panel(window, session, "dynamics")

    session.work.start_work("recording", MAKING, work, done, stopped=_STOPPED)
