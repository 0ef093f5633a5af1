"""Training, loading and saving a model in the background."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.background.threads import leave_a_core

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.models.progress import Progress
    from napari_calcdyn.recording.progress import ProgressCallback

    from .kind import ModelKind

_LOADING = "Loading the model"


def train(session: Session, kind: ModelKind, config: Any, device: str) -> bool:
    """Train a model on the session's data in the background; returns whether it was started.

    The model that is there stays until the new one is fitted. A run that is stopped leaves its best so far.
    """
    return session.work.after_check(kind.topic, kind.training, partial(_train, session, kind, config, device))


def _train(session: Session, kind: ModelKind, config: Any, device: str) -> bool:
    data, state = kind.data(session), kind.state(session)
    if data is None:
        session.work.tell(kind.topic, kind.missing, True)
        return False

    def work(report: Report, stop: threading.Event) -> Any:
        from napari_calcdyn.models.training import drive

        leave_a_core()
        kind.check(data, config, device)
        fit = kind.model()(config).fit_steps(data, device=device, stop=stop)
        model, _ = drive(fit, report)
        kind.prepare(model)
        return model

    def progressed(news: list[Progress]) -> None:
        state.history = (*state.history, *(it for it in news if it.losses))
        last = news[-1]
        if session.work.job is not None and not session.work.job.stopping:
            fraction = last.step / last.total if last.total else None
            session.work.status = Status(kind.topic, last.stage, fraction, last.eta if fraction else None)

    def done(model: Any) -> None:
        state.take(model)
        if kind.data(session) is data:
            kind.follow(session)
        else:
            session.work.tell(kind.topic, f"The model of {data.name} is ready: {kind.exchanged}.")

    started = session.work.start_work(kind.topic, kind.training, work, done, progressed)
    if started:
        state.history = ()
    return started


def load(session: Session, kind: ModelKind, folder: Path, device: str) -> bool:
    """Load a model of a kind in the background, for the session; returns whether it was started."""
    return session.work.after_check(kind.topic, _LOADING, partial(_load, session, kind, folder, device))


def _load(session: Session, kind: ModelKind, folder: Path, device: str) -> bool:
    data, state = kind.data(session), kind.state(session)

    def compute(progress: ProgressCallback) -> Any:
        leave_a_core()
        model = kind.model().load(folder, device=device)
        if data is not None:
            model.check(data)
        kind.prepare(model)
        return model

    def done(model: Any) -> None:
        state.history = ()
        state.take(model, folder)
        if kind.data(session) is None:
            session.work.tell(kind.topic, f"The model is loaded: {kind.loaded}.")
        elif kind.data(session) is data:
            kind.follow(session)

    return session.work.start(kind.topic, _LOADING, compute, done)


def save(session: Session, kind: ModelKind, folder: Path) -> bool:
    """Save the session's model of a kind in the background; returns whether it was started."""
    model = kind.state(session).model
    if model is None:
        session.work.tell(kind.topic, "There is no model to save yet: train or load one first.", True)
        return False

    def compute(progress: ProgressCallback) -> None:
        model.save(folder)

    def done(_: None) -> None:
        session.work.tell(kind.topic, f"The model was saved in {folder}.")

    return session.work.start(kind.topic, "Saving the model", compute, done)
