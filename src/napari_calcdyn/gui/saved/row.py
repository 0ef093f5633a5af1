"""The section *Session* of the dock *Recording*: its name, and buttons to save it and open others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.docks.message import breakable
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped

from .menu import ask_name, ask_session, open_in_place
from .recent import recent_sessions
from .saving import SavedSession

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session

_ABOUT = (
    "A folder with everything in this window, from which you go on tomorrow, here or elsewhere. Once it has a name, it"
    " is saved after each job."
)


class SessionRow(QWidget):  # type: ignore[misc]
    """Saves and opens the session of a viewer.

    Parameters
    ----------
    session : Session
        Which.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self.saved = session.part(SavedSession)
        self.name = wrapped()
        self.save = button(
            "Save", "Save everything in this window; asks for a name the first time.", self._on_save
        )
        self.open = button(
            "Open …",
            "Open a session, or a result folder of the command line, in place of this one.",
            self._on_open,
        )
        self.recent = QPushButton("Recent")
        self.recent.setToolTip("The sessions that were saved or opened last.")
        self.choices = QMenu(self.recent)
        self.choices.aboutToShow.connect(self._list)
        self.recent.setMenu(self.choices)
        self.head = beside((self.name, 1))
        stacked(self.head, beside(self.save, self.open, self.recent), parent=self, spacing=4)
        listener.connect(self.saved.changed, self._show)
        listener.connect(session.work.events.job, self._show)
        listener.connect(session.recording.events.movie, self._show)
        self._show()

    def _on_save(self) -> None:
        if not self.saved.save():
            ask_name(self.session, self)

    def _on_open(self) -> None:
        ask_session(self.session, self)

    def _list(self) -> None:
        self.choices.clear()
        for folder in recent_sessions():
            name = str(folder).replace("&", "&&")  # else the next letter would be underlined
            self.choices.addAction(name, partial(open_in_place, self.session, self, folder))
        if not self.choices.actions():
            self.choices.addAction("none yet").setEnabled(False)

    def _show(self, *_: object) -> None:
        folder = self.saved.folder
        what = "not saved yet" if folder is None else breakable(folder.stem)
        self.name.setText(f"<b>Session</b>: {what}{', being saved …' if self.saved.saving else ''}")
        self.name.setToolTip(f"<qt>{_ABOUT if folder is None else breakable(str(folder))}</qt>")
        self.save.setEnabled(not self.saved.saving)
        for it in (self.open, self.recent):
            it.setEnabled(self.session.work.free)
