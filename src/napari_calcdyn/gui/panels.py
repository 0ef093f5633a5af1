"""Bringing one of our docks to the front, for the buttons that lead there."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from .dock import Dock

if TYPE_CHECKING:
    from .session import Topic

_CLASSES = {
    "recording": ("movies.recording_dock", "RecordingDock"),
    "dynamics": ("dynamics.dynamics_dock", "DynamicsDock"),
    "neurons": ("neurons.neurons_dock", "NeuronsDock"),
}


def main_window(widget: QWidget) -> QMainWindow | None:
    """Return the window that a dock belongs to, floating or not; None where it was taken out."""
    window = widget
    while window is not None and not isinstance(window, QMainWindow):
        window = window.parentWidget()
    return window


def open_panel(asking: Dock, topic: Topic) -> None:
    """Bring the dock *Recording*, *Dynamics* or *Neurons* to the front; one that was never there is made.

    Parameters
    ----------
    asking : Dock
        The dock whose button was pressed.
    topic : str
        Which dock.
    """
    viewer, window = asking.session.viewer, main_window(asking)
    if viewer is None or window is None:
        return
    docks = window.findChildren(QDockWidget)
    there = [it for it in docks if isinstance(it.widget(), Dock) and it.widget().topic == topic]
    if not there:
        module, name = _CLASSES[topic]
        made = getattr(import_module(f".{module}", __package__), name)(viewer)
        title = f"{topic.capitalize()} (CalcDyn)"
        there = [viewer.window.add_dock_widget(made, name=title, area="right", tabify=True)]
    for dock in there:
        dock.show()
        dock.raise_()
