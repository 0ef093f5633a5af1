"""Asking how what is on the canvas becomes a figure, and writing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtWidgets import QInputDialog, QWidget

from napari_calcdyn.gui.session import session_of
from napari_calcdyn.recording import InputError

from .saving import ask_file

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.status import Topic
    from napari_calcdyn.gui.session import Session

ENDINGS = ("png", "svg", "pdf")
_LEAST, _USUAL, _MOST = 100, 2000, 10_000  # pixels


def save_canvas_figure() -> None:
    """Do so from napari's menu File → IO Utilities."""
    viewer = current_viewer()
    if viewer is not None:
        save_canvas(session_of(viewer), viewer.window._qt_window, "recording")


def save_canvas(session: Session, parent: QWidget, topic: Topic) -> None:
    """Ask for a file and for the pixels of the picture, and write what is on the canvas there.

    Parameters
    ----------
    session : Session
        Of the viewer.
    parent : QWidget
        Which asks.
    topic : str
        The dock that says what came of it.
    """
    from napari_calcdyn.gui.figures.canvas_figure import write_canvas

    viewer = session.viewer
    if viewer is None:
        return
    path = ask_file(parent, session, topic, "Save the canvas as a figure", "canvas", ENDINGS)
    if path is None:
        return
    question = "Width of the picture in pixels:"
    width, wanted = QInputDialog.getInt(
        parent, "Save the canvas as a figure", question, _USUAL, _LEAST, _MOST, 100
    )
    if not wanted:
        return
    try:
        write_canvas(viewer, path, width)
        session.work.tell(topic, f"The canvas was saved as {path}.")
    except InputError as error:
        session.work.tell(topic, str(error), True)
