"""What the Inspector inspects, and the warm-up after which a click is answered at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_calcdyn.gui.background.job import Job
from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.session import Session, SessionPart
from napari_calcdyn.gui.session.latents import Latents

from .inputs import Inputs, inputs_of
from .prepared import Inspected, Prepared, prepare, stages
from .regions import Region, read_trace, region_of_roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.models.var.model import VAR

MOST_COMPARED = 5  # pinned ROIs that are drawn beside the current one


class Inspection(SessionPart):
    """The region that is inspected, and all that is computed for it; made by `inspection_of`.

    Holds no session. What takes long, the warm-up, is a background job of its own: it starts by itself, so it must not
    be in the way of what the user starts.

    Signals
    -------
    changed()
        Another region, or there is more to show of it.
    traced()
        The raw trace of a region that is no ROI was read.
    warmed()
        How far the warm-up has come, or that it ended.
    """

    changed = Signal()
    traced = Signal()
    warmed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._latents = session.part(Latents)
        self._job: Job | None = None
        self._making: Inputs | None = None  # what the job works on
        self._reading: Job | None = None  # the trace of a region that is no ROI
        self._prepared: Prepared | None = None
        self._influence_of: Inputs | None = None  # that of the session
        self._shown: dict[int, Inspected] = {}  # by id: the current ROI and those that are pinned
        self._raw: NDArray[np.float32] | None = None  # of a region that is no ROI
        self._current: Inspected | None = None
        self.region: Region | None = None
        """What is inspected; None where nothing is."""
        self.status: Status | None = None
        """How far the warm-up has come; None while there is none."""
        self.stopped = False
        """Whether the user stopped the warm-up."""
        self.problem = ""
        """Why it failed, in words; empty where it did not."""
        self.maps_of: VAR | None = session.dynamics.var
        """The point of the lasso path that the session's maps are of."""
        session.dynamics.events.maps.connect(self._on_maps)
        self.wanted = False
        """Whether anybody looks: a hidden dock computes nothing."""

    # What is known

    @property
    def prepared(self) -> Prepared | None:
        """What the warm-up made, or None where it is not of what the session holds now."""
        inputs = self.inputs()
        found = self._prepared
        return found if inputs is not None and found is not None and found.inputs.same(inputs) else None

    @property
    def current(self) -> Inspected | None:
        """What is known of the region that is inspected; None before the warm-up ended."""
        return self._current

    def inputs(self) -> Inputs | None:
        """Return what everything is computed from now; see `inputs_of`."""
        return inputs_of(self.session)

    def compared(self) -> tuple[Inspected, ...]:
        """Return what is known of the pinned ROIs but the current one, in the order in which they were pinned."""
        prepared = self.prepared
        if prepared is None:
            return ()
        own = self.region.roi if self.region is not None else None
        found = (self._roi(prepared, it) for it in self.session.rois.pinned[-MOST_COMPARED:] if it != own)
        return tuple(it for it in found if it is not None)

    # What changes it

    def look_at(self, region: Region | None) -> None:
        """Inspect a region, or none; emits `changed`."""
        self.region, self._raw = region, None
        if self._reading is not None:
            self._reading.stop()
        self._describe()
        if region is not None and region.roi is None:
            self._read(region)
        self.changed.emit()

    def refresh(self) -> None:
        """Look whether anything has to be computed anew, and start it; emits `changed`."""
        inputs = self.inputs()
        if self._prepared is None or inputs is None or not self._prepared.inputs.same(inputs):
            self._shown.clear()
            self._current = None
        if self._making is not None and (inputs is None or not self._making.same(inputs)):
            self._drop()
        self._settle_influence(inputs)
        self._settle_region()
        self._start(inputs)
        self._describe()
        self.changed.emit()

    def go_on(self) -> None:
        """Start the warm-up again that the user stopped, or that failed."""
        self.stopped, self.problem = False, ""
        self.refresh()

    def bring_back(self, influence: Influence) -> None:
        """Take arrows that were tested before, of what the session holds now."""
        self._influence_of = self.inputs()
        self.session.answers.influence = influence

    def stop(self) -> None:
        """Stop the warm-up, where there is one, until `go_on`."""
        if self._job is None:
            return
        self.stopped = True
        self._drop()
        self.warmed.emit()

    def close(self) -> None:
        """End what is under way, wait for it, and start nothing new until it is wanted again."""
        self.wanted = False
        for job in (self._job, self._reading):
            if job is not None:
                job.close()
        self._job = self._reading = self._making = self.status = None

    def _on_maps(self, *_: object) -> None:
        self.maps_of = self.session.dynamics.var

    # How it is computed

    def _start(self, inputs: Inputs | None) -> None:
        if inputs is None or not self.wanted or self.stopped or self.problem or self._job is not None:
            return
        before = self._prepared
        if before is not None and before.inputs.same(inputs) and before.complete:
            return
        latents = self._latents

        def work(report: Report, stop: threading.Event) -> Prepared:
            leave_a_core()
            return prepare(inputs, before, latents.get, stages(report, stop), report)

        job = self._job = Job("Getting ready to inspect", work)
        self._making = inputs
        self.status = Status("inspector", "Getting ready …")

        def live() -> bool:
            return self._job is job

        def progressed(news: list[Any]) -> None:
            if not live():
                return
            for item in news:
                if isinstance(item, Prepared):
                    self._take(item)
                else:
                    self.status = item
            self.warmed.emit()

        def done(found: Prepared) -> None:
            if live():
                self._end()
                self._take(found)
                self.warmed.emit()

        def failed(sentence: str) -> None:
            if live():
                self._end()
                self.problem = sentence
                self.warmed.emit()
                self.changed.emit()

        job.progressed.connect(progressed)
        job.done.connect(done)
        job.failed.connect(failed)
        job.start()
        self.warmed.emit()

    def _drop(self) -> None:
        """Let the warm-up end by itself, and do without what it finds."""
        if self._job is not None:
            self._job.stop()
        self._end()

    def _end(self) -> None:
        self._job = self._making = self.status = None

    def _take(self, found: Prepared) -> None:
        self._prepared = found
        self.refresh()

    def _settle_influence(self, inputs: Inputs | None) -> None:
        """Give the session the influence of its ROIs; one that was tested since stays while it is of the same."""
        before, self._influence_of = self._influence_of, inputs
        answers = self.session.answers
        if inputs is not None and inputs.cells is not None:
            answers.influence = inputs.cells.influence
            return
        if before is None or inputs is None or not before.same(inputs, "movie", "model", "rois", "cells"):
            answers.influence = None
        if answers.influence is None and self.prepared is not None:
            answers.influence = self.prepared.influence

    def _settle_region(self) -> None:
        """Follow ROIs that were replaced: a region of others is gone."""
        region, rois = self.region, self.session.rois.loaded
        if region is None:
            return
        movie = self.session.recording.movie
        if movie is None or region.rois.frame_shape != movie.frame_shape:
            self.region = None
        elif region.roi is not None:
            self.region = None if rois is None else region_of_roi(rois, region.roi)

    def _describe(self) -> None:
        prepared, region = self.prepared, self.region
        self._current = None
        if prepared is None or region is None:
            return
        if region.roi is not None:
            self._current = self._roi(prepared, region.roi)
        else:
            self._current = prepared.inspect(region, self._raw)

    def _roi(self, prepared: Prepared, number: int) -> Inspected | None:
        """Return what is known of an ROI, kept while it is shown."""
        rois = prepared.inputs.rois
        if rois is None:
            return None
        if number not in self._shown:
            region = region_of_roi(rois, number)
            if region is None:
                return None
            own = self.region.roi if self.region is not None else None
            self._shown = {
                it: found for it, found in self._shown.items() if it in {own, *self.session.rois.pinned}
            }
            self._shown[number] = prepared.inspect(region)
        return self._shown[number]

    def _read(self, region: Region) -> None:
        """Read the trace of a region that is no ROI, off the GUI thread."""
        movie = self.session.recording.movie
        if movie is None:
            return

        def work(report: Report, stop: threading.Event) -> NDArray[np.float32]:
            return read_trace(movie, region, lambda done, total: stop.is_set())

        def done(trace: NDArray[np.float32]) -> None:
            if self.region is region:
                self._raw = trace
                self._describe()
                self.traced.emit()

        job = self._reading = Job(f"Reading {region.name}", work)
        job.done.connect(done)
        job.start()


def inspection_of(session: Session) -> Inspection:
    """Return what is inspected in a session, made on first use."""
    return session.part(Inspection)
