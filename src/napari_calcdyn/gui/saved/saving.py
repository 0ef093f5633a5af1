"""Saving the session of a viewer: when the user wants it, and after every job once it has a name."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.background.job import Job, Report
from napari_calcdyn.gui.background.status import timed
from napari_calcdyn.gui.session import Session, SessionPart
from napari_calcdyn.jobs.saved.contents import Kept, parts_of
from napari_calcdyn.jobs.saved.session_folder import ENDING, Written, write_session
from napari_calcdyn.recording import InputError

from .recent import remember_session
from .rooms import rooms

if TYPE_CHECKING:
    from collections.abc import Mapping

SAVED = "The session was saved as {}."
OPENING = "Opening the session"
_TITLE = "Saving the session"
_WAIT_S = 30.0  # for a saving that is under way when the window closes
_BEING_OPENED = "A session is being opened: save it once it is there."


class SavedSession(SessionPart):
    """Where the session of a viewer is on disk, as ``session.part(SavedSession)``.

    Parameters
    ----------
    session : Session
        Which is saved.

    Signals
    -------
    changed()
        It has another name, or is being saved, or was.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.folder: Path | None = None
        """Where it is; None as long as it has no name."""
        self._written: Written = {}
        self._job: Job | None = None
        # Where to save after that; if the user wants it, also what is saved should the window close before.
        self._next: tuple[Path, Job | None] | None = None
        self._refused = ""  # why it was not saved, the last time
        self.whole = True
        """Whether all that is on disk is in the window; if not, it is saved only when the user wants it."""
        self._soon = QTimer(singleShot=True, interval=0)
        self._soon.timeout.connect(self._save_anew)
        session.work.events.job.connect(self._on_job)
        session.work.events.check.connect(self._on_job)

    @property
    def saving(self) -> bool:
        """Whether it is being saved."""
        return self._job is not None

    def save_as(self, folder: Path) -> None:
        """Give the session a name, and save it in the background."""
        self._save(named(folder), say=True)

    def save(self) -> bool:
        """Save the session under its name, in the background; returns whether it has one."""
        if self.folder is not None:
            self._save(self.folder, say=True)
        return self.folder is not None

    def take(self, folder: Path | None, parts: Mapping[str, str]) -> None:
        """Take over what was opened: its folder, and the folders of its parts by ``room-part``."""
        self._forget()
        self.folder, self._written, self._refused = folder, {}, ""
        if folder is None:
            self.whole = True
        else:
            # Layers are written anew: those that could not be shown have left their numbers to others.
            self._written = {
                key: (part, parts[key])
                for key, part in parts_of(self._kept(folder)).items()
                if key in parts and not key.startswith("layers-")
            }
            remember_session(folder)
        self.changed.emit()

    def close(self) -> None:
        """Let a saving that is under way end, for a while; what was only to be saved by itself is not saved."""
        if self._job is not None:
            self._job.close()
            _, asked = self._next or (None, None)
            if asked is not None:
                asked.start()
                asked.close()
        self._forget()

    def _forget(self) -> None:
        self._soon.stop()
        self._next = None
        if self._job is not None:
            self._job.drop()
            self._job, self._written = None, {}  # nobody will say what it has written

    def _kept(self, folder: Path) -> dict[str, Kept]:
        return {name: room.keep(self.session, folder) for name, room in rooms().items()}

    def _save(self, folder: Path, *, say: bool) -> None:
        if self._job is not None and not say:
            self._next = self._next or (folder, None)
            return
        if self.session.work.doing == OPENING:
            self._refuse(_BEING_OPENED, say)
            return
        try:
            kept = self._kept(folder)
        except InputError as error:
            self._refuse(str(error), say)
            return
        self._refused = ""
        # What is being saved just now is not known to be there: it is written again.
        before = self._written if folder == self.folder and self._job is None else {}
        self.whole = self.whole or say

        def work(report: Report, stop: threading.Event) -> Written:
            return write_session(folder, kept, before, timed("recording", _TITLE, report, stop))

        if self._job is not None:
            self._next = folder, Job(_TITLE, work, patience=_WAIT_S)
            return

        def done(written: Written) -> None:
            self._written = written
            if self.folder != folder:
                self.folder = folder
                remember_session(folder)
            if say:
                self.session.work.tell("recording", SAVED.format(folder))

        self._job = job = Job(_TITLE, work, patience=_WAIT_S)
        job.ended.connect(self._on_ended)
        job.done.connect(done)
        job.done.connect(lambda _: self.changed.emit())
        job.failed.connect(lambda text: self.session.work.tell("recording", text, True))
        job.start()
        self.changed.emit()

    def _on_ended(self) -> None:
        self._job = None
        self.changed.emit()
        if self._next is not None:
            self._soon.start()  # once it is known what was written

    def _on_job(self, job: Job | None) -> None:
        """Save what a job has found, once that is where it belongs."""
        if job is None and self.folder is not None:
            self._soon.start()

    def _save_anew(self) -> None:
        session, (folder, asked) = self._session(), self._next or (self.folder, None)
        wanted, self._next = asked is not None, None
        if session is None or session.viewer is None or folder is None:
            return
        # What nobody asked for waits for the job, and never removes what is nowhere else.
        if wanted or (session.work.job is None and self.whole and not self._frames_are_only_here()):
            self._save(folder, say=wanted)

    def _frames_are_only_here(self) -> bool:
        """Whether the session holds the frames of a recording whose layer was removed."""
        return self.session.recording.raw is None and "recording-movie" in self._written

    def _refuse(self, why: str, say: bool) -> None:
        """Say why it is not saved; once, where nobody asked for it."""
        if say or why != self._refused:
            self.session.work.tell("recording", why, True)
        self._refused = why


def named(folder: Path) -> Path:
    """Return where a session of this name is written."""
    return (folder if folder.suffix == ENDING else folder.with_name(folder.name + ENDING)).absolute()
