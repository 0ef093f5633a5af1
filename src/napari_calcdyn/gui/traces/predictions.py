"""What the dynamics predict of the selected neurons: computed off the GUI thread, when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_calcdyn.gui.background.job import Job
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.layers.movie_time import belong_together
from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.gui.session.latents import Latents
from napari_calcdyn.gui.session.state import same_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.gui.session import Session


class Predictions:
    """Predicted traces of a session's neurons, kept until what they were made from changes.

    The recording is encoded once, on first demand, and its latents are shared with the other docks; a neuron costs
    milliseconds after that.

    Parameters
    ----------
    session : Session
        With traces of its movie, the ROIs they come from, and a model of the movie's dynamics.

    Signals
    -------
    changed()
        There are more of them, or it is known how far they have come, or why there are none.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._job: Job | None = None
        self._made_from: tuple[Any, ...] = ()  # movie, model, ROIs, traces, point of the lasso path, cells
        self._latents = session.part(Latents)
        self._weights: Any = None  # of the ROIs
        self._found: dict[int, NDArray[np.float32]] = {}
        self._wanted: tuple[int, ...] = ()
        self.progress: float | None = None
        """Part of the recording that was encoded; None while nothing is."""
        self.problem = ""
        """Why there are no predictions, in words; empty where there are."""

    def obstacle(self) -> str:
        """Say what is missing before anything can be predicted; empty where nothing is."""
        session = self._session
        if session.dynamics.model is None or session.dynamics.var is None:
            return "Train or load a model in the Dynamics panel first."
        if (
            session.recording.movie is None
            or session.recording.movie.frame_shape != session.dynamics.model.frame_shape
        ):
            return "The model of the Dynamics panel belongs to another recording."
        if (
            session.rois.loaded is None
            or session.rois.loaded.frame_shape != session.recording.movie.frame_shape
        ):
            return "The dynamics predict pixels: open the ROIs that the traces come from."
        if not belong_together(session):
            return "The traces do not have as many samples as the movie has frames."
        return self.problem

    def of(self, neurons: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """Return what is known of some neurons, by id, and compute the rest.

        Parameters
        ----------
        neurons : iterable of int
            Their ids.

        Returns
        -------
        dict of int to ndarray (T,), float32
            In the unit of the session's traces. `changed` says when there is more.
        """
        session = self._session
        made_from = (
            session.recording.movie,
            session.dynamics.model,
            session.rois.loaded,
            session.neurons.traces,
            session.dynamics.var,
            cells_of(session),
        )
        if not same_objects(made_from, self._made_from):
            if not same_objects(made_from[2:4], self._made_from[2:4]):
                self._weights = None
            self._made_from, self._found, self.problem = made_from, {}, ""
            if self._job is not None:
                self._job.stop()
        if self.obstacle() or session.rois.loaded is None:
            self._wanted = ()
            return {}
        known = set(session.rois.loaded.ids.tolist())
        self._wanted = tuple(it for it in neurons if it in known)
        self._start()
        return {it: self._found[it] for it in self._wanted if it in self._found}

    def close(self) -> None:
        """Stop what is under way, and call nothing back. May be called any number of times."""
        self._wanted = ()
        self.progress = None
        if self._job is not None:
            self._job.close()
            self._job = None

    def _start(self) -> None:
        missing = [it for it in self._wanted if it not in self._found]
        if self._job is not None or not missing:
            return
        made_from, shared, known = self._made_from, self._latents, self._weights
        movie, model, rois, traces, var, cells = made_from

        def work(report: Report, stop: threading.Event) -> tuple[Any, NDArray[np.float32]]:
            from napari_calcdyn.analysis.influence.roi_prediction import (
                predicted_like,
                predicted_traces,
                trace_weights,
            )

            def progress(done: int, total: int) -> bool:
                report(done / total)
                return stop.is_set()

            leave_a_core()
            latents = shared.get(movie, model, progress)
            weights = known if known is not None else trace_weights(rois, traces)
            at = [int(np.flatnonzero(rois.ids == it)[0]) for it in missing]
            between = None if cells is None else (cells.fitted, cells.activity)
            ahead = predicted_traces(model, latents, weights[at], var=var, between=between)
            found = predicted_like(ahead, traces)
            return weights, found

        def done(result: tuple[Any, NDArray[np.float32]]) -> None:
            if same_objects(made_from, self._made_from):
                self._weights, found = result
                self._found |= dict(zip(missing, found, strict=True))
            self._start()  # for neurons that were asked for meanwhile
            self.changed.emit()

        job = self._job = Job("Predicting traces", work)
        job.progressed.connect(self._on_progress)
        job.ended.connect(self._on_ended)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._start)
        job.done.connect(done)
        job.start()

    def _on_progress(self, parts: list[float]) -> None:
        self.progress = parts[-1]
        self.changed.emit()

    def _on_ended(self) -> None:
        self.progress = self._job = None

    def _on_failed(self, sentence: str) -> None:
        self.problem, self._wanted = sentence, ()
        self.changed.emit()
