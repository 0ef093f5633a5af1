"""Every setting of the ℓ1-VAR autoencoder, defined once.

The form in the dock, the checkpoint and the settings page are made from this model.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from napari_calcdyn.models.settings import Settings, in_group


class VARAutoencoderConfig(Settings):
    """Settings of the ℓ1-VAR autoencoder; frozen, checked when made."""

    presets: ClassVar = {"quick": {"steps": 150}, "standard": {}, "thorough": {"steps": 1500}}

    latents: int | None = Field(
        None,
        ge=4,
        le=4096,
        title="Latents",
        description="How many numbers describe a frame. Each one looks at a small patch of the image. Automatic:"
        " one per 8 × 8 pixels, at most 1024 and at most one for every two training frames.",
        json_schema_extra=in_group("Network"),
    )
    kernels: int = Field(
        32,
        ge=1,
        le=256,
        title="Patch shapes",
        description="How many patch shapes all places share. Each place mixes its own picture from them: more"
        " follow the outlines of cells better, fewer are less easily misled by noise.",
        json_schema_extra=in_group("Network"),
    )
    skip: bool = Field(
        True,
        title="Mean-frame skip",
        description="Route the mean frame round the network, which then sees only what changes. Switch it off"
        " only to compare.",
        json_schema_extra=in_group("Network"),
    )
    mode: Literal["end-to-end", "two-stage"] = Field(
        "end-to-end",
        title="Training",
        description="end-to-end: picture and dynamics are learned together. two-stage: the picture first, the"
        " dynamics afterwards, for comparison.",
        json_schema_extra=in_group("Dynamics"),
    )
    order: int = Field(
        1,
        ge=1,
        le=20,
        title="Order",
        description="How many past frames predict the next one.",
        json_schema_extra=in_group("Dynamics", "frames"),
    )
    prediction_weight: float = Field(
        1.5,
        ge=0,
        le=100,
        title="Prediction weight γ",
        description="What an unpredicted part of the activity costs, measured by what it adds to the picture. At 1,"
        " activity that cannot be predicted is as well left out; larger values leave out more of it, and the picture"
        " gets less exact.",
        json_schema_extra=in_group("Dynamics"),
    )
    selection: Literal["ebic", "cross-validation", "fraction", "nonzeros"] = Field(
        "ebic",
        title="Sparsity chosen by",
        description="How the number of connections is chosen: the extended Bayesian information criterion (EBIC),"
        " cross-validation over blocks of time, a fixed fraction of the penalty that empties the model, or a fixed"
        " number of connections into each latent.",
        json_schema_extra=in_group("Dynamics"),
    )
    fraction: float = Field(
        0.1,
        gt=0,
        le=1,
        title="Fraction of λ max",
        description="Penalty for the choice “fraction”: 1 leaves no connection, small values leave many.",
        json_schema_extra=in_group("Dynamics"),
    )
    nonzeros: int = Field(
        5,
        ge=1,
        le=100,
        title="Connections per latent",
        description="Number of connections for the choice “nonzeros”.",
        json_schema_extra=in_group("Dynamics"),
    )
    penalise_own_past: bool = Field(
        True,
        title="Penalise own past",
        description="Whether a latent's own past must earn its place like any other connection.",
        json_schema_extra=in_group("Dynamics"),
    )
    distance_penalty: float = Field(
        1.0,
        ge=0,
        le=100,
        title="Distance penalty",
        description="By how much more a connection must earn its place for each step to a more distant neighbour."
        " 0 treats near and far alike: with short recordings that finds connections that are not there.",
        json_schema_extra=in_group("Dynamics"),
    )
    steps: int = Field(
        400,
        ge=10,
        le=100_000,
        title="Training steps",
        description="How long to train at most.",
        json_schema_extra=in_group("Training"),
    )
    learning_rate: float = Field(
        1e-2,
        gt=0,
        le=1,
        title="Learning rate",
        description="Peak step size of the optimiser; it rises at the start and falls to zero at the end.",
        json_schema_extra=in_group("Training"),
    )
    windows: int = Field(
        8,
        ge=2,
        le=256,
        title="Stretches per step",
        description="How many stretches of the recording each training step looks at, an even number: half of them"
        " estimate the dynamics, the other half score them.",
        json_schema_extra=in_group("Training"),
    )
    window_length: int = Field(
        24,
        ge=4,
        le=1024,
        title="Length of a stretch",
        description="Frames in each stretch.",
        json_schema_extra=in_group("Training", "frames"),
    )
    warm_up: float = Field(
        0.4,
        ge=0,
        le=0.9,
        title="Picture first",
        description="Part of the training in which only the picture is learned, before the prediction counts.",
        json_schema_extra=in_group("Training"),
    )
    held_out: float = Field(
        0.2,
        ge=0.05,
        le=0.5,
        title="Held-out part",
        description="Last part of the recording, never trained on; all reported errors are measured there.",
        json_schema_extra=in_group("Training"),
    )
    patience: int = Field(
        20,
        ge=1,
        le=1000,
        title="Patience",
        description="Training ends when the validation loss has not improved for so many checks. There are about 40 in"
        " all; with the end-to-end training those before the prediction counts in full are left out.",
        json_schema_extra=in_group("Training", "checks"),
    )
