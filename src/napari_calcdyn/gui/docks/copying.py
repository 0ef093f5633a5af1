"""Copying what was done in a dock, as a command or as a Python script that does it again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication, QMenu, QPushButton

from napari_calcdyn.recording.errors import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.status import Topic
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script

_COMMAND, _PYTHON = "Copy as command", "Copy as Python"
_NO_COMMAND = "There is no command for this: copy it as Python."
_ARROW = 14  # px, of a button with a menu
_COPIED = {
    _COMMAND: "The command was copied: paste it into a terminal.",
    _PYTHON: "The script was copied: paste it into a file or a notebook.",
}


class CopyButton(QPushButton):  # type: ignore[misc]
    """A button with a menu that copies what was done.

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
        super().__init__("Copy as …")
        self._session, self._topic = session, topic
        self._script = weakref.WeakMethod(script) if isinstance(script, MethodType) else lambda: script
        self.setToolTip(
            "<qt>Copies a line for the command line, or a Python script, that does what was just done here, with its"
            " settings.</qt>"
        )
        menu = QMenu(self)
        for kind in _COPIED:
            menu.addAction(kind, partial(self.copy, kind))
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
