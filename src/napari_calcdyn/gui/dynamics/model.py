"""The ℓ1-VAR autoencoder, as the Dynamics dock trains, loads and saves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.models.background import load
from napari_calcdyn.gui.models.kind import ModelKind
from napari_calcdyn.gui.session.cautions import about_recording
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig

from .estimate import check
from .runs import EDGE, compute_maps, ready, show_all

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

TRAINING = "Training"


def _var_autoencoder() -> type[VARAutoencoder]:
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder

    return VARAutoencoder


DYNAMICS_MODEL = ModelKind(
    topic="dynamics",
    config=VARAutoencoderConfig,
    presets={
        "quick": "A first look: the shortest training.",
        "standard": "The usual choice, for most recordings.",
        "thorough": "For final results: takes about four times as long.",
    },
    # Two settings belong to one way of choosing the sparsity each.
    matters=lambda values: {name: values["selection"] == name for name in ("fraction", "nonzeros")},
    train_tip="Train the model on the recording in the background.",
    curves={
        "reconstruction": (
            "Reconstruction error",
            "How far the model's image is from the recorded one, as a share of the movie's variance: lower is "
            "better.",
        ),
        "prediction": (
            "Prediction error",
            "How far the model's state is from the one predicted out of its past, as a share of its variance: "
            "lower is better; 1 is no better than the mean.",
        ),
    },
    samples="frames",
    training=TRAINING,
    stoppable=(TRAINING, EDGE),
    data=lambda session: session.recording.movie,
    data_changed=lambda session: session.recording.events.movie,
    missing="Open a recording first, in the Recording panel.",
    model=_var_autoencoder,
    prepare=lambda model: ready(model.var),
    check=check,
    follow=compute_maps,
    exchanged="choose that recording to see its maps",
    loaded="open its recording to see the maps",
    caution=about_recording,
)


def load_result(session: Session, folder: Path) -> bool:
    """Load what ``calcdyn run`` wrote, model and maps, in the background; returns whether it was started."""
    found: list[ContributionMaps] = []

    def prepare(model: VARAutoencoder) -> None:
        from napari_calcdyn.analysis.maps import ContributionMaps

        ready(model.var)
        found.append(ContributionMaps.load(folder))

    def show(session: Session) -> None:
        movie, model = session.recording.movie, session.dynamics.model
        if movie is not None and model is not None:
            show_all(session, movie, model, model.var, found[0])

    return load(session, replace(DYNAMICS_MODEL, prepare=prepare, follow=show), folder / "model", "auto")
