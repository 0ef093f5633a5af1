"""Finding our docks by their topic: the dock *Topic* is the class ``TopicDock`` in the folder ``topic``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from .dock import Dock

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session


def panel_class(topic: str) -> type[Dock]:
    """Return the class of a dock, imported when it is asked for: docks do not know each other."""
    kind: type[Dock] = getattr(import_module(f"napari_calcdyn.gui.{topic}.dock"), f"{topic.capitalize()}Dock")
    return kind


def panel_name(topic: str) -> str:
    """Return the name of a dock in napari's window, as napari gives it when it is opened from its menu."""
    return f"{topic.capitalize()} (CalcDyn)"


def main_window(widget: QWidget) -> QMainWindow | None:
    """Return the window that a dock belongs to, floating or not; None where it was taken out."""
    window = widget
    while window is not None and not isinstance(window, QMainWindow):
        window = window.parentWidget()
    return window


def add_panel(session: Session, topic: str, *, stay: bool = False) -> Dock | None:
    """Make a dock and put it into the window; None where the viewer is gone.

    Parameters
    ----------
    session : Session
        Of the viewer.
    topic : str
        Which dock.
    stay : bool
        Whether something else puts it in its place.
    """
    viewer, kind = session.viewer, panel_class(topic)
    if viewer is None:
        return None
    dock = kind(viewer)
    dock.stays = stay
    viewer.window.add_dock_widget(dock, name=panel_name(topic), area=kind.area, tabify=kind.area == "right")
    return dock


def frame_of(dock: Dock) -> QWidget:
    """Return what napari put around a dock, or the dock itself where it is alone."""
    frame = dock.parentWidget()
    return frame if isinstance(frame, QDockWidget) else dock


def open_panel(asking: QWidget, session: Session, topic: str) -> None:
    """Bring a dock to the front; one that was never there is made.

    Parameters
    ----------
    asking : QWidget
        The dock whose button was pressed.
    session : Session
        Of the viewer that they belong to.
    topic : str
        Which dock: the folder that it lives in.
    """
    viewer, window = session.viewer, main_window(asking)
    if viewer is None or window is None:
        return
    kind = panel_class(topic)
    there = [it for it in window.findChildren(QDockWidget) if isinstance(it.widget(), kind)]
    if not there:
        added = add_panel(session, topic)
        there = [] if added is None else [frame_of(added)]
        if kind.area == "bottom":
            QTimer.singleShot(0, viewer.reset_view)  # once the picture has its new size
    for dock in there:
        dock.show()
        dock.raise_()
