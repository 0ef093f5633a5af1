"""Whether a dock can be seen: for Qt one that lies behind another tab is visible, only outside of the window."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QWidget


def in_front(widget: QWidget) -> bool:
    """Whether a widget is shown, and not in a dock that lies behind another tab.

    Parameters
    ----------
    widget : QWidget
        A dock's widget, or any part of it.
    """
    dock = widget
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    if dock is None or dock.isFloating():
        return bool(widget.isVisible())
    place = dock.geometry()
    return bool(widget.isVisible() and place.right() >= 0 and place.bottom() >= 0)
