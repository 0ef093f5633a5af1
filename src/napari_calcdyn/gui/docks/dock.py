"""What docks and their pages have in common: what they listen to, and a clean end."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QEvent
from qtpy.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from qtpy.QtWidgets import QAbstractButton, QDockWidget, QLabel, QMenu, QWidget

from napari_calcdyn.gui.background.status import Notice, Topic
from napari_calcdyn.gui.forms.values import show_values, values_of
from napari_calcdyn.gui.help.button import HelpButton
from napari_calcdyn.gui.plots.figure import ENDINGS, plot_at, save_plot
from napari_calcdyn.gui.plots.theme import PAPER, PlotColours, plot_colours
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.recording import InputError

from .fronts import in_front
from .message import MessageLine
from .remembered import remember, remembered
from .saving import ask_file

if TYPE_CHECKING:
    from napari.viewer import Viewer

_RESTORED = "The settings of this panel are what they were before you changed any."


class Listener:
    """The connections of one widget to signals that outlive it; closed when the widget is destroyed."""

    def __init__(self) -> None:
        self._connections: list[tuple[Any, weakref.WeakMethod[Any]]] = []
        self._endings: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a bound method to a signal of psygnal or napari."""
        signal.connect(slot)
        self._connections.append((signal, weakref.WeakMethod(slot)))

    def at_end(self, call: Callable[[], object]) -> None:
        """Let the first `close` call something that holds nothing of the widget."""
        self._endings.append(call)

    def close(self) -> None:
        """Disconnect everything. May be called any number of times."""
        while self._connections:
            signal, reference = self._connections.pop()
            slot = reference()
            if slot is not None:
                signal.disconnect(slot)
        # Once: a dock that was closed may be destroyed when the program ends, after all else.
        while self._endings:
            self._endings.pop(0)()


class Dock(QWidget):  # type: ignore[misc]
    """A dock widget of this plugin: the parent of those beside the picture and of those below it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to; held weakly, through the session.
    """

    topic: ClassVar[Topic]
    area: ClassVar[str]
    """Of the window: ``"right"`` or ``"bottom"``."""
    own: ClassVar[tuple[str, ...]] = ()
    """Names in `settings` of those that are the user's own, whatever recording is open."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self._listener = Listener()
        self._placed = False
        self.stays = False
        """Whether its place in the window comes from elsewhere."""
        self._defaults: dict[str, Any] = {}
        self.message = MessageLine()
        self.help = HelpButton(self.session, self.topic)
        """Placed in the head by each dock."""
        self.listen(self.session.work.events.notice, self._show_notice)
        token = id(self._listener)
        self.session.add_panel(token, self)
        self._listener.at_end(partial(self.session.forget_panel, token))
        # No method of the dock, as the object may be gone by then.
        self._gone = partial(Listener.close, self._listener)
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
        """Take the dock's place in the window when first shown, as napari's menu opens everything at its side."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            if not self.stays:
                self.take_place()
            dock = self.parentWidget()
            if isinstance(dock, QDockWidget):
                dock.visibilityChanged.connect(self._on_front)

    def hideEvent(self, event: QHideEvent) -> None:
        """Remember the settings, which can be changed only while they can be seen."""
        super().hideEvent(event)
        remember(self.topic, values_of(self.own_settings()))

    def show_remembered(self) -> None:
        """Show the settings with which a dock of this kind was last seen; each dock calls this once it is made."""
        own = self.own_settings()
        self._defaults = values_of(own)
        show_values(own, remembered(self.topic))

    def restore_defaults(self) -> None:
        """Show the settings with which the dock is made where nothing is remembered."""
        show_values(self.own_settings(), self._defaults)
        self.session.work.tell(self.topic, _RESTORED)

    def _on_front(self, front: bool) -> None:
        if front:
            self.show_time()
        self.on_front(front)

    def take_place(self) -> None:
        """Move to where docks of this kind are."""

    def on_front(self, front: bool) -> None:
        """Follow that the dock can be seen now, or not any more: it was hidden, or lies behind another tab."""

    def settings(self) -> dict[str, Any]:
        """Return the widgets whose values a session keeps, by name, in the order in which they are set again."""
        return {}

    def main_button(self) -> QAbstractButton | None:
        """Return the button that begins and stops what the dock is for; None where there is none."""
        return None

    def own_settings(self) -> dict[str, Any]:
        """Return the widgets of the settings that are the user's own: none of them names or measures a recording."""
        return {name: widget for name, widget in self.settings().items() if name in self.own}

    def follow_time(self, viewer: Viewer) -> None:
        """Call `show_time` with every step in time while the dock can be seen, and when it comes to the front.

        A plot that is changed out of sight has the window painted all the same, with every frame of a movie that plays.
        """
        self.listen(viewer.dims.events.current_step, self._on_time)

    def show_time(self) -> None:
        """Follow the viewer's time slider; nothing is drawn anew."""

    def _on_time(self, *_: object) -> None:
        if in_front(self):
            self.show_time()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders; only docks that accept drops are asked."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped(paths)

    def dropped(self, paths: list[Path]) -> None:
        """Open what was dropped."""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to save the plot under the mouse as a figure, and to forget what was set."""
        plot, menu = plot_at(self, event.pos()), QMenu(self)
        if plot is not None:
            menu.addAction("Save as figure (SVG, PDF) …", partial(self.save_figure, plot))
        menu.addAction("Restore the defaults of this panel", self.restore_defaults)
        menu.exec(event.globalPos())

    def save_figure(self, plot: QWidget) -> None:
        """Ask for a file, and write a plot there in colours for paper."""
        path = ask_file(self, self.session, self.topic, "Save as figure", "plot", ENDINGS)
        if path is None:
            return
        painted = plot
        while not hasattr(painted, "set_colours"):
            painted = painted.parentWidget()
        painted.set_colours(PAPER)
        try:
            save_plot(plot, path)
            self.session.work.tell(self.topic, f"The plot was saved as {path}.")
        except InputError as error:
            self.session.work.tell(self.topic, str(error), True)
        finally:
            viewer = self.session.viewer
            painted.set_colours(plot_colours(viewer.theme if viewer is not None else "dark"))

    def follow_theme(self, viewer: Viewer) -> None:
        """Call `set_colours` now and with every change of the viewer's theme."""
        self.listen(viewer.events.theme, self._show_theme)
        self._show_theme()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""

    def _show_theme(self, *_: object) -> None:
        viewer = self.session.viewer
        if viewer is not None:
            self.set_colours(plot_colours(viewer.theme))

    def _show_notice(self, notice: Notice | None) -> None:
        if notice is None:
            self.message.say("")
        elif notice.topic == self.topic:
            self.message.say(notice.text, notice.is_error)


def caption(text: str, tooltip: str = "") -> QLabel:
    """Return a section heading."""
    label = QLabel(text)
    label.setStyleSheet("font-weight: 600;")
    label.setToolTip(tooltip)
    return label
