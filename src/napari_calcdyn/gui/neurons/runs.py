"""What the Neurons dock does with a model: map the neurons, make up new ones, write their table."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.job import Report
from napari_calcdyn.gui.background.status import by_stage
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.state import ShownTraces
from napari_calcdyn.recording.errors import InputError

from .views import show_neurons

# torch and openTSNE are imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.neurons.neurons import Neurons
    from napari_calcdyn.recording.progress import ProgressCallback

MAPPING, _DENOISING = "Mapping the neurons", "Denoising the traces"
NO_TRACES = "There are no traces yet: extract them from the movie, or open them."
_NO_MODEL = "There is no model yet: train or load one first."
_STOPPED = "The map was stopped and the model kept: press “Map neurons” to draw it."


def map_neurons(session: Session) -> bool:
    """Describe every neuron with the model and draw the map, in the background; returns whether it was started."""
    model, traces = session.neurons.model, session.neurons.traces
    if model is None or traces is None:
        session.work.tell("neurons", _NO_MODEL if model is None else NO_TRACES, True)
        return False

    def work(report: Report, stop: threading.Event) -> Neurons:
        from napari_calcdyn.analysis.neurons.neurons import analyse_neurons
        from napari_calcdyn.jobs.stages import in_stage

        leave_a_core()
        tell = by_stage("neurons", report, stop)
        return analyse_neurons(
            model, traces, progress=in_stage(tell, MAPPING), denoising=in_stage(tell, _DENOISING)
        )

    def done(neurons: Neurons) -> None:
        if session.neurons.traces is not traces or session.neurons.model is not model:
            return
        session.rois.selected = ()
        session.neurons.shown_traces = None
        session.neurons.mapped_with = model
        session.neurons.result = neurons
        show_neurons(session)

    return session.work.start_work("neurons", MAPPING, work, done, stopped=_STOPPED)


def interpolate(session: Session, steps: int) -> bool:
    """Show the traces on the way between the two selected neurons; returns whether the job was started."""
    model, neurons, selected = session.neurons.mapped_with, session.neurons.result, session.rois.selected
    if model is None or neurons is None or len(selected) != 2:
        session.work.tell("neurons", "Select exactly two neurons first, on the map or on the movie.", True)
        return False

    def compute(progress: ProgressCallback) -> ShownTraces:
        first, second = (_latent(neurons, roi) for roi in selected)
        leave_a_core()
        return ShownTraces(
            f"From ROI {selected[0]} to ROI {selected[1]}", model.interpolate(first, second, steps=steps)
        )

    def done(shown: ShownTraces) -> None:
        session.neurons.shown_traces = shown

    return session.work.start("neurons", "Interpolating", compute, done)


def draw_samples(session: Session, number: int, seed: int) -> bool:
    """Show traces of neurons that the model makes up; returns whether the job was started."""
    model = session.neurons.model
    if model is None:
        session.work.tell("neurons", _NO_MODEL, True)
        return False

    def compute(progress: ProgressCallback) -> ShownTraces:
        leave_a_core()
        return ShownTraces(f"{number} neurons made up by the model", model.sample(number, seed=seed))

    def done(shown: ShownTraces) -> None:
        session.neurons.shown_traces = shown

    return session.work.start("neurons", "Drawing samples", compute, done)


def export_neurons(session: Session, path: Path) -> bool:
    """Write the table of the neurons in the background; returns whether the job was started."""
    neurons = session.neurons.result
    if neurons is None:
        session.work.tell("neurons", _NO_MODEL, True)
        return False

    def compute(progress: ProgressCallback) -> None:
        neurons.write_csv(path)

    def done(_: None) -> None:
        session.work.tell("neurons", f"{len(neurons.ids)} neurons were written to {path}.")

    return session.work.start("neurons", "Exporting", compute, done)


def _latent(neurons: Neurons, roi: int) -> NDArray[np.float32]:
    """Return the mean of one neuron's latent, which it has where its trace is usable."""
    position = int((neurons.ids == roi).argmax())
    problem = neurons.problems[position]
    if problem is not None:
        raise InputError(f"The trace of ROI {roi} has no place on the map ({problem}): select another one.")
    mean: NDArray[np.float32] = neurons.mean[position]
    return mean
