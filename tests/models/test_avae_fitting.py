from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from avae_traces import SMALL, events, fit, recording
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch.optim.optimizer import register_optimizer_step_post_hook

from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.avae.model import AVAE
from napari_calcdyn.models.avae.objective import AVAEObjective
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Cancelled, InputError, Traces

ARCHITECTURES = ("residual", "paper", "sequence")


@pytest.fixture(scope="module")
def traces() -> Traces:
    return recording(80)


@pytest.fixture(scope="module")
def fitted(traces: Traces) -> tuple[AVAE, list[Progress]]:
    return fit(traces, learning_rate=0.02)


def weights(model: AVAE) -> NDArray[np.float32]:
    return np.concatenate([value.detach().ravel().numpy() for value in model.network.parameters()])


def timeless(model: AVAE) -> dict[str, Any]:
    return {name: value for name, value in model.metrics.items() if name != "seconds"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_same_seed_same_model(traces: Traces, architecture: str) -> None:
    settings = {"architecture": architecture, "epochs": 3, "pull": 0.5, "likeness": 1.0, "refinement": 1}
    model, _ = fit(traces, seed=4, **settings)
    torch.manual_seed(123)
    np.random.seed(5)  # noqa: NPY002 - what somebody else's code may do
    again, _ = fit(traces, seed=4, **settings)
    np.testing.assert_array_equal(weights(again), weights(model))
    assert timeless(again) == timeless(model)
    other, _ = fit(traces, seed=5, **settings)
    assert not np.array_equal(weights(other), weights(model))


def test_training_does_not_touch_the_random_numbers_of_others(traces: Traces) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit(traces, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_training_learns_and_reports(traces: Traces, fitted) -> None:
    model, reports = fitted
    checks = [report for report in reports if "held_out_reconstruction" in report.losses]
    assert len(checks) == 10  # one after every epoch
    first, last = checks[0].losses, checks[-1].losses
    assert last["held_out_reconstruction"] < 0.8 * first["held_out_reconstruction"]
    assert last.keys() == {
        "reconstruction",
        "kl",
        "active_units",
        "held_out_reconstruction",
        "held_out_kl",
    }
    assert reports[0].stage == "Preparing the traces"
    assert checks[-1].stage == "Training, epoch 10"
    assert checks[-1].step == checks[-1].total == 10 * 5  # 72 neurons in batches of 16
    assert model.metrics["validation_loss"] == pytest.approx(checks[-1].best, rel=1e-6)
    assert {name: model.metrics[name] for name in ("neurons", "samples", "epochs", "active_units")} == {
        "neurons": 80,
        "samples": 80,
        "epochs": 10,
        "active_units": 3,
    }
    np.testing.assert_array_equal(model.ids, traces.ids)


def test_reported_errors_are_those_of_neurons_that_were_not_trained_on(traces: Traces, fitted) -> None:
    """Whatever stands in the held-out traces, the weights are the same; only errors measured on them change."""
    model, _ = fitted
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0)).numpy()
    held_out = order[:8]
    squares = np.square(model.reconstruct(traces) - traces.values, dtype=np.float64)
    assert model.metrics["reconstruction_error"] == pytest.approx(squares[held_out].mean(), rel=1e-5)
    values = traces.values.copy()
    values[held_out] += 3 * np.random.default_rng(0).standard_normal((8, 80))
    changed, _ = fit(replace(traces, values=values), epochs=1)
    same, _ = fit(traces, epochs=1)
    np.testing.assert_array_equal(weights(changed), weights(same))
    assert changed.metrics["reconstruction_error"] > same.metrics["reconstruction_error"] + 4


