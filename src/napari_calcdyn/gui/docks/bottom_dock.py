"""What docks below the picture have in common: their place, and a clean end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QWidget

from napari_calcdyn.gui.session import session_of

from .dock import Listener

if TYPE_CHECKING:
    from napari.viewer import Viewer


class BottomDock(QWidget):  # type: ignore[misc]
    """A dock widget that moves below the picture when it is first shown, as a tab beside others that are there.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to; held weakly, through the session.
    closing : callable
        Called when the dock goes, once or more often; holds nothing of the dock.
    """

    def __init__(self, napari_viewer: Viewer, closing: Callable[[], object]) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self._listener = Listener()
        self._placed = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._gone = partial(_on_gone, self._listener, closing)
        self.destroyed.connect(self._gone)

    def listen(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a method of this dock to a signal until the dock is destroyed."""
        self._listener.connect(signal, slot)

    def event(self, event: QEvent) -> bool:
        """Notice that the dock was closed: napari takes it out of the window, and destroys it some time later."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self._gone()
        return bool(super().event(event))

    def showEvent(self, event: QShowEvent) -> None:
        """Move below the picture when first shown, as napari's menu opens everything at its side."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            dock = self.parentWidget()
            if isinstance(dock, QDockWidget):
                dock.visibilityChanged.connect(self.on_front)
            QTimer.singleShot(0, self._move_below)  # Qt crashes where a dock moves while it is being shown

    def on_front(self, front: bool) -> None:
        """Follow that the dock can be seen now, or not any more: it was hidden, or lies behind another tab."""

    def _move_below(self) -> None:
        window, dock = self.window(), self.parentWidget()
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        if not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget) or dock.isFloating():
            return
        # The docks at the sides keep their height, or a small window had no room for the list of layers.
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        if window.dockWidgetArea(dock) != below:
            window.addDockWidget(below, dock)
        beside = [
            it
            for it in window.findChildren(QDockWidget)
            if it is not dock
            and window.dockWidgetArea(it) == below
            and it.isVisible()
            and not it.isFloating()
        ]
        if beside and dock not in window.tabifiedDockWidgets(beside[0]):
            window.tabifyDockWidget(beside[0], dock)
            dock.raise_()

    def sizeHint(self) -> QSize:
        """Stay low: the picture is above."""
        return QSize(800, 230)


def _on_gone(listener: Listener, closing: Callable[[], object]) -> None:
    """Clean up after the dock; no method, as the object may be gone by then."""
    listener.close()
    closing()
