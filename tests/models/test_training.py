from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import Schedule, train


class Descent:
    """Minimise (w − 3)²; validation losses are scripted."""

    def __init__(self, validation: Callable[[int], float | None]) -> None:
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.module.weight)
        self.validation = validation
        self.steps = 0
        self.at_check: dict[int, float] = {}

    @property
    def weight(self) -> float:
        return self.module.weight.item()

    def stage(self, step: int, total: int) -> str:
        return f"{step} of {total}"

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        assert step == self.steps
        self.steps += 1
        loss = (self.module.weight - 3).square().sum()
        return loss, {"reconstruction": loss.detach()}

    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        self.at_check[step] = self.weight
        return self.validation(step), {"held_out_reconstruction": 7.0}

    def checked(self, step: int, total: int, losses: Mapping[str, float]) -> None:
        assert step in self.at_check
        assert losses == {"held_out_reconstruction": 7.0}


def run(task: Descent, steps: int = 80, patience: int = 100, **options: object) -> list[Progress]:
    return list(train(task, Schedule(steps, 0.1, patience), **options))


def test_training_descends_and_reports() -> None:
    task = Descent(lambda step: 1 / (step + 1))
    reports = run(task, steps=200)
    assert task.steps == 200
    assert task.weight == pytest.approx(3, abs=0.05)
    assert [report.step for report in reports] == sorted({report.step for report in reports})
    last = reports[-1]
    assert (last.step, last.total, last.eta) == (200, 200, 0)
    assert last.losses.keys() == {"reconstruction", "held_out_reconstruction"}
    assert last.best == pytest.approx(1 / 200)
    assert last.elapsed >= reports[0].elapsed >= 0
    assert last.stage == "199 of 200"


def test_the_best_weights_are_left_in_the_network() -> None:
    task = Descent(lambda step: abs(step - 39))  # best at the 40th of 80 steps
    run(task)
    assert task.steps == 80
    assert task.weight == task.at_check[39]
    assert task.weight != task.at_check[79]


def test_validation_that_cannot_be_compared_yet_does_not_count() -> None:
    task = Descent(lambda step: None if step < 40 else float(step))
    reports = run(task, patience=5)
    assert task.weight == task.at_check[41]
    assert task.steps == 42 + 5 * 2  # a check every other step
    assert all(report.best is None for report in reports if report.step <= 40)


def test_without_any_validation_the_last_weights_stay() -> None:
    task = Descent(lambda step: None)
    run(task)
    assert task.weight == task.at_check[79]


def test_patience_ends_training() -> None:
    task = Descent(lambda step: 1.0)
    run(task, steps=80, patience=3)
    assert task.steps == 2 * (1 + 3)


def test_stop_ends_before_the_next_step_and_keeps_the_best() -> None:
    stop = threading.Event()
    task = Descent(lambda step: abs(step - 19))
    for report in train(task, Schedule(80, 0.1, 100), stop=stop):
        if report.step == 50:
            stop.set()
    assert task.steps == 50
    assert task.weight == task.at_check[19]


def test_a_run_that_is_closed_keeps_the_best() -> None:
    task = Descent(lambda step: abs(step - 19))
    run = train(task, Schedule(80, 0.1, 100))
    for report in run:
        if report.step == 50:
            run.close()
    assert task.steps == 50
    assert task.weight == task.at_check[19]


def test_a_loss_that_fails_leaves_the_best() -> None:
    class Failing(Descent):
        def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
            if step == 50:
                raise torch.OutOfMemoryError
            return super().loss(step, total)

    task = Failing(lambda step: abs(step - 19))
    with pytest.raises(torch.OutOfMemoryError):
        run(task)
    assert task.weight == task.at_check[19]


def test_learning_rate_rises_and_falls_to_zero() -> None:
    task = Descent(lambda step: None)
    moves, before = [], 0.0
    for report in train(task, Schedule(40, 0.1, 100)):
        moves.append(abs(task.weight - before))
        before = task.weight
        assert report.step == len(moves)
    assert moves[0] < moves[3]
    assert moves[-1] < 0.02 * max(moves)


def test_small_gains_do_not_count_as_improvement() -> None:
    schedule = Schedule(100, 0.1, patience=5, check_every=1, least_improvement=0.01)
    reports = list(train(Descent(lambda step: 1 - 0.001 * step), schedule))
    assert len(reports) == 6  # the first check, and five that fell by less


def test_gradients_are_scaled_down_to_the_largest_allowed() -> None:
    task, norms = Descent(lambda step: None), []
    task.module.weight.register_hook(lambda grad: norms.append(grad.abs().item()))
    run = train(task, Schedule(3, 0.1, 5, check_every=1, largest_gradient=0.5))
    seen = [task.module.weight.grad.abs().item() for _ in run]
    assert norms[0] == pytest.approx(6)
    assert seen == pytest.approx([0.5] * 3, rel=1e-4)


def test_the_learning_rate_follows_the_given_schedule() -> None:
    task = Descent(lambda step: None)
    list(train(task, Schedule(10, 0.1, 5, check_every=1, rate=lambda step, steps: float(step < 1))))
    assert task.weight == pytest.approx(0.1, rel=1e-3)  # Adam's first step is as long as the learning rate
