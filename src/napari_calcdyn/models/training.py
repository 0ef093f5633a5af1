"""The training loop of both models."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from napari_calcdyn.recording import InputError

from . import processes
from .checkpoint import with_prefix, with_prefix_added
from .keeping import Keeper, State
from .progress import Progress

_SECONDS_BETWEEN_REPORTS = 0.1
_SECONDS_BETWEEN_SAVES = 20.0
_RISE = 0.1

DIVERGED = (
    "The training diverged, its errors grew without limit: choose a smaller learning rate, or a preset."
)

Model = TypeVar("Model")


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

    def checked(self, step: int, total: int, losses: Mapping[str, float]) -> None:
        """Take the parts that `validate` returned, in every process that trains."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the task remembers from step to step, besides the network."""

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state_dict` returned."""


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


class _Training:
    """How far a training has come."""

    def __init__(self, task: Task, learning_rate: float) -> None:
        self.task = task
        self.optimiser = torch.optim.Adam(task.module.parameters(), lr=learning_rate)
        self.step = 0
        self.best, self.unimproved = math.inf, 0
        self.best_weights: dict[str, Tensor] = {}
        self.reports: list[Progress] = []

    def judge(self, validation: float | None, least_improvement: float) -> None:
        """Keep the weights if they are the best so far; those with None cannot be compared yet."""
        if validation is None:
            return
        if validation < self.best - least_improvement:
            self.best, self.unimproved = validation, 0
            weights = self.task.module.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}
        else:
            self.unimproved += 1

    def state(self) -> State:
        """Return everything that the steps to come depend on."""
        tensors = {
            **with_prefix_added(self.task.module.state_dict(), "network."),
            **with_prefix_added(self.best_weights, "best."),
            **with_prefix_added(self.task.state_dict(), "task."),
        }
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= with_prefix_added(moments, f"adam.{index}.")
        values = {
            "step": self.step,
            "best": self.best if self.best_weights else None,
            "unimproved": self.unimproved,
            "reports": [vars(report) for report in self.reports],
        }
        return State(tensors, values)

    def go_on_from(self, state: State) -> None:
        """Take a state in place of the beginning."""
        tensors, values = state.tensors, state.values
        self.task.module.load_state_dict(with_prefix(tensors, "network."))
        self.task.load_state_dict(with_prefix(tensors, "task."))
        adam = self.optimiser.state_dict()
        count = sum(1 for _ in self.task.module.parameters())
        adam["state"] = {index: with_prefix(tensors, f"adam.{index}.") for index in range(count)}
        self.optimiser.load_state_dict(adam)
        self.best_weights = with_prefix(tensors, "best.")
        self.step, self.unimproved = values["step"], values["unimproved"]
        self.best = values["best"] if self.best_weights else math.inf
        self.reports = [Progress(**report) for report in values["reports"]]


def train(
    task: Task,
    schedule: Schedule,
    *,
    stop: threading.Event | None = None,
    keeper: Keeper | None = None,
) -> Generator[Progress, None, None]:
    """Train a network, and give it the best weights at the end; see `processes` for several that do it together.

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
    keeper : Keeper, optional
        Gets the state after the first step, every few seconds and at the end. A training goes on from the state that it
        has, and ends as if there had been no interruption.

    Yields
    ------
    Progress
        At every check, and about ten times a second; a training that goes on yields its earlier reports first.

    Raises
    ------
    InputError
        If a loss is no longer a number.
    """
    steps = schedule.steps
    training = _Training(task, schedule.learning_rate)
    optimiser = training.optimiser
    check_every = schedule.check_every or max(1, steps // 40)
    last_save = -math.inf
    try:
        state = processes.agreed(lambda: None if keeper is None else keeper.load())
        if state is not None:
            training.go_on_from(state)
            yield from training.reports
        earlier = training.reports[-1].elapsed if training.reports else 0.0
        last_report = time.monotonic()
        start = last_report - earlier
        while training.step < steps and training.unimproved < schedule.patience:
            if stop is not None and stop.is_set():
                break
            step = training.step
            optimiser.param_groups[0]["lr"] = schedule.learning_rate * schedule.rate(step, steps)
            loss, parts = task.loss(step, steps)
            optimiser.zero_grad(set_to_none=True)
            if loss.requires_grad:  # one of several processes may have nothing to do in a step
                loss.backward()  # type: ignore[no-untyped-call]
            processes.sum_gradients(task.module)
            if math.isfinite(schedule.largest_gradient):
                nn.utils.clip_grad_norm_(task.module.parameters(), schedule.largest_gradient)
            optimiser.step()
            training.step += 1

            check = training.step % check_every == 0 or training.step == steps
            now = time.monotonic()
            if check or now - last_report >= _SECONDS_BETWEEN_REPORTS:
                losses = {name: float(value) for name, value in parts.items()}
                if not all(map(math.isfinite, losses.values())):
                    raise InputError(DIVERGED)
                if check:
                    validation, held_out = processes.agreed(partial(task.validate, step, steps))
                    task.checked(step, steps, held_out)
                    losses |= held_out
                    training.judge(validation, schedule.least_improvement)
                last_report = now
                elapsed = now - start
                eta = elapsed / training.step * (steps - training.step)
                best = training.best if math.isfinite(training.best) else None
                stage = task.stage(step, steps)
                training.reports.append(Progress(stage, training.step, steps, losses, best, elapsed, eta))
                yield training.reports[-1]
            if keeper is not None and now - last_save >= _SECONDS_BETWEEN_SAVES:
                keeper.save(training.state())
                last_save = time.monotonic()
        if keeper is not None:
            keeper.save(training.state())
    finally:
        if training.best_weights:
            task.module.load_state_dict(training.best_weights)


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
