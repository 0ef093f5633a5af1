"""What docks below the picture have in common: their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QSizePolicy

from .dock import Dock
from .keys import bind_keys

if TYPE_CHECKING:
    from napari.viewer import Viewer


class BottomDock(Dock):
    """A dock widget that moves below the picture when it is first shown, as a tab beside others that are there."""

    area = "bottom"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def showEvent(self, event: QShowEvent) -> None:
        """Bind the keys of the window, as docks beside the picture do."""
        super().showEvent(event)
        if isinstance(self.window(), QMainWindow):
            bind_keys(self.session, self.window())

    def take_place(self) -> None:
        """Move below the picture."""
        QTimer.singleShot(0, self._move_below)  # Qt crashes where a dock moves while it is being shown

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
