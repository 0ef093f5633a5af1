"""The settings of the AVAE, defined once."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from napari_calcdyn.models.settings import Settings
from napari_calcdyn.recording.settings import setting

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

    architecture: Literal["residual", "paper", "sequence"] = setting("Network", "Network", "residual")
    """residual: principal components plus a network for what they miss; it reconstructs best. paper: the published
    network. sequence: a network that runs along the trace, for traces of different lengths."""
    latent: int = setting("Network", "Latents", 8, ge=1, le=256)
    """Number of latents that describe a neuron (D2 in the paper)."""
    hidden: int = setting("Network", "Hidden units", 128, ge=1, le=4096)
    """Width of the layer between trace and latents (D1 in the paper)."""
    patch: int = setting("Network", "Samples per step", 20, ge=1, le=1000, unit="samples")
    """Number of samples that the network “sequence” reads at a time."""
    beta: float = setting("Objective", "KL weight β", 0.5, ge=0, le=1000)
    """Weight of the KL divergence. 0 reconstructs best; larger values make the latents of different neurons more
    similar and the map smoother. If β is too large, some latents no longer differ between neurons."""
    error_unit: Literal["noise", "scaled"] = setting("Objective", "Error measured in", "noise")
    """noise: in units of the noise that is estimated from the traces, so that β means the same for every recording.
    scaled: in units of the scaled traces, as in the paper."""
    scaling: Literal["recording", "trace"] = setting("Objective", "Scaled by", "trace")
    """trace: each neuron by its own smallest and largest value, so that the shape of its activity counts.
    recording: all neurons by the same range, so that bright neurons stay bright."""
    refinement: int = setting("Objective", "Refinement", 1, ge=0, le=20, unit="steps")
    """Number of steps from the latents of the encoder towards those that explain a trace best, for the trace
    redrawn from the latents. 0 uses the latents of the encoder, as in the paper."""
    skip: bool = setting("Objective", "Mean-trace skip", True)
    """Subtract the mean trace before the network and add it back afterwards, so that the network only represents
    what differs between neurons."""
    likeness: float = setting("Objective", "Likeness", 1.0, ge=0, le=100)
    """How strongly neurons with traces of similar shape are kept together and others apart, relative to the
    reconstruction error. 0 switches this off; the map then shows groups less clearly."""
    pull: float = setting("Objective", "Shift tolerance", 0.0, ge=0, le=100)
    """How strongly the latents are kept the same if a trace is shifted in time, relative to the reconstruction
    error. With 0, the times of activity count as much as its shape."""
    largest_shift: float = setting("Objective", "Largest shift", 0.1, gt=0, le=0.5)
    """Largest shift for the shift tolerance, as a part of the length of the traces."""
    warm_up: float = setting("Training", "Reconstruction first", 0.1, ge=0, le=0.9)
    """Part of the training over which β grows to its value."""
    epochs: int = setting("Training", "Epochs", 60, ge=1, le=10_000)
    """Largest number of times that every neuron is used."""
    batch: int = setting("Training", "Neurons per step", 64, ge=2, le=4096, unit="neurons")
    """Number of neurons that each training step uses."""
    learning_rate: float | None = setting("Training", "Learning rate", None, gt=0, le=1)
    """Largest step size of the optimiser. Automatic: 0.003, and proportionally less with fewer than 1,000
    training neurons."""
    decay: Literal["cosine", "exponential"] = setting("Training", "Learning rate falls", "cosine")
    """cosine: it rises at the start and falls to zero at the end. exponential: it falls by a hundredth per epoch, as
    in the paper."""
    patience: int = setting("Training", "Patience", 15, ge=1, le=1000, unit="epochs")
    """Training ends when the validation loss has not improved for this many epochs."""
    least_improvement: float = setting("Training", "Least improvement", 0.0, ge=0, le=1000)
    """By how much the validation loss must fall to count as improved."""
    validation: float = setting("Training", "Held-out neurons", 0.1, ge=0.02, le=0.5)
    """Part of the neurons that is never trained on. They decide when to stop, and all reported errors are measured
    on them."""
