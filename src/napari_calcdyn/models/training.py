"""The training loop of both models."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from napari_calcdyn.recording import InputError

_SECONDS_BETWEEN_REPORTS = 0.1
_RISE = 0.1

DIVERGED = (
    "The training diverged, its errors grew without limit: choose a smaller learning rate, or a preset."
)

Model = TypeVar("Model")


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


class Task(Protocol):
    """A network with its loss and its validation, for the training loop."""

    @property
    def module(self) -> nn.Module:
        """The network."""

    def stage(self, step: int, total: int) -> str:
        """Return the name of the stage of a step, for display."""

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its parts to report."""

    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss, None while it cannot be compared with later ones, and its parts."""


def rise_and_fall(step: int, steps: int) -> float:
    """Return the learning rate's share of its peak: up over the first tenth, then down to zero as a cosine.

    Parameters
    ----------
    step, steps : int
        The step, from 0, and how many there are.

    Returns
    -------
    float
        Between 0 and 1.
    """
    rise = _RISE * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


@dataclass(frozen=True)
class Schedule:
    """Number of steps, learning rate, and rule for ending early.

    Parameters
    ----------
    steps : int
        Largest number of training steps.
    learning_rate : float
        Largest step size of Adam.
    patience : int
        Checks without improvement before training ends.
    check_every : int, optional
        Steps between two validations; a fortieth of all steps by default.
    least_improvement : float
        By how much the validation loss must fall below the lowest to count as an improvement.
    largest_gradient : float
        Gradients of a larger norm are scaled down to it.
    rate : callable
        Called with the step and the number of steps; returns the learning rate's share of its peak.
    """

    steps: int
    learning_rate: float
    patience: int
    check_every: int | None = None
    least_improvement: float = 0.0
    largest_gradient: float = math.inf
    rate: Callable[[int, int], float] = rise_and_fall


def train(
    task: Task, schedule: Schedule, *, stop: threading.Event | None = None
) -> Generator[Progress, None, None]:
    """Train a network, and give it the best weights at the end.

    The training ends early if the validation loss has not improved for a while, or if it is stopped. If it is closed or
    stopped, the network keeps the best weights so far.

    Parameters
    ----------
    task : Task
        Network, loss and validation.
    schedule : Schedule
        Steps, learning rate and patience.
    stop : threading.Event, optional
        Checked before every step.

    Yields
    ------
    Progress
        At every check, and about ten times a second.

    Raises
    ------
    InputError
        If a loss is no longer a number.
    """
    steps = schedule.steps
    parameters = list(task.module.parameters())
    optimiser = torch.optim.Adam(parameters, lr=schedule.learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule.rate(step, steps))
    check_every = schedule.check_every or max(1, steps // 40)
    best, best_state, unimproved = math.inf, None, 0
    start = last_report = time.monotonic()
    try:
        for step in range(steps):
            if stop is not None and stop.is_set():
                break
            loss, parts = task.loss(step, steps)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if math.isfinite(schedule.largest_gradient):
                nn.utils.clip_grad_norm_(parameters, schedule.largest_gradient)
            optimiser.step()
            rate.step()

            check = (step + 1) % check_every == 0 or step + 1 == steps
            now = time.monotonic()
            if not check and now - last_report < _SECONDS_BETWEEN_REPORTS:
                continue
            losses = {name: float(value) for name, value in parts.items()}
            if not all(map(math.isfinite, losses.values())):
                raise InputError(DIVERGED)
            if check:
                validation, held_out = task.validate(step, steps)
                losses |= held_out
                if validation is not None and validation < best - schedule.least_improvement:
                    best, unimproved = validation, 0
                    best_state = {name: value.clone() for name, value in task.module.state_dict().items()}
                elif validation is not None:
                    unimproved += 1
            last_report = now
            elapsed = now - start
            eta = elapsed / (step + 1) * (steps - step - 1)
            shown = best if math.isfinite(best) else None
            yield Progress(task.stage(step, steps), step + 1, steps, losses, shown, elapsed, eta)
            if unimproved >= schedule.patience:
                break
    finally:
        if best_state is not None:
            task.module.load_state_dict(best_state)


def drive(
    fit: Generator[Progress, None, Model], tell: Callable[[Progress], object]
) -> tuple[Model, list[Progress]]:
    """Run a fit from its start to its end.

    Parameters
    ----------
    fit : generator
        From a model's `fit_steps`.
    tell : callable
        Called with every report; may raise to end the fit.

    Returns
    -------
    model : object
        What the fit returned.
    history : list of Progress
        All its reports.
    """
    history: list[Progress] = []
    while True:
        try:
            progress = next(fit)
        except StopIteration as finished:
            return finished.value, history
        tell(progress)
        history.append(progress)
