"""What docks beside the picture have in common: a scroll area, a progress row, and one place, as tabs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QSizePolicy, QWidget

from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.forms.pieces import stacked
from napari_calcdyn.gui.session import Session

from .dock import Dock
from .keys import bind_keys
from .message import ProgressRow

if TYPE_CHECKING:
    from napari.viewer import Viewer


class SideDock(Dock):
    """A dock widget at the right of the picture, as a tab beside the others that are there."""

    area = "right"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._put_away = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

        content = QWidget()
        self.body = stacked(parent=content, margins=(8, 6, 8, 6), spacing=6)
        stacked(_UprightScroll(content), parent=self)

        self.progress = ProgressRow()
        self.listen(self.session.work.events.status, self._show_status)
        self.session.docks.add(id(self._listener))
        self._listener.at_end(partial(_leave, self.session, id(self._listener)))

    def _show_status(self, status: Status | None) -> None:
        self.progress.show_status(status if status is not None and status.topic == self.topic else None)

    def showEvent(self, event: QShowEvent) -> None:
        """Come to the front when opened again."""
        again = self._placed
        super().showEvent(event)
        if not again:
            self._shorten_title()
            if isinstance(self.window(), QMainWindow):
                bind_keys(self.session, self.window())
        if again and self._put_away:
            QTimer.singleShot(0, self.parentWidget().raise_)  # once it is a tab again

    def hideEvent(self, event: QHideEvent) -> None:
        """Note whether the dock itself was hidden, and not the window or the tab."""
        super().hideEvent(event)
        self._put_away = self.parentWidget() is not None and self.parentWidget().isHidden()

    def take_place(self) -> None:
        """Share one place with our other docks, as tabs."""
        window, dock = self.window(), self.parentWidget()
        if isinstance(dock, QDockWidget) and isinstance(window, QMainWindow):
            _tab_with_sibling(window, dock)

    def _shorten_title(self) -> None:
        """Let menu and heading keep the long title; on the tabs, five of them share little room."""
        dock = self.parentWidget()
        if not isinstance(dock, QDockWidget):
            return
        entry = dock.toggleViewAction()
        name = entry.text()
        dock.setWindowTitle(self.topic.capitalize())
        entry.setText(name)


def _tab_with_sibling(window: QMainWindow, dock: QDockWidget) -> None:
    for other in window.findChildren(QDockWidget):
        if other is not dock and isinstance(other.widget(), SideDock) and not other.isFloating():
            if dock not in window.tabifiedDockWidgets(other):
                window.tabifyDockWidget(other, dock)
                dock.raise_()
            return


def _leave(session: Session, token: int) -> None:
    """End the run of a viewer with the last dock that could show it."""
    session.docks.discard(token)
    if not session.docks:
        session.close()


class _UprightScroll(QScrollArea):  # type: ignore[misc]
    """Scrolls up and down only: it is never narrower than what it holds, so nothing is cut off."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        content.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width(self.widget().minimumSizeHint()), 100)

    def sizeHint(self) -> QSize:
        hint = self.widget().sizeHint()
        return QSize(max(self._width(hint), 320), hint.height())

    def _width(self, hint: QSize) -> int:
        return int(hint.width() + self.verticalScrollBar().sizeHint().width())
