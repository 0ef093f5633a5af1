"""Every setting of the ℓ1-VAR autoencoder, defined once.

The form in the dock, the checkpoint and the settings page are made from this model.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from napari_calcdyn.models.settings import Settings
from napari_calcdyn.recording.settings import setting


class VARAutoencoderConfig(Settings):
    """Settings of the ℓ1-VAR autoencoder; frozen, checked when made."""

    presets: ClassVar = {"quick": {"steps": 150}, "standard": {}, "thorough": {"steps": 1500}}

    latents: int | None = setting("Network", "Latents", None, ge=4, le=4096)
    """How many numbers describe a frame. Each one looks at a small patch of the image. Automatic: one per 8 × 8
    pixels, at most 1024 and at most one for every two training frames."""
    kernels: int = setting("Network", "Patch shapes", 32, ge=1, le=256)
    """How many patch shapes all places share. Each place mixes its own picture from them: more follow the
    outlines of cells better, fewer are less easily misled by noise."""
    skip: bool = setting("Network", "Mean-frame skip", True)
    """Route the mean frame round the network, which then sees only what changes. Switch it off only to
    compare."""
    mode: Literal["end-to-end", "two-stage"] = setting("Dynamics", "Training", "end-to-end")
    """end-to-end: picture and dynamics are learned together. two-stage: the picture first, the dynamics
    afterwards, for comparison."""
    order: int = setting("Dynamics", "Order", 1, ge=1, le=20, unit="frames")
    """How many past frames predict the next one."""
    prediction_weight: float = setting("Dynamics", "Prediction weight γ", 1.5, ge=0, le=100)
    """What an unpredicted part of the activity costs, measured by what it adds to the picture. At 1, activity
    that cannot be predicted is as well left out; larger values leave out more of it, and the picture gets less
    exact."""
    selection: Literal["ebic", "cross-validation", "fraction", "nonzeros"] = setting(
        "Dynamics", "Sparsity chosen by", "ebic"
    )
    """How the number of connections is chosen: the extended Bayesian information criterion (EBIC),
    cross-validation over blocks of time, a fixed fraction of the penalty that empties the model, or a fixed number of
    connections into each latent."""
    fraction: float = setting("Dynamics", "Fraction of λ max", 0.1, gt=0, le=1)
    """Penalty for the choice “fraction”: 1 leaves no connection, small values leave many."""
    nonzeros: int = setting("Dynamics", "Connections per latent", 5, ge=1, le=100)
    """Number of connections for the choice “nonzeros”."""
    penalise_own_past: bool = setting("Dynamics", "Penalise own past", True)
    """Whether a latent's own past must earn its place like any other connection."""
    distance_penalty: float = setting("Dynamics", "Distance penalty", 1.0, ge=0, le=100)
    """By how much more a connection must earn its place for each step to a more distant neighbour. 0 treats near
    and far alike: with short recordings that finds connections that are not there."""
    steps: int = setting("Training", "Training steps", 400, ge=10, le=100_000)
    """How long to train at most."""
    learning_rate: float = setting("Training", "Learning rate", 1e-2, gt=0, le=1)
    """Peak step size of the optimiser; it rises at the start and falls to zero at the end."""
    windows: int = setting("Training", "Stretches per step", 8, ge=2, le=256)
    """How many stretches of the recording each training step looks at, an even number: half of them estimate the
    dynamics, the other half score them."""
    window_length: int = setting("Training", "Length of a stretch", 24, ge=4, le=1024, unit="frames")
    """Frames in each stretch."""
    warm_up: float = setting("Training", "Picture first", 0.4, ge=0, le=0.9)
    """Part of the training in which only the picture is learned, before the prediction counts."""
    held_out: float = setting("Training", "Held-out part", 0.2, ge=0.05, le=0.5)
    """Last part of the recording, never trained on; all reported errors are measured there."""
    patience: int = setting("Training", "Patience", 20, ge=1, le=1000, unit="checks")
    """Training ends when the validation loss has not improved for so many checks. There are about 40 in all; with
    the end-to-end training those before the prediction counts in full are left out."""
