"""The ℓ1-VAR autoencoder, as the Dynamics dock trains, loads and saves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.models.background import load
from napari_calcdyn.gui.models.kind import ModelKind
from napari_calcdyn.gui.session.cautions import about_recording
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig

from .between.runs import order_of, take_saved
from .estimate import check
from .runs import EDGE, compute_maps, ready, show_all

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

TRAINING = "Training"
_MODEL, _MAP = "model", "contribution_explained.tif"  # of what the command line writes


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
    matters=lambda values: {
        # Two settings belong to one way of choosing the sparsity each.
        **{name: values["selection"] == name for name in ("fraction", "nonzeros")},
        "prediction_weight": not values["gamma_budget"] and values["mode"] == "end-to-end",
        "gamma_budget": values["mode"] == "end-to-end",
    },
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
    load=lambda session, folder, device: load_result(session, folder, device),
)


def load_result(session: Session, folder: Path, device: str = "auto") -> bool:
    """Load a model in the background; returns whether it was started.

    Where ``calcdyn run`` wrote it, and from the recording that is open, the maps of the run and what it found between
    cells are shown; otherwise the maps are computed.

    Parameters
    ----------
    session : Session
        Gets the model.
    folder : Path
        A model, or what ``calcdyn run`` wrote.
    device : str
        Where the model computes.
    """
    run = _run_of(folder)
    if run is None:
        inside = folder / _MODEL
        return load(session, DYNAMICS_MODEL, inside if inside.is_dir() else folder, device)
    source = session.recording.source
    saved: list[tuple[BetweenRois, NDArray[np.int64]]] = []

    def prepare(model: VARAutoencoder) -> None:
        from napari_calcdyn.jobs.between_rois import BetweenRois
        from napari_calcdyn.jobs.provenance import made_from
        from napari_calcdyn.jobs.result_folder import read_metrics

        ready(model.var)
        metrics = read_metrics(run, "run")
        if source is not None and (not metrics or made_from(metrics, source)):
            found = BetweenRois.load(run, model, metrics)
            saved.append((found, order_of(found)))

    def show(session: Session) -> None:
        movie, model = session.recording.movie, session.dynamics.model
        if not saved or movie is None or model is None:
            compute_maps(session)
            return
        found, order = saved[0]
        show_all(session, movie, model, model.var, found.maps)
        take_saved(session, found, order, model.corrections)

    return load(session, replace(DYNAMICS_MODEL, prepare=prepare, follow=show), run / _MODEL, device)


def _run_of(folder: Path) -> Path | None:
    """Return the folder of the run that wrote a model; None where none did."""
    for run in (folder, folder.parent):
        if (run / _MODEL).is_dir() and (run / _MAP).is_file() and folder in (run, run / _MODEL):
            return run
    return None
