"""Open napari with our docks, on a recording and what was found in it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import napari
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.docks.layout import keep_layout, layout_comes_back
from napari_calcdyn.gui.docks.panels import open_panel, panel_class, panel_name
from napari_calcdyn.gui.dynamics.model import load_result
from napari_calcdyn.gui.recording.recordings import open_recording
from napari_calcdyn.gui.saved.opening import open_session, opens_as_session
from napari_calcdyn.gui.session import Session, session_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_calcdyn.gui.compare.dock import CompareDock
    from napari_calcdyn.gui.dynamics.dock import DynamicsDock
    from napari_calcdyn.gui.inspector.dock import InspectorDock
    from napari_calcdyn.gui.neurons.dock import NeuronsDock
    from napari_calcdyn.gui.recording.dock import RecordingDock


class Docks(NamedTuple):
    """Our docks, in the order of their tabs."""

    recording: RecordingDock
    dynamics: DynamicsDock
    neurons: NeuronsDock
    inspector: InspectorDock
    compare: CompareDock


def show(
    movie_path: str | os.PathLike[str] | None = None, result_folder: str | os.PathLike[str] | None = None
) -> None:
    """Open a window with our docks, as it was when it was last closed, and return when it is closed.

    Parameters
    ----------
    movie_path : path, optional
        Recording to open: a file or a folder. Or a session, or the output of a command, which say where theirs is.
    result_folder : path, optional
        Output of ``calcdyn run`` on that recording; its model and maps are shown.
    """
    viewer = napari.Viewer()
    session = session_of(viewer)
    window = viewer.window._qt_window
    if not layout_comes_back(session, window):
        add_docks(viewer)
    keep_layout(session, window)
    if result_folder is not None:
        QTimer.singleShot(0, partial(open_panel, window, session, "dynamics"))
    if movie_path is not None and result_folder is None and opens_as_session(Path(movie_path)):
        open_session(session, Path(movie_path))
    elif movie_path is not None:
        open_results(session, Path(movie_path), None if result_folder is None else Path(result_folder))
    napari.run()
    session.close()


def add_docks(viewer: Viewer) -> Docks:
    """Add our docks to the right of a viewer, as tabs, with *Recording* in front."""
    docks = Docks(*(panel_class(topic)(viewer) for topic in Docks._fields))
    for dock in docks:
        viewer.window.add_dock_widget(
            dock, name=panel_name(dock.topic), area=dock.area, tabify=dock is not docks.recording
        )
    # After the window has laid its tabs out, which raises the last one.
    QTimer.singleShot(0, docks.recording.parentWidget().raise_)
    return docks


def open_results(session: Session, movie_path: Path, result_folder: Path | None) -> None:
    """Open a recording in the background, and after it the model and maps of an earlier run.

    Parameters
    ----------
    session : Session
        Whose viewer shows them.
    movie_path : Path
        Recording.
    result_folder : Path or None
        Output of ``calcdyn run``.
    """

    def load() -> None:
        if result_folder is not None:
            load_result(session, result_folder)

    open_recording(session, movie_path, then=load)