def test_the_best_model_is_kept(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    at_check: list[NDArray[np.float32]] = []

    def validate(task: AVAEObjective, step: int, total: int) -> tuple[float, dict[str, float]]:
        at_check.append(np.concatenate([v.detach().ravel().numpy() for v in task.module.parameters()]))
        return abs(len(at_check) - 4), {}  # best after the fourth epoch

    monkeypatch.setattr(AVAEObjective, "validate", validate)
    model, reports = fit(traces, patience=3)
    assert model.metrics["epochs"] == 7
    np.testing.assert_array_equal(weights(model), at_check[3])
    assert reports[-1].best == 0


def test_a_stopped_run_returns_the_best_so_far(traces: Traces) -> None:
    stop = threading.Event()
    run = AVAE(AVAEConfig(**{**SMALL, "epochs": 60})).fit_steps(traces, device="cpu", stop=stop)
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 183:  # five to an epoch of 72 neurons, and β grew in the first six epochs
            stop.set()

    hook = register_optimizer_step_post_hook(count)
    try:
        best = None
        while True:
            best = next(run).best
    except StopIteration as end:
        model = end.value
    finally:
        hook.remove()
    assert steps == 183
    assert best is not None
    assert model.metrics["validation_loss"] == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("when", ["before the start", "while traces are prepared"])
def test_a_run_that_was_cancelled_before_it_began_gives_no_model(traces: Traces, when: str) -> None:
    stop = threading.Event()
    run = AVAE().fit_steps(traces, device="cpu", stop=stop)
    if when == "while traces are prepared":
        assert next(run).stage == "Preparing the traces"
    stop.set()
    with pytest.raises(Cancelled):
        list(run)


def test_traces_that_cannot_be_used_are_left_out(traces: Traces, fitted) -> None:
    values = np.insert(traces.values, [0, 40, 80], np.nan, axis=0)
    values[0], values[-1] = 1e6, -1e6  # constant, and far from the others: they would change the range
    ids = np.insert(traces.ids, [0, 40, 80], [900, 901, 902])
    spoilt = Traces(values, ids, frame_rate=20.0, name="a.csv")
    assert spoilt.problems.count("constant") == 2
    model, _ = fit(spoilt, learning_rate=0.02)
    np.testing.assert_array_equal(weights(model), weights(fitted[0]))
    np.testing.assert_array_equal(model.ids, traces.ids)
    assert model.metrics["neurons"] == 80


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda traces: traces.select(np.arange(9)),
            r"a\.csv has 9 traces that can be used, and at least 10",
        ),
        (lambda traces: replace(traces, values=np.ones_like(traces.values)), "has 0 traces that can be used"),
        (lambda traces: replace(traces, values=np.full_like(traces.values, np.nan)), "has 0 traces that can"),
        (lambda traces: replace(traces, values=np.arange(80.0)[:, None]), "has 0 traces that can be used"),
    ],
)
def test_too_few_traces_are_one_sentence(traces: Traces, spoil, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        fit(spoil(traces))
    assert "\n" not in str(error.value)


def test_ten_neurons_and_two_samples_are_enough(traces: Traces) -> None:
    small = Traces.from_array(traces.values[:10, 38:40])
    for architecture in ARCHITECTURES:
        model, _ = fit(small, architecture=architecture, epochs=2, latent=5)
        assert np.isfinite(model.reconstruct(small)).all()


def test_a_graphics_card_that_is_too_small_is_one_sentence(traces: Traces, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(AVAEObjective, "loss", full)
    with pytest.raises(InputError, match=r"too little memory.*fewer neurons per step, or use the device cpu"):
        fit(traces)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_collapse_shows(traces: Traces, architecture: str) -> None:
    settings = {"error_unit": "scaled", "warm_up": 0.0, "epochs": 40, "learning_rate": 0.05}
    model, reports = fit(traces, architecture=architecture, beta=1000, **settings)
    assert model.metrics["active_units"] == reports[-1].losses["active_units"] == 0
    assert model.metrics["kl"] < 0.01
    assert model.encode(traces)[0].var(axis=0).max() < 0.01


def test_in_scaled_units_the_error_is_the_published_one(traces: Traces) -> None:
    model, _ = fit(traces, error_unit="scaled", epochs=1)
    weight = 1 / (2 * model.noise)
    assert weight == pytest.approx(model.normalisation.scale**2)  # (x / scale)² · weight = x²


@pytest.mark.parametrize(("architecture", "epochs"), [("residual", 30), ("paper", 40), ("sequence", 30)])
def test_two_latents_show_more_of_new_neurons_than_two_components(architecture: str, epochs: int) -> None:
    everything, clean = recording(200, 60), events(200, 60, noise=0)[150:]
    known, new = everything.select(np.arange(150)), everything.select(np.arange(150, 200))
    settings = {"latent": 2, "hidden": 64, "patch": 6, "learning_rate": 0.01}
    model, _ = fit(known, architecture=architecture, epochs=epochs, **settings)
    pca = PCA(2).fit(known.values)
    by_components = np.square(pca.inverse_transform(pca.transform(new.values)) - clean).mean()
    assert np.square(model.reconstruct(new) - clean).mean() < 0.3 * by_components


def trains(neurons: int, samples: int) -> NDArray[np.float32]:
    """Events at random times; neurons differ in how often they have one, and in how long it lasts."""
    draw = np.random.default_rng(3)
    started = draw.random((neurons, samples)) < draw.uniform(0.02, 0.2, (neurons, 1))
    remains = np.exp(-1 / draw.uniform(1, 8, neurons))
    traces, level = np.empty((neurons, samples), np.float32), np.zeros(neurons)
    for sample in range(samples):
        level = level * remains + started[:, sample]
        traces[:, sample] = level
    return traces + 0.05 * draw.standard_normal(traces.shape).astype(np.float32)


def test_pulled_latents_move_less_when_traces_are_shifted() -> None:
    values = trains(150, 100)
    first, later = (Traces.from_array(values[:, start : start + 80]) for start in (10, 16))

    def movement(pull: float) -> float:
        model, _ = fit(first, pull=pull, hidden=32, epochs=30, beta=0.1, learning_rate=0.01)
        one, other = model.encode(first)[0], model.encode(later)[0]
        return np.square(one - other).sum() / np.square(one - one.mean(axis=0)).sum()

    assert movement(5.0) < 0.5 * movement(0.0)


def test_traces_of_unequal_lengths_are_learned() -> None:
    draw = np.random.default_rng(0)
    values = events(100, 90)
    lengths = draw.integers(50, 91, 100)
    mask = np.arange(90) < lengths[:, None]
    ragged = [row[:length] for row, length in zip(values, lengths, strict=True)]
    traces = Traces.from_array(ragged, mask=mask)
    model, reports = fit(traces, architecture="sequence", patch=6, epochs=30, learning_rate=0.01)
    seen = np.where(mask, values, np.nan)
    variance = np.nanmean(np.square(seen - np.nanmean(seen)))
    assert model.metrics["reconstruction_error"] < 0.2 * variance
    assert all(np.isfinite(list(report.losses.values())).all() for report in reports)


@pytest.fixture
def steps() -> Iterator[list[tuple[float, float]]]:
    """Learning rate and norm of the gradient of each step that is made."""
    made: list[tuple[float, float]] = []

    def note(optimiser: torch.optim.Optimizer, *_: object) -> None:
        group = optimiser.param_groups[0]
        norms = [parameter.grad.norm() for parameter in group["params"]]
        made.append((group["lr"], torch.stack(norms).norm().item()))

    hook = register_optimizer_step_post_hook(note)
    yield made
    hook.remove()


def test_the_paper_s_preset_trains_as_published(traces: Traces, steps) -> None:
    fit(traces, **AVAEConfig.preset("paper", epochs=4, batch=32, latent=2, hidden=32).model_dump())
    rates, norms = zip(*steps, strict=True)
    # 72 neurons in batches of 32 are three steps per epoch; the rate falls by a hundredth per epoch.
    assert rates == pytest.approx([5e-3 * 0.99 ** (step // 3) for step in range(12)])
    assert norms == pytest.approx([1.0] * 12, rel=1e-4)  # clipped


@pytest.mark.parametrize(("neurons", "peak"), [(80, 3e-3 * 72 / 1000), (1200, 3e-3)])
def test_few_neurons_are_learned_in_smaller_steps(neurons: int, peak: float, steps) -> None:
    fit(recording(neurons, 20), learning_rate=None, epochs=4)
    assert max(rate for rate, _ in steps) == pytest.approx(peak, rel=0.1)
