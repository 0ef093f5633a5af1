"""What the Neurons dock does with traces: train, load and save a model, map the neurons, make up new ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.status import Status, tracked
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
    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.models.avae.config import AVAEConfig
    from napari_calcdyn.models.avae.model import AVAE
    from napari_calcdyn.models.training import Progress
    from napari_calcdyn.recording.progress import ProgressCallback

TRAINING = "Training on the traces"
MAPPING = "Mapping the neurons"
STOPPABLE = (TRAINING, MAPPING)
_NO_TRACES = "There are no traces yet: extract them from the movie, or open them."
_NO_MODEL = "There is no model yet: train or load one first."
_STOPPED = "The map was stopped and the model kept: press “Map neurons” to draw it."


def train_neurons(session: Session, config: AVAEConfig, device: str) -> bool:
    """Train a model on the session's traces in the background; returns whether it was started.

    The model that is there stays until the new one is fitted. A run that is stopped leaves its best so far.
    """
    traces = session.neurons.traces
    if traces is None:
        session.work.tell("neurons", _NO_TRACES, True)
        return False

    def work(report: Report, stop: threading.Event) -> AVAE:
        from napari_calcdyn.models.avae.model import AVAE
        from napari_calcdyn.models.training import drive

        leave_a_core()
        return drive(AVAE(config).fit_steps(traces, device=device, stop=stop), report)[0]

    def progressed(news: list[Progress]) -> None:
        session.neurons.history = (*session.neurons.history, *(it for it in news if it.losses))
        last = news[-1]
        if session.work.job is not None and not session.work.job.stopping:
            fraction = last.step / last.total if last.total else None
            session.work.status = Status("neurons", last.stage, fraction, last.eta if fraction else None)

    def done(model: AVAE) -> None:
        session.neurons.model = model
        if session.neurons.traces is traces:
            map_neurons(session)
        else:
            session.work.tell(
                "neurons", f"The model of {traces.name} is ready: its traces were exchanged meanwhile."
            )

    started = session.work.start("neurons", TRAINING, work, done, progressed)
    if started:
        session.neurons.history = ()
    return started


def map_neurons(session: Session) -> bool:
    """Describe every neuron with the model and draw the map, in the background; returns whether it was started."""
    model, traces = session.neurons.model, session.neurons.traces
    if model is None or traces is None:
        session.work.tell("neurons", _NO_MODEL if model is None else _NO_TRACES, True)
        return False

    def compute(progress: ProgressCallback) -> Neurons:
        from napari_calcdyn.analysis.neurons.neurons import analyse_neurons

        leave_a_core()
        return analyse_neurons(model, traces, progress=progress)

    def done(neurons: Neurons) -> None:
        if session.neurons.traces is not traces or session.neurons.model is not model:
            return
        session.rois.selected = ()
        session.neurons.shown_traces = None
        session.neurons.mapped_with = model
        session.neurons.result = neurons
        show_neurons(session)

    return session.work.start(
        "neurons", MAPPING, tracked("neurons", MAPPING, compute), done, stopped=_STOPPED
    )


def load_neuron_model(session: Session, folder: Path, device: str) -> bool:
    """Load a saved model in the background and map the neurons; returns whether it was started."""
    traces = session.neurons.traces

    def work(report: Report, stop: threading.Event) -> AVAE:
        from napari_calcdyn.models.avae.model import AVAE

        leave_a_core()
        model = AVAE.load(folder, device=device)
        if traces is not None:
            model.check_traces(traces)
        return model

    def done(model: AVAE) -> None:
        session.neurons.history = ()
        session.neurons.model = model
        if session.neurons.traces is None:
            session.work.tell("neurons", "The model is loaded: open traces, then press “Map neurons”.")
        elif session.neurons.traces is traces:
            map_neurons(session)

    return session.work.start("neurons", "Loading the model", work, done)


def save_neuron_model(session: Session, folder: Path) -> bool:
    """Save the session's model in the background; returns whether it was started."""
    model = session.neurons.model
    if model is None:
        session.work.tell("neurons", _NO_MODEL, True)
        return False

    def work(report: Report, stop: threading.Event) -> None:
        model.save(folder)

    def done(_: None) -> None:
        session.work.tell("neurons", f"The model was saved in {folder}.")

    return session.work.start("neurons", "Saving the model", work, done)


def interpolate(session: Session, steps: int) -> bool:
    """Show the traces on the way between the two selected neurons; returns whether the job was started."""
    model, neurons, selected = session.neurons.mapped_with, session.neurons.result, session.rois.selected
    if model is None or neurons is None or len(selected) != 2:
        session.work.tell("neurons", "Select exactly two neurons first, on the map or on the movie.", True)
        return False

    def work(report: Report, stop: threading.Event) -> ShownTraces:
        first, second = (_latent(neurons, roi) for roi in selected)
        leave_a_core()
        return ShownTraces(
            f"From ROI {selected[0]} to ROI {selected[1]}", model.interpolate(first, second, steps=steps)
        )

    def done(shown: ShownTraces) -> None:
        session.neurons.shown_traces = shown

    return session.work.start("neurons", "Interpolating", work, done)


def draw_samples(session: Session, number: int, seed: int) -> bool:
    """Show traces of neurons that the model makes up; returns whether the job was started."""
    model = session.neurons.model
    if model is None:
        session.work.tell("neurons", _NO_MODEL, True)
        return False

    def work(report: Report, stop: threading.Event) -> ShownTraces:
        leave_a_core()
        return ShownTraces(f"{number} neurons made up by the model", model.sample(number, seed=seed))

    def done(shown: ShownTraces) -> None:
        session.neurons.shown_traces = shown

    return session.work.start("neurons", "Drawing samples", work, done)


def export_neurons(session: Session, path: Path) -> bool:
    """Write the table of the neurons in the background; returns whether the job was started."""
    neurons = session.neurons.result
    if neurons is None:
        session.work.tell("neurons", _NO_MODEL, True)
        return False

    def work(report: Report, stop: threading.Event) -> None:
        neurons.write_csv(path)

    def done(_: None) -> None:
        session.work.tell("neurons", f"{len(neurons.ids)} neurons were written to {path}.")

    return session.work.start("neurons", "Exporting", work, done)


def _latent(neurons: Neurons, roi: int) -> NDArray[np.float32]:
    """Return the mean of one neuron's latent, which it has where its trace is usable."""
    position = int((neurons.ids == roi).argmax())
    problem = neurons.problems[position]
    if problem is not None:
        raise InputError(f"The trace of ROI {roi} has no place on the map ({problem}): select another one.")
    mean: NDArray[np.float32] = neurons.mean[position]
    return mean
