"""What each panel offers beside its own buttons.

What was done is copied as a command or as Python, the layers that came of it are hidden or removed together, and
what is on the canvas becomes a figure.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication, QMenu, QPushButton

from napari_calcdyn.gui.layers.layers import results_of
from napari_calcdyn.recording.errors import InputError

from .canvas import save_canvas

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.status import Topic
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script

_COMMAND, _PYTHON = "Copy as command", "Copy as Python"
_HIDE, _REMOVE, _FIGURE = "Hide results", "Remove results", "Save the canvas as a figure …"
_NO_COMMAND = "There is no command for this: copy it as Python."
_ARROW = 14  # px, of a button with a menu
_COPIED = {
    _COMMAND: "The command was copied: paste it into a terminal.",
    _PYTHON: "The script was copied: paste it into a file or a notebook.",
}


class MoreButton(QPushButton):  # type: ignore[misc]
    """A button with a menu of what concerns the work of a whole panel.

    Parameters
    ----------
    session : Session
        Which says what came of it.
    topic : str
        The dock that shows what is said.
    script : callable
        Returns the script, or raises InputError where there is none yet. A method is held weakly: a cycle of widgets
        is taken apart in the wrong order.
    """

    def __init__(self, session: Session, topic: Topic, script: Callable[[], Script]) -> None:
        super().__init__("More …")
        self._session, self._topic = session, topic
        self._script = weakref.WeakMethod(script) if isinstance(script, MethodType) else lambda: script
        self.setToolTip(
            "<qt>Copy a line for the command line, or a Python script, that does what was just done here, with its"
            " settings; hide or remove the layers that this panel has made; save what is on the canvas.</qt>"
        )
        menu = QMenu(self)
        for kind in _COPIED:
            menu.addAction(kind, partial(self.copy, kind))
        menu.addSeparator()
        self._of_results = [
            menu.addAction(_HIDE, self.hide_results),
            menu.addAction(_REMOVE, self.remove_results),
        ]
        menu.addSeparator()
        menu.addAction(_FIGURE, self.save_canvas)
        menu.aboutToShow.connect(self._show_what_there_is)
        self.setMenu(menu)
        self.setMinimumWidth(self.sizeHint().width() + _ARROW)  # which themes draw over the text

    def copy(self, kind: str) -> None:
        """Copy a command or a script to the clipboard, or say why there is none."""
        script, work = self._script(), self._session.work
        if script is None:
            return
        try:
            found = script()
            if kind == _COMMAND and not found.command:
                raise InputError(_NO_COMMAND)
        except InputError as error:
            work.tell(self._topic, str(error), True)
            return
        QApplication.clipboard().setText(found.command if kind == _COMMAND else found.python)
        work.tell(self._topic, _COPIED[kind])

    def hide_results(self) -> None:
        """Hide all layers that the panel has made; their eyes in the list of layers show them again."""
        for layer in results_of(self._session.viewer, self._topic):
            layer.visible = False

    def remove_results(self) -> None:
        """Remove all layers that the panel has made. What they show stays known, and the next run shows it anew."""
        viewer = self._session.viewer
        for layer in results_of(viewer, self._topic):
            if viewer is not None and layer in viewer.layers:
                viewer.layers.remove(layer)

    def save_canvas(self) -> None:
        """Ask for a file, and save what is on the canvas there."""
        save_canvas(self._session, self, self._topic)

    def _show_what_there_is(self) -> None:
        there = bool(results_of(self._session.viewer, self._topic))
        for action in self._of_results:
            action.setEnabled(there)
