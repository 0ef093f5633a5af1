"""What a training says of itself; it loads without torch, for the jobs that train nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Parameters
    ----------
    stage : str
        Name of the current stage, for display.
    step, total : int
        Training steps done, and the largest number of steps.
    losses : mapping of str to float
        Losses of the task, such as `reconstruction`, and at checks the validation losses, such as
        `held_out_reconstruction`.
    best : float or None
        Lowest validation loss so far.
    elapsed, eta : float
        Seconds since the start, and estimated seconds left.
    """

    stage: str
    step: int = 0
    total: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    best: float | None = None
    elapsed: float = 0.0
    eta: float = 0.0

    def __str__(self) -> str:
        """Return one line with the stage, the steps, the losses and the time left."""
        if not self.step:
            return self.stage
        losses = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in self.losses.items())
        return f"{self.stage}: {self.step} of {self.total} steps, {losses or 'no losses yet'}, {self.eta:.0f} s left"
