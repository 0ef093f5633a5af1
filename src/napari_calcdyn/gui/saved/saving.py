"""Saving the session of a viewer: when the user wants it, and after every job once it has a name."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.background.job import Job, Report
from napari_calcdyn.gui.background.status import timed
from napari_calcdyn.gui.session import Session, SessionPart
from napari_calcdyn.jobs.saved.contents import Kept
from napari_calcdyn.jobs.saved.session_folder import ENDING, Written, write_session

from .recent import remember_session
from .rooms import rooms

if TYPE_CHECKING:
    from collections.abc import Mapping

SAVED = "The session was saved as {}."
_TITLE = "Saving the session"


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
        self._again = False  # what is being saved was changed meanwhile
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
        if folder.suffix != ENDING:
            folder = folder.with_name(folder.name + ENDING)
        if folder.absolute() != self.folder:
            self._written = {}
        self._save(folder.absolute(), say=True)

    def save(self) -> bool:
        """Save the session under its name, in the background; returns whether it has one."""
        if self.folder is not None:
            self._save(self.folder, say=True)
        return self.folder is not None

    def take(self, folder: Path | None, parts: Mapping[str, str]) -> None:
        """Take over what was opened: its folder, and the folders of its parts by ``room-part``."""
        self.folder = folder
        known = {} if folder is None else _parts(self._kept(folder))
        self._written = {key: (part, parts[key]) for key, part in known.items() if key in parts}
        if folder is not None:
            remember_session(folder)
        self.changed.emit()

    def close(self) -> None:
        """Stop saving; the session on disk stays as it is."""
        self._soon.stop()
        self._again = False
        if self._job is not None:
            self._job.close()
            self._job = None

    def _kept(self, folder: Path) -> dict[str, Kept]:
        return {name: room.keep(self.session, folder) for name, room in rooms().items()}

    def _save(self, folder: Path, *, say: bool) -> None:
        if self._job is not None:
            self._again = True
            return
        kept, before = self._kept(folder), self._written

        def work(report: Report, stop: threading.Event) -> Written:
            return write_session(folder, kept, before, timed("recording", _TITLE, report, stop))

        def done(written: Written) -> None:
            self._written = written
            if self.folder != folder:
                self.folder = folder
                remember_session(folder)
            if say:
                self.session.work.tell("recording", SAVED.format(folder))

        self._job = job = Job(_TITLE, work)
        job.ended.connect(self._on_ended)
        job.done.connect(done)
        job.done.connect(lambda _: self.changed.emit())
        job.failed.connect(lambda text: self.session.work.tell("recording", text, True))
        job.start()
        self.changed.emit()

    def _on_ended(self) -> None:
        self._job = None
        self.changed.emit()
        if self._again:
            self._again = False
            self._soon.start()

    def _on_job(self, job: Job | None) -> None:
        """Save what a job has found, once that is where it belongs."""
        if job is None and self.folder is not None:
            self._soon.start()

    def _save_anew(self) -> None:
        session = self._session()
        if session is None or session.viewer is None or self.folder is None:
            return
        if session.work.job is None:  # else after that one
            self._save(self.folder, say=False)


def _parts(kept: Mapping[str, Kept]) -> dict[str, Any]:
    return {f"{room}-{name}": part for room, it in kept.items() for name, part in it.parts.items()}
