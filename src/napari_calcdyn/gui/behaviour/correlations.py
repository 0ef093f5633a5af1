"""What goes with the behaviour: correlated off the GUI thread, when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from psygnal import Signal

from napari_calcdyn.gui.background.job import Job
from napari_calcdyn.gui.background.status import tracked
from napari_calcdyn.gui.layers.movie_time import belong_together
from napari_calcdyn.gui.session.latents import Latents
from napari_calcdyn.gui.session.state import same_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.behaviour.correlation import BehaviourCorrelation
    from napari_calcdyn.gui.background.status import Status
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording.progress import ProgressCallback

Kind = Literal["ROIs", "sources"]
KINDS: tuple[Kind, ...] = ("ROIs", "sources")
STOPPED = "Stopped before it was finished."


class Correlations:
    """Correlations of a session's behaviour with its ROIs and with its model's latents, kept until they change.

    Parameters
    ----------
    session : Session
        With a behaviour.

    Signals
    -------
    changed()
        There are some, or it is known how far they have come, or why there are none.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shared = session.part(Latents)
        self._job: Job | None = None
        self._found: dict[
            Kind, tuple[tuple[Any, ...], BehaviourCorrelation | str]
        ] = {}  # after what they are of
        self._wanted: Kind | None = None
        self._making: tuple[Any, ...] = ()  # what the work under way is of
        self.status: Status | None = None
        """How far the work has come; None while nothing is under way."""

    def obstacle(self, kind: Kind) -> str:
        """Say what is missing; empty where nothing is."""
        session = self._session
        if session.recording.behaviour is None or session.recording.movie is None:
            return "Open a table of the behaviour first."
        if kind == "sources":
            if session.dynamics.model is None:
                return "Train or load a model in the Dynamics panel first."
            if session.dynamics.model.frame_shape != session.recording.movie.frame_shape:
                return "The model of the Dynamics panel belongs to another recording."
        elif not belong_together(session):
            if session.rois.loaded is None:
                return "There are no ROIs: find, open or draw some in the Neurons panel."
            if session.rois.loaded.frame_shape != session.recording.movie.frame_shape:
                return "The ROIs belong to another recording: open those of this one in the Neurons panel."
        known = self._found.get(kind)
        return known[1] if known is not None and self._current(kind) and isinstance(known[1], str) else ""

    def of(self, kind: Kind) -> BehaviourCorrelation | None:
        """Return what is known of one kind of activity, and compute it where it is not; see `changed`."""
        if self.obstacle(kind):
            self._wanted = None
            if self._job is not None:
                self._job.stop()
            return None
        if self._current(kind):
            found = self._found[kind][1]
            return None if isinstance(found, str) else found
        self._wanted = kind
        if self._job is not None and not same_objects(self._making, self._made_from(kind)):
            self._job.stop()
        self._start()
        return None

    def stop(self) -> None:
        """Stop what is under way; it is not begun again before `go_on`."""
        if self._job is not None and self._wanted is not None:
            self._found[self._wanted] = self._making, STOPPED
            self._job.stop()

    def go_on(self, kind: Kind) -> None:
        """Begin again what was stopped."""
        if self._current(kind) and self._found[kind][1] == STOPPED:
            del self._found[kind]
            self.of(kind)

    def close(self) -> None:
        """Stop what is under way, and call nothing back. May be called any number of times."""
        self._wanted = self.status = None
        if self._job is not None:
            self._job.close()
            self._job = None

    def _made_from(self, kind: Kind) -> tuple[Any, ...]:
        session = self._session
        of_rois = (session.neurons.traces if belong_together(session) else session.rois.loaded,)
        return (
            session.recording.behaviour,
            session.recording.movie,
            *(of_rois if kind == "ROIs" else (session.dynamics.model,)),
        )

    def _current(self, kind: Kind) -> bool:
        return kind in self._found and same_objects(self._found[kind][0], self._made_from(kind))

    def _start(self) -> None:
        kind = self._wanted
        if self._job is not None or kind is None or self.obstacle(kind) or self._current(kind):
            return
        made_from = behaviour, movie, activity = self._making = self._made_from(kind)
        shared, together = self._shared, belong_together(self._session)

        def of_rois(progress: ProgressCallback) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
            from napari_calcdyn.recording import extract_traces

            traces = activity if together else extract_traces(movie, activity, progress=progress)
            return np.where(traces.usable[:, None], traces.values, np.nan).T, traces.ids

        def of_sources(progress: ProgressCallback) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
            latents = shared.get(movie, activity, progress)
            return latents, np.arange(latents.shape[1])

        def compute(progress: ProgressCallback) -> BehaviourCorrelation:
            from napari_calcdyn.analysis.behaviour.correlation import correlate_behaviour, numeric_columns

            series, ids = (of_rois if kind == "ROIs" else of_sources)(progress)
            return correlate_behaviour(numeric_columns(behaviour), series, ids, progress=progress)

        def ended(result: BehaviourCorrelation | str) -> None:
            self._found[kind] = made_from, result
            self.changed.emit()

        title = "Correlating with the behaviour"
        job = self._job = Job(title, tracked("behaviour", title, compute))
        job.progressed.connect(self._on_progress)
        job.ended.connect(self._on_ended)
        job.done.connect(ended)
        job.failed.connect(ended)
        job.cancelled.connect(self._on_cancelled)
        job.start()

    def _on_progress(self, statuses: list[Status]) -> None:
        self.status = statuses[-1]
        self.changed.emit()

    def _on_ended(self) -> None:
        self.status = self._job = None

    def _on_cancelled(self) -> None:
        self._start()  # what was asked for meanwhile
        self.changed.emit()
