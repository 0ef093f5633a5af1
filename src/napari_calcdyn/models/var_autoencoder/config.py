"""The settings of the ℓ1-VAR autoencoder, defined once."""

from __future__ import annotations

from typing import ClassVar, Literal

from napari_calcdyn.models.settings import Settings
from napari_calcdyn.recording.settings import setting

_FROM_RANDOM_WEIGHTS = 4  # steps for one that begins with footprints found in the movie
_CONVOLUTIONAL_RATE = 3.0  # learning rate, over that of footprints
_WITH_BUDGET = 3  # steps for one with a γ that is given


class VARAutoencoderConfig(Settings):
    """Settings of the ℓ1-VAR autoencoder; frozen, checked when made."""

    presets: ClassVar = {"quick": {"steps": 25}, "standard": {}, "thorough": {"steps": 300}}

    latents: int | None = setting("Network", "Latents", None, ge=4, le=4096)
    """Number of latents that describe a frame. Each one depends on a small patch of the image. Automatic: one per 8 ×
    8 pixels; if these are more than 1024, they are three quarters of a cell apart, whose diameter is measured, but no
    fewer than 1024 and at most 4096; if they are 256 or fewer, at most one for every two training frames. With more
    than 256, each one is predicted from those at most three places away only."""
    network: Literal["footprints", "convolutional"] = setting("Network", "Network", "footprints")
    """footprints: linear, each latent has a footprint of its own, and everything works with it. convolutional: the
    nonlinear network of the paper, whose weights all places share, for comparison; with it, there are latents,
    predictions and contribution maps, but no maps between cells."""
    kernels: int = setting("Network", "Patch shapes", 64, ge=1, le=256)
    """Number of patch shapes that all places share. Each place mixes its own footprint from them. More shapes
    follow the outlines of cells better; fewer shapes fit less noise. In the convolutional network, the largest number
    of feature maps."""
    skip: bool = setting("Network", "Mean-frame skip", True)
    """Subtract the mean frame before the network and add it back afterwards, so that the network only represents
    what changes. Switch it off only for comparison."""
    mode: Literal["end-to-end", "two-stage"] = setting("Dynamics", "Training", "end-to-end")
    """end-to-end: reconstruction and dynamics are trained together. two-stage: first the reconstruction, then the
    dynamics, for comparison."""
    order: int = setting("Dynamics", "Order", 1, ge=1, le=20, unit="frames")
    """Number of past frames that predict the next one."""
    prediction_weight: float = setting("Dynamics", "Prediction weight γ", 1.5, ge=0, le=100)
    """Weight of the prediction error relative to the reconstruction error. Larger values leave out more of the
    activity that cannot be predicted, and make the reconstruction less exact. Shot noise does not count: each latent's
    error is weighted by the share of its variance that is not shot noise."""
    gamma_budget: float = setting("Dynamics", "Budget for γ", 0.0, ge=0, le=1)
    """How much worse the picture may get for the sake of the prediction, as a share of the reconstruction error with
    γ = 0, such as 0.04 for 4 %. γ is then chosen for this recording, on validation frames, in place of the one above.
    0: it is the one above. Takes three times as many training steps."""
    selection: Literal["ebic", "cross-validation", "fraction", "nonzeros"] = setting(
        "Dynamics", "Sparsity chosen by", "ebic"
    )
    """How the number of connections is chosen: by the extended Bayesian information criterion (EBIC), by
    cross-validation over blocks of time, by a fixed fraction of the penalty at which no connection is left, or as a
    fixed number of connections into each latent."""
    fraction: float = setting("Dynamics", "Fraction of λ max", 0.1, gt=0, le=1)
    """Penalty for the choice “fraction”: 1 leaves no connection but a latent's own past, small
    values leave many."""
    nonzeros: int = setting("Dynamics", "Connections per latent", 5, ge=1, le=100)
    """Number of connections for the choice “nonzeros”."""
    penalise_own_past: bool = setting("Dynamics", "Penalise own past", False)
    """Whether the connection of a latent to itself is penalised like any other connection. If not, every latent keeps
    it, whatever the sparsity, and others count for what they add to it."""
    distance_penalty: float = setting("Dynamics", "Distance penalty", 1.0, ge=0, le=100)
    """How much the penalty of a connection grows for each step to a more distant neighbour. 0 penalises near and far
    connections equally, which in short recordings gives false connections."""
    steps: int = setting("Training", "Training steps", 50, ge=10, le=100_000)
    """Largest number of training steps. The convolutional network, which begins with random weights, takes four times
    as many."""
    learning_rate: float = setting("Training", "Learning rate", 3e-3, gt=0, le=1)
    """Largest step size of the optimiser. The step size rises at the start and falls to zero at the end. The
    convolutional network takes steps of three times this size."""
    windows: int = setting("Training", "Stretches per step", 8, ge=2, le=256)
    """Number of stretches of the recording that each training step uses, an even number: half of them estimate the
    dynamics, the other half score them."""
    window_length: int = setting("Training", "Length of a stretch", 24, ge=4, le=1024, unit="frames")
    """Frames in each stretch."""
    warm_up: float = setting("Training", "Reconstruction first", 0.3, ge=0, le=0.9)
    """Part of the training in which only the reconstruction is trained, before the prediction counts."""
    held_out: float = setting("Training", "Held-out part", 0.2, ge=0.05, le=0.5)
    """Part at the end of the recording that is never trained on. All reported errors are measured there."""
    patience: int = setting("Training", "Patience", 20, ge=1, le=1000, unit="checks")
    """Training ends when the validation loss has not improved for this many checks. There is one every five steps, in
    long trainings about 40 in all. With end-to-end training, only checks after the prediction counts in full
    are used."""

    @property
    def training_steps(self) -> int:
        """Largest number of steps of the network that is chosen, with a budget or without."""
        steps = self.steps * (1 if self.network == "footprints" else _FROM_RANDOM_WEIGHTS)
        return steps * _WITH_BUDGET if self.has_budget else steps

    @property
    def training_rate(self) -> float:
        """Largest step size of the network that is chosen."""
        return self.learning_rate * (1 if self.network == "footprints" else _CONVOLUTIONAL_RATE)

    @property
    def has_budget(self) -> bool:
        """Whether γ is chosen by a budget."""
        return self.gamma_budget > 0 and self.mode == "end-to-end"
