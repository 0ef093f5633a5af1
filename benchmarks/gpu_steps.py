"""A training of the program that is held before its first step, so that single steps can be timed and watched."""

from __future__ import annotations

import gc
import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from napari_calcdyn.models.lasso import active_set, batched, solve
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import Schedule, Task
from napari_calcdyn.models.var_autoencoder import prediction

STRETCHES, LENGTH = 8, 24
"""Of frames in a training step."""


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(device: str, call: Callable[[], object], *, most: int = 20, limit: float = 5.0) -> float:
    """Median time of calls, the first three left out; at most so many, and as many as fit into `limit` seconds."""
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 4 or (len(times) < 3 + most and time.perf_counter() - begin < limit):
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[3:]))


class Held:
    """A fit set up by the program itself, held where its training begins.

    Parameters
    ----------
    fitting : module
        Where the fit calls `train`.
    begin : callable
        Returns the fit's generator.
    """

    task: Task | None = None
    schedule: Schedule

    def __init__(self, fitting: ModuleType, begin: Callable[[], Generator[Progress, None, Any]]) -> None:
        self._fit = begin()
        with patch.object(fitting, "train", self._hold):
            while self.task is None:
                next(self._fit)
        self._parameters = list(self.task.module.parameters())
        self._optimiser = torch.optim.Adam(self._parameters, lr=self.schedule.learning_rate)
        self._done = 0

    def _hold(self, task: Task, schedule: Schedule, **_: object) -> Generator[Progress, None, None]:
        self.task, self.schedule = task, schedule
        yield Progress("held")

    def step(self) -> None:
        """Train one step, as `train` does between two reports; from the later half, where every term counts in full."""
        assert self.task is not None
        total = self.schedule.steps
        loss, _ = self.task.loss(total // 2 + self._done % (total - total // 2), total)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if math.isfinite(self.schedule.largest_gradient):
            torch.nn.utils.clip_grad_norm_(self._parameters, self.schedule.largest_gradient)
        self._optimiser.step()
        self._done += 1

    def close(self) -> None:
        """Give up the fit and its memory."""
        self._fit.close()
        self.__dict__.clear()
        gc.collect()
        torch.cuda.empty_cache()


@contextmanager
def held(fitting: ModuleType, begin: Callable[[], Generator[Progress, None, Any]]) -> Iterator[Held]:
    """Hold a fit for the length of a ``with`` block."""
    training = Held(fitting, begin)
    try:
        yield training
    finally:
        training.close()


@contextmanager
def lasso_given() -> Iterator[None]:
    """Let the solution of the step before stand for the lasso's; gradients flow to the moments as before, but are 0."""

    def given(gram: Tensor, cov: Tensor, *_: object, warm_start: Tensor, **__: object) -> Tensor:
        return warm_start + 0 * (cov + gram.sum())

    with patch.object(prediction, "solve_lasso", given):
        yield


@contextmanager
def solvers_of(device: str) -> Iterator[None]:
    """Use the solvers for CUDA: they stand for the device where there is none."""
    if device == "cuda":
        yield
        return
    with (
        patch.object(solve, "_backend", lambda gram: batched.solve),
        patch.object(active_set, "_backend", lambda gram: batched.solve_on_support),
    ):
        yield


def copies_and_waits(device: str, training: Held, steps: int = 3) -> dict[str, object]:
    """Count, in each step, the copies between host and device, and the numbers that the host asks tensors for.

    Every such number of a tensor on the device is a wait; those of the optimiser's own counters, which live on the
    host, do not count. One of each is made on purpose: where it is missing, nothing was recorded.
    """
    cuda = device == "cuda"
    for _ in range(3):
        training.step()
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * cuda]) as recorded:
        for _ in range(steps):
            training.step()
        torch.zeros(1).to(device).cpu().item()
        wait(device)
    found = Counter(it.name.partition(" (")[0] for it in recorded.events() if not _of_optimiser(it))

    def each(*names: str) -> object:
        count = sum(found[name] for name in names)
        return (count - 1) / steps if count else "not recorded"

    return {
        "copies to the device": each("Memcpy HtoD") if cuda else "no device",
        "copies from the device": each("Memcpy DtoH") if cuda else "no device",
        "numbers asked for": each("aten::_local_scalar_dense", "aten::nonzero"),
    }


def _of_optimiser(event: Any) -> bool:
    while event is not None and not event.name.startswith("Optimizer."):
        event = event.cpu_parent
    return event is not None
