"""Opening a table of what the animal did, for every dock that needs one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_calcdyn.gui.background.job import Job
from napari_calcdyn.recording import open_behaviour

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Behaviour

_NO_MOVIE = "Open the recording in the Recording panel first: the table is aligned with its frames."


def choose_behaviour(session: Session, parent: QWidget) -> None:
    """Let the user choose a table, and read it in the background; see `load_behaviour`."""
    if session.recording.movie is None:
        session.work.tell("behaviour", _NO_MOVIE, True)
        return
    name, _ = QFileDialog.getOpenFileName(
        parent,
        "Open a table of what the animal did: a row for each frame, or times in seconds",
        filter="Tables (*.csv *.tsv *.txt *.xlsx);;All files (*)",
    )
    if name:
        load_behaviour(session, Path(name))


def load_behaviour(session: Session, path: Path) -> None:
    """Read a table in the background; it becomes ``session.recording.behaviour``; what is wrong is told."""
    movie = session.recording.movie
    if movie is None:
        session.work.tell("behaviour", _NO_MOVIE, True)
        return
    frames, rate = movie.n_frames, movie.frame_rate

    def work(report: Report, stop: threading.Event) -> Behaviour:
        return open_behaviour(path, frames, frame_rate=rate)

    def done(behaviour: Behaviour) -> None:
        if session.recording.movie is movie:
            session.work.notice = None
            session.recording.behaviour_path = path
            session.recording.behaviour = behaviour

    def failed(sentence: str) -> None:
        session.work.tell("behaviour", sentence, True)

    job = Job(f"Reading {path.name}", work)  # by itself: a run that is under way does not have to end first
    job.done.connect(done)
    job.failed.connect(failed)
    job.start()
