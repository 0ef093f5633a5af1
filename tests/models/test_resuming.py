"""A training that was interrupted and goes on ends as one that never was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avae_traces import SMALL, events
from test_training import Descent

from napari_calcdyn.models import training
from napari_calcdyn.models.avae import AVAE
from napari_calcdyn.models.checkpoint import load_numbers, save_numbers
from napari_calcdyn.models.keeping import State
from napari_calcdyn.models.model import Model
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import Schedule, train
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, fitting
from napari_calcdyn.recording import Movie, Traces
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate.movie import simulate_movie


class InFile:
    """Keeps the state in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def load(self) -> State | None:
        return State(*load_numbers(self.file)) if self.file.exists() else None

    def save(self, state: State) -> None:
        save_numbers(self.file, state.tensors, state.values)


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InFile:
    """A keeper that gets the state of every step."""
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_REPORTS", 0.0)
    return InFile(tmp_path / "training.safetensors")


def finish(fit: Any) -> tuple[Model, list[Progress]]:
    return training.drive(fit, lambda progress: None)


def interrupt(fit: Any, step: int) -> None:
    """End a fit at the report of a step, after which the state of the step before is the last that was kept."""
    for report in fit:
        if report.step == step:
            fit.close()
            return
    raise AssertionError(f"the fit never came to step {step}")


def numbers(model: Model) -> dict[str, np.ndarray]:
    tensors, sizes = model._parts()
    named = {name: value.numpy() for name, value in (tensors | model.network.state_dict()).items()}
    return named | {"sizes": np.array(str(sizes))}


def assert_same(again: tuple[Model, list[Progress]], whole: tuple[Model, list[Progress]]) -> None:
    mine, theirs = numbers(again[0]), numbers(whole[0])
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(mine[name], value, err_msg=name)
    metrics = [{k: v for k, v in it[0].metrics.items() if k != "seconds"} for it in (again, whole)]
    assert metrics[0] == metrics[1]
    trained = [[(r.step, r.stage, r.losses, r.best) for r in it[1] if r.step] for it in (again, whole)]
    assert trained[0] == trained[1]


def movie(masked: bool) -> Movie:
    frames = simulate_movie(frames=160, height=37, width=53, noise="low", seed=0).movie
    if not masked:
        return Movie.from_array(frames)
    valid_frames, valid_pixels = np.random.default_rng(0).random(160) > 0.03, np.ones((37, 53), bool)
    valid_pixels[:4] = False
    return Movie.from_array(frames).corrected(Corrections(("frames", "pixels"), valid_frames, valid_pixels))


@pytest.mark.parametrize("masked", [False, True], ids=["all frames", "bad frames"])
@pytest.mark.parametrize("settings", [{}, {"mode": "two-stage"}, {"order": 2, "latents": 20}], ids=str)
def test_an_interrupted_training_ends_as_a_whole_one(
    settings: dict[str, Any], masked: bool, keeper: InFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(keeper: InFile | None = None) -> Any:
        model = VARAutoencoder(steps=40, patience=1000, **settings)
        return model.fit_steps(movie(masked), device="cpu", keeper=keeper)

    whole = finish(fit())
    interrupt(fit(keeper), step=9)  # before the prediction counts
    interrupt(fit(keeper), step=10)
    interrupt(fit(keeper), step=31)
    monkeypatch.setattr(fitting, "first_footprints", None)  # which are not found again
    assert_same(finish(fit(keeper)), whole)
    monkeypatch.setattr(fitting.Objective, "loss", None)  # and no step is taken after the last one
    assert_same(finish(fit(keeper)), whole)


def test_an_interrupted_path_of_gamma_ends_as_a_whole_one(
    keeper: InFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(keeper: InFile | None = None) -> Any:
        model = VARAutoencoder(steps=10, patience=1000, latents=20, gamma_budget=0.05)
        return model.fit_steps(movie(False), device="cpu", keeper=keeper)

    whole = finish(fit())
    for step in (12, 21, 26, 27, 29):  # before the path, on it, at its end, and with the γ that was chosen
        interrupt(fit(keeper), step)
    assert_same(finish(fit(keeper)), whole)
    monkeypatch.setattr(fitting.Objective, "loss", None)  # no step is taken after the last one
    assert_same(finish(fit(keeper)), whole)


@pytest.mark.parametrize("architecture", ["residual", "sequence"])
def test_an_interrupted_avae_ends_as_a_whole_one(architecture: str, keeper: InFile) -> None:
    traces = Traces.from_array(events(37))

    def fit(keeper: InFile | None = None) -> Any:
        settings = SMALL | {"architecture": architecture, "batch": 8, "likeness": 1.0, "pull": 0.1}
        model = AVAE(**settings)
        return model.fit_steps(traces, device="cpu", keeper=keeper)

    whole = finish(fit())
    for step in (2, 3, 5, 6, 17):  # in an epoch, and where one ends
        interrupt(fit(keeper), step)
    assert_same(finish(fit(keeper)), whole)


def test_patience_goes_on(keeper: InFile) -> None:
    class Task(Descent):
        """Its memory is the number of steps."""

        def state_dict(self) -> dict[str, torch.Tensor]:
            return {"steps": torch.tensor(self.steps)}

        def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
            self.steps = int(state["steps"])

    def run(task: Task, keeper: InFile | None = None) -> Any:
        return train(task, Schedule(80, 0.1, patience=5, check_every=2), keeper=keeper)

    tasks = [Task(lambda step: abs(step - 39)) for _ in range(3)]
    list(run(tasks[0]))
    interrupt(run(tasks[1], keeper), 47)
    assert tasks[1].weight == tasks[0].at_check[39]  # the best so far
    reports = list(run(tasks[2], keeper))
    assert tasks[2].steps == tasks[0].steps == 50
    assert tasks[2].weight == tasks[0].weight == tasks[0].at_check[39]
    assert [report.step for report in reports] == list(range(1, 51))
    elapsed = [report.elapsed for report in reports]
    assert elapsed == sorted(elapsed)


def test_the_state_is_kept_every_few_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            self.now += 0.5
            return self.now

    kept: list[int] = []

    class Counting(InFile):
        def save(self, state: State) -> None:
            kept.append(state.values["step"])

    monkeypatch.setattr(training, "time", Clock())
    task = Descent(lambda step: None)
    monkeypatch.setattr(Descent, "state_dict", lambda self: {}, raising=False)
    list(train(task, Schedule(100, 0.1, 5), keeper=Counting(tmp_path / "nothing")))
    assert kept[0] == 1
    assert kept[-1] == 100
    assert set(np.diff(kept[:-1])) <= set(range(38, 42))  # 20 s of half a second each
    assert len(kept) == 4


def test_a_damaged_file_is_a_value_error(tmp_path: Path) -> None:
    file = tmp_path / "numbers.safetensors"
    save_numbers(file, {"a": torch.arange(3.0)}, {"b": [1, "two", None]})
    tensors, values = load_numbers(file)
    assert (tensors["a"].tolist(), values) == ([0, 1, 2], {"b": [1, "two", None]})
    assert list(tmp_path.iterdir()) == [file]
    for damage in (file.read_bytes()[:-1], b"", bytes(range(256))):
        file.write_bytes(damage)
        with pytest.raises(ValueError, match="damaged"):
            load_numbers(file)
