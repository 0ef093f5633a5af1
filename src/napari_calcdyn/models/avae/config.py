"""Every setting of the AVAE, defined once."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from napari_calcdyn.models.settings import Settings, in_group

_PAPER: dict[str, Any] = {
    "architecture": "paper",
    "skip": False,
    "error_unit": "scaled",
    "likeness": 0.0,
    "refinement": 0,
    "epochs": 200,
    "batch": 32,
    "learning_rate": 5e-3,
    "decay": "exponential",
    "patience": 5,
    "least_improvement": 5e-3,
    "warm_up": 0.0,
}


class AVAEConfig(Settings):
    """Settings of the AVAE; frozen, checked when made."""

    presets: ClassVar = {"standard": {}, "quick": {"epochs": 20}, "paper": _PAPER}

    architecture: Literal["residual", "paper", "sequence"] = Field(
        "residual",
        title="Network",
        description="residual: principal components and a network that adds what they miss, the most exact here."
        " paper: the published network. sequence: runs along the trace, for traces of different lengths.",
        json_schema_extra=in_group("Network"),
    )
    latent: int = Field(
        8,
        ge=1,
        le=256,
        title="Latents",
        description="How many numbers describe a neuron (D2 in the paper).",
        json_schema_extra=in_group("Network"),
    )
    hidden: int = Field(
        128,
        ge=1,
        le=4096,
        title="Hidden units",
        description="Width of the layer between trace and latents (D1 in the paper).",
        json_schema_extra=in_group("Network"),
    )
    patch: int = Field(
        20,
        ge=1,
        le=1000,
        title="Samples per step",
        description="How many samples the network “sequence” reads at a time.",
        json_schema_extra=in_group("Network", "samples"),
    )
    beta: float = Field(
        0.5,
        ge=0,
        le=1000,
        title="KL weight β",
        description="How much it costs to describe neurons differently. 0 reconstructs best; larger values give a"
        " smoother map and, past some point, drop latents.",
        json_schema_extra=in_group("Objective"),
    )
    error_unit: Literal["noise", "scaled"] = Field(
        "noise",
        title="Error measured in",
        description="noise: in units of the noise that the traces themselves show, so that β means the same for"
        " every recording. scaled: in units of the scaled traces, as in the paper.",
        json_schema_extra=in_group("Objective"),
    )
    scaling: Literal["recording", "trace"] = Field(
        "trace",
        title="Scaled by",
        description="trace: each neuron by its own smallest and largest value, so that the shape of its activity"
        " counts. recording: all neurons alike, so that bright neurons stay bright.",
        json_schema_extra=in_group("Objective"),
    )
    refinement: int = Field(
        1,
        ge=0,
        le=20,
        title="Refinement",
        description="Steps from the latents that the encoder guesses to those that explain a trace best, for the"
        " denoised trace. 0 takes the encoder's, as in the paper.",
        json_schema_extra=in_group("Objective", "steps"),
    )
    skip: bool = Field(
        True,
        title="Mean-trace skip",
        description="Route the mean trace round the network, which then sees only what differs between neurons.",
        json_schema_extra=in_group("Objective"),
    )
    likeness: float = Field(
        1.0,
        ge=0,
        le=100,
        title="Like with like",
        description="How strongly neurons with traces of similar shape are kept together and others apart, relative to"
        " the reconstruction error. 0 is the plain autoencoder, whose map shows groups less clearly.",
        json_schema_extra=in_group("Objective"),
    )
    pull: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Shift tolerance",
        description="How strongly a neuron and the same neuron a little later are asked to have the same latents,"
        " relative to the reconstruction error. 0: when a neuron is active counts as much as how.",
        json_schema_extra=in_group("Objective"),
    )
    largest_shift: float = Field(
        0.1,
        gt=0,
        le=0.5,
        title="Largest shift",
        description="By how much traces are shifted for that, as a part of their length.",
        json_schema_extra=in_group("Objective"),
    )
    warm_up: float = Field(
        0.1,
        ge=0,
        le=0.9,
        title="Reconstruction first",
        description="Part of the training over which β grows to its value.",
        json_schema_extra=in_group("Training"),
    )
    epochs: int = Field(
        60,
        ge=1,
        le=10_000,
        title="Epochs",
        description="How many times every neuron is looked at, at most.",
        json_schema_extra=in_group("Training"),
    )
    batch: int = Field(
        64,
        ge=2,
        le=4096,
        title="Neurons per step",
        description="How many neurons each training step looks at.",
        json_schema_extra=in_group("Training", "neurons"),
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        title="Learning rate",
        description="Peak step size of the optimiser. Automatic: 0.003, and less in proportion where fewer than 1,000"
        " neurons are trained on.",
        json_schema_extra=in_group("Training"),
    )
    decay: Literal["cosine", "exponential"] = Field(
        "cosine",
        title="Learning rate falls",
        description="cosine: rises at the start and falls to zero at the end. exponential: by a hundredth per epoch,"
        " as in the paper.",
        json_schema_extra=in_group("Training"),
    )
    patience: int = Field(
        15,
        ge=1,
        le=1000,
        title="Patience",
        description="Training ends when the validation loss has not improved for so many epochs.",
        json_schema_extra=in_group("Training", "epochs"),
    )
    least_improvement: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="Least improvement",
        description="By how much the validation loss must fall to count as improved.",
        json_schema_extra=in_group("Training"),
    )
    validation: float = Field(
        0.1,
        ge=0.02,
        le=0.5,
        title="Held-out neurons",
        description="Part of the neurons that is never trained on; they decide when to stop, and all reported errors"
        " are measured on them.",
        json_schema_extra=in_group("Training"),
    )
