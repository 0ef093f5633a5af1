"""The page *Model* of the dock *Neurons*: train, load and save it, and follow the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.forms.pieces import button, wrapped
from napari_calcdyn.gui.models.kind import ModelKind
from napari_calcdyn.gui.models.panel import ModelPanel
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.cautions import about_traces
from napari_calcdyn.models.avae.config import AVAEConfig

from .runs import MAPPING, NO_TRACES, map_neurons

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from napari_calcdyn.models.avae import AVAE

TRAINING = "Training on the traces"


def _avae() -> type[AVAE]:
    from napari_calcdyn.models.avae import AVAE

    return AVAE


NEURON_MODEL = ModelKind(
    topic="neurons",
    config=AVAEConfig,
    presets={
        "quick": "A first look: the shortest training.",
        "standard": "The usual choice, for most recordings.",
        "paper": "The settings of the paper, for comparison.",
    },
    # Two settings have a meaning with one choice each.
    matters=lambda values: {
        "patch": values["architecture"] == "sequence",
        "largest_shift": values["pull"] > 0,
    },
    train_tip="Train the model on the traces in the background, then map the neurons.",
    curves={
        "reconstruction": (
            "Reconstruction error",
            "How far the model's trace is from the recorded one: lower is better.",
        ),
        "kl": (
            "Information kept (KL divergence)",
            "How much a neuron's place in the model says about it. Near 0 the model tells no neuron from another: "
            "lower β then.",
        ),
    },
    samples="neurons",
    training=TRAINING,
    stoppable=(TRAINING, MAPPING),
    data=lambda session: session.neurons.traces,
    data_changed=lambda session: session.neurons.events.traces,
    missing=NO_TRACES,
    model=_avae,
    follow=map_neurons,
    exchanged="its traces were replaced in the meantime",
    loaded="open traces, then press “Map neurons”",
    caution=about_traces,
    basic=("architecture", "latent", "hidden", "beta"),
)


class ModelPage(ModelPanel):
    """Settings, training and learning curves, and how much of the model is in use.

    Parameters
    ----------
    session : Session
        Whose model it is.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        super().__init__(session, NEURON_MODEL, listener)
        self.body.setContentsMargins(2, 4, 2, 2)
        self.body.setSpacing(4)
        self.map = button(
            "Map neurons",
            "<qt>Compute the latents of every neuron with this model and draw the map again.</qt>",
            self._on_map,
        )
        self.summary = wrapped(
            tooltip="<qt>The model describes a neuron by a few numbers (latents). Those that differ from neuron to "
            "neuron are in use; none in use means that the model tells no neuron from another: lower β then.</qt>"
        )
        self.body.addWidget(self.map)
        self.body.addWidget(self.summary)
        self.body.addWidget(self.curves, 1)
        self.body.addStretch(0)
        listener.connect(session.neurons.events.result, self.show_job)
        listener.connect(session.neurons.events.model, self._show_summary)
        self.show_history()
        self.show_job()

    def _on_map(self) -> None:
        map_neurons(self.session)

    def show_job(self, *_: object) -> None:
        """Offer to draw the map, which follows every training, where it was stopped, or the model loaded."""
        super().show_job()
        neurons = self.session.neurons
        drawn = neurons.result is not None and neurons.mapped_with is neurons.model
        ready = neurons.model is not None and neurons.traces is not None and not drawn
        self.map.setVisible(ready and self.session.work.doing not in self.kind.stoppable)
        self.map.setEnabled(self.session.work.free)

    def show_history(self, *_: object) -> None:
        """Draw the learning curves as far as they go."""
        super().show_history()
        self.curves.setVisible(bool(self.session.neurons.history))
        self._show_summary()

    def _show_summary(self, *_: object) -> None:
        model, history = self.session.neurons.model, self.session.neurons.history
        active = next(
            (it.losses["active_units"] for it in reversed(history) if "active_units" in it.losses), None
        )
        if active is None and model is not None:
            active = model.metrics.get("active_units")
        self.summary.setVisible(active is not None)
        if active is not None:
            self.summary.setText(f"{active:.0f} latents in use")
