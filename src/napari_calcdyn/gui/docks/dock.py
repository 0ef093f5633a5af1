"""What our docks have in common: a scroll area, one line for messages, a progress row, and a clean end."""

from __future__ import annotations

import html
import re
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_calcdyn.gui.background.status import Notice, Status, Topic
from napari_calcdyn.gui.session import Session, session_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Docks alive per session, by a token each: the run of a viewer ends with the last dock that could show it.
_open_docks: weakref.WeakKeyDictionary[Session, set[int]] = weakref.WeakKeyDictionary()


class Listener:
    """The connections of one widget to signals that outlive it; closed when the widget is destroyed."""

    def __init__(self) -> None:
        self._connections: list[tuple[Any, weakref.WeakMethod[Any]]] = []

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a bound method to a signal of psygnal or napari."""
        signal.connect(slot)
        self._connections.append((signal, weakref.WeakMethod(slot)))

    def close(self) -> None:
        """Disconnect everything. May be called any number of times."""
        while self._connections:
            signal, reference = self._connections.pop()
            slot = reference()
            if slot is not None:
                signal.disconnect(slot)


def _on_gone(listener: Listener, session: Session, token: int) -> None:
    """Clean up after a dock, once or more often; no method, as the object may be gone by then."""
    listener.close()
    docks = _open_docks.get(session, set())
    docks.discard(token)
    if not docks:
        session.close()


class Dock(QWidget):  # type: ignore[misc]
    """A dock widget of this plugin.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to; held weakly, through the session.
    """

    topic: ClassVar[Topic]

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self._listener = Listener()
        self._tabbed = self._put_away = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(8, 6, 8, 6)
        self.body.setSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(_UprightScroll(content))

        self.progress = ProgressRow()
        self.message = MessageLine()
        self.listen(self.session.work.events.status, self._show_status)
        self.listen(self.session.work.events.notice, self._show_notice)
        docks = _open_docks.setdefault(self.session, set())
        docks.add(id(self._listener))
        self._gone = partial(_on_gone, self._listener, self.session, id(self._listener))
        self.destroyed.connect(self._gone)

    def listen(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a method of this dock to a signal until the dock is destroyed."""
        self._listener.connect(signal, slot)

    def _show_status(self, status: Status | None) -> None:
        self.progress.show_status(status if status is not None and status.topic == self.topic else None)

    def _show_notice(self, notice: Notice | None) -> None:
        if notice is None:
            self.message.say("")
        elif notice.topic == self.topic:
            self.message.say(notice.text, notice.is_error)

    def event(self, event: QEvent) -> bool:
        """Notice that the dock was closed: napari takes it out of the window, and destroys it some time later."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self._gone()
        return bool(super().event(event))

    def showEvent(self, event: QShowEvent) -> None:
        """Share one place with our other docks, as tabs, when first shown; come to the front when opened again."""
        super().showEvent(event)
        if not self._tabbed:
            self._tabbed = True
            self._tab_with_sibling()
            dock = self.parentWidget()
            if isinstance(dock, QDockWidget):
                dock.visibilityChanged.connect(self.on_front)
                _shorten_tab(dock, self.topic.capitalize())
        elif self._put_away:
            QTimer.singleShot(0, self.parentWidget().raise_)  # once it is a tab again

    def hideEvent(self, event: QHideEvent) -> None:
        """Note whether the dock itself was hidden, and not the window or the tab."""
        super().hideEvent(event)
        self._put_away = self.parentWidget() is not None and self.parentWidget().isHidden()

    def on_front(self, front: bool) -> None:
        """Follow that the dock can be seen now, or not any more: it was hidden, or lies behind another tab."""

    def _tab_with_sibling(self) -> None:
        window, dock = self.window(), self.parentWidget()
        if not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget):
            return
        for other in window.findChildren(QDockWidget):
            if other is not dock and isinstance(other.widget(), Dock) and not other.isFloating():
                if dock not in window.tabifiedDockWidgets(other):
                    window.tabifyDockWidget(other, dock)
                    dock.raise_()
                return


def _shorten_tab(dock: QDockWidget, title: str) -> None:
    """Write a short title on a dock's tab, where five of them share little room; menu and heading keep theirs."""
    entry = dock.toggleViewAction()
    name = entry.text()
    dock.setWindowTitle(title)
    entry.setText(name)


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


class MessageLine(QLabel):  # type: ignore[misc]
    """One calm sentence; it takes no room while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setVisible(False)

    def say(self, text: str, is_error: bool = False) -> None:
        """Show a sentence, or nothing where it is empty."""
        self.setStyleSheet(
            "border-left: 3px solid #d9822b; padding: 3px 0px 3px 8px;"
            if is_error
            else "border-left: 3px solid #808890; padding: 3px 0px 3px 8px;"
        )
        self._said = text
        self.setText(breakable(text))  # else the name of a file made the window wider
        self.setVisible(bool(text))

    def text(self) -> str:
        """Return the sentence, without the places at which it may be broken."""
        return self._said


class ProgressRow(QWidget):  # type: ignore[misc]
    """A progress bar with the words of the stage and the time left; hidden while nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.stage = QLabel()
        self.stage.setWordWrap(True)
        self.time_left = QLabel()
        words = QHBoxLayout()
        words.addWidget(self.stage, 1)
        words.addWidget(self.time_left)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.bar)
        layout.addLayout(words)
        self.setVisible(False)

    def show_status(self, status: Status | None) -> None:
        """Show how far a job has come; None hides the row and resets it."""
        self.setVisible(status is not None)
        if status is None or status.fraction is None:
            self.bar.setRange(0, 0 if status is not None else 1000)
            self.bar.setValue(0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * min(max(status.fraction, 0.0), 1.0)))
        self.stage.setText(breakable(status.stage) if status is not None else "")
        eta = status.eta if status is not None else None
        about = "" if eta is None else duration(eta) if eta < 60 else f"{round(eta / 60):,} min"
        self.time_left.setText(about and f"{about} left")  # short, that the stage keeps to one line


def duration(seconds: float) -> str:
    """Return a duration in words short enough for a label, as ``"1 min 20 s"``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 1 else "< 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def breakable(text: str) -> str:
    """Return words, names or paths as rich text that a narrow label can break between their parts."""
    return re.sub(r"([/\\_.\-]+|[^\W_]{20})", "\\1\u200b", html.escape(text))


def caption(text: str, tooltip: str = "") -> QLabel:
    """Return a section heading."""
    label = QLabel(text)
    label.setStyleSheet("font-weight: 600;")
    label.setToolTip(tooltip)
    return label
