"""The one training loop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

_CHECKS = 40
_SECONDS_BETWEEN_REPORTS = 0.1
_RISE = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a training run has come.

    Parameters
    ----------
    stage : str
        What is being done, in words to show.
    step, total : int
        Training steps done, and at most to do.
    losses : mapping of str to float
        `reconstruction`, `prediction`, and at checks `held_out_reconstruction`, `held_out_prediction`.
    best : float or None
        Lowest validation loss so far.
    elapsed, eta : float
        Seconds since the start, and still to go.
    """

    stage: str
    step: int = 0
    total: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    best: float | None = None
    elapsed: float = 0.0
    eta: float = 0.0


class Task(Protocol):
    """What the loop trains."""

    @property
    def module(self) -> nn.Module:
        """The network."""

    def stage(self, step: int, total: int) -> str:
        """Return what a step does, in words to show."""

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its parts to report."""

    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss, None while it cannot be compared with later ones, and its parts."""


def train(
    task: Task,
    *,
    steps: int,
    learning_rate: float,
    patience: int,
    stop: threading.Event | None = None,
) -> Generator[Progress, None, None]:
    """Train a network, and leave the best weights in it.

    Adam, a learning rate that rises over the first tenth and falls to zero as a cosine. Ends early when the
    validation loss has not improved for `patience` checks, or when asked to stop; a run that is closed or stopped
    keeps the best weights so far.

    Parameters
    ----------
    task : Task
        Network, loss and validation.
    steps : int
        Training steps at most.
    learning_rate : float
        Its peak.
    patience : int
        Checks without improvement before training ends; there are 40 in all.
    stop : threading.Event, optional
        Looked at before every step.

    Yields
    ------
    Progress
        At every check, and about ten times a second.
    """
    parameters = list(task.module.parameters())
    optimiser = torch.optim.Adam(parameters, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    check_every = max(1, steps // _CHECKS)
    best, best_state, unimproved = math.inf, None, 0
    start = last_report = time.monotonic()
    try:
        for step in range(steps):
            if stop is not None and stop.is_set():
                break
            loss, parts = task.loss(step, steps)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

            check = (step + 1) % check_every == 0 or step + 1 == steps
            now = time.monotonic()
            if not check and now - last_report < _SECONDS_BETWEEN_REPORTS:
                continue
            losses = {name: float(value) for name, value in parts.items()}
            if check:
                validation, held_out = task.validate(step, steps)
                losses |= held_out
                if validation is not None and validation < best:
                    best, unimproved = validation, 0
                    best_state = {name: value.clone() for name, value in task.module.state_dict().items()}
                elif validation is not None:
                    unimproved += 1
            last_report = now
            elapsed = now - start
            eta = elapsed / (step + 1) * (steps - step - 1)
            shown = best if math.isfinite(best) else None
            yield Progress(task.stage(step, steps), step + 1, steps, losses, shown, elapsed, eta)
            if unimproved >= patience:
                break
    finally:
        if best_state is not None:
            task.module.load_state_dict(best_state)


def _rate(step: int, steps: int) -> float:
    """Return the learning rate's share of its peak."""
    rise = _RISE * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))
