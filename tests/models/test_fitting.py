from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.optim.optimizer import register_optimizer_step_post_hook

from napari_calcdyn.models.lasso import active_set as _lasso_support
from napari_calcdyn.models.lasso import batched as _lasso_batched
from napari_calcdyn.models.lasso import solve as _lasso_solve
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, InputError, Movie, open_movie
from napari_calcdyn.simulate.movie import simulate_movie

SHORT = {"steps": 40, "patience": 1000}
KNOWN = 128  # frames of `recording` that are not held out
TRAINING = 115  # and those that are not for validation either


@pytest.fixture(scope="module")
def recording() -> NDArray[np.uint16]:
    return simulate_movie(frames=160, height=37, width=53, noise="low", seed=0).movie


def fit(
    movie: NDArray[Any] | Movie, *, seed: int = 0, stop: threading.Event | None = None, **settings: Any
) -> tuple[VARAutoencoder, list[Progress]]:
    movie = movie if isinstance(movie, Movie) else Movie.from_array(movie)
    config = VARAutoencoderConfig(**{**SHORT, **settings})
    run = VARAutoencoder(config).fit_steps(movie, device="cpu", seed=seed, stop=stop)
    reports = []
    while True:
        try:
            reports.append(next(run))
        except StopIteration as end:
            return end.value, reports


def weights(model: VARAutoencoder) -> NDArray[np.float32]:
    return np.concatenate([value.detach().ravel().numpy() for value in model.network.parameters()])


@pytest.fixture(scope="module")
def fitted(recording: NDArray[np.uint16]) -> tuple[VARAutoencoder, list[Progress]]:
    return fit(recording)


def test_same_seed_same_model(recording, fitted) -> None:
    model, _ = fitted
    again, _ = fit(recording)
    np.testing.assert_array_equal(weights(again), weights(model))
    np.testing.assert_array_equal(again.var.coefficients, model.var.coefficients)
    timeless = [{k: v for k, v in m.metrics.items() if k != "seconds"} for m in (model, again)]
    assert timeless[0] == timeless[1]
    other, _ = fit(recording, seed=1)
    assert not np.array_equal(weights(other), weights(model))


def test_the_solver_for_cuda_trains_the_same_model(recording, fitted, monkeypatch) -> None:
    """What a GPU computes with, on the CPU: the whole training agrees to single precision."""
    used = []

    def solve(*arguments: Any) -> Any:
        used.append(arguments[0].device)
        return _lasso_batched.solve(*arguments)

    monkeypatch.setattr(_lasso_solve, "_backend", lambda gram: solve)
    monkeypatch.setattr(_lasso_support, "_backend", lambda gram: _lasso_batched.solve_on_support)
    model, _ = fit(recording)
    assert used
    np.testing.assert_allclose(weights(model), weights(fitted[0]), rtol=0, atol=2e-3)
    for name in ("reconstruction_error", "latent_prediction_error", "latent_snr"):
        assert model.metrics[name] == pytest.approx(fitted[0].metrics[name], rel=1e-2)


def test_another_random_state_of_the_program_changes_nothing(recording, fitted) -> None:
    torch.manual_seed(123)
    np.random.seed(5)  # noqa: NPY002 - what somebody else's code may do
    again, _ = fit(recording)
    np.testing.assert_array_equal(weights(again), weights(fitted[0]))


def test_training_learns_and_reports(recording, fitted) -> None:
    model, reports = fitted
    checks = [report for report in reports if "held_out_reconstruction" in report.losses]
    assert [report.step for report in checks] == list(range(5, 41, 5))
    together = [check.losses for check in checks if "prediction" in check.losses]
    assert "prediction" not in checks[0].losses
    assert together[-1]["prediction"] < together[0]["prediction"]
    assert "prediction" in checks[-1].losses
    assert {"Training the reconstruction", "Training the dynamics"} <= {report.stage for report in reports}
    assert checks[-1].best is not None
    assert all(np.isfinite(list(report.losses.values())).all() for report in reports)
    # The picture shows something: better than the mean frame alone.
    ahead = recording[KNOWN:].astype(np.float64)
    assert model.metrics["reconstruction_error"] < np.square(ahead - recording.mean(0)).mean()


def test_reported_errors_are_those_of_the_held_out_frames(recording, fitted) -> None:
    model, _ = fitted
    metrics = model.metrics
    ahead = recording[KNOWN:]
    shown = model.decode(model.encode(ahead)).astype(np.float64)
    assert metrics["reconstruction_error"] == pytest.approx(np.square(shown - ahead).mean(), rel=1e-5)

    latents = model.encode(Movie.from_array(recording)).astype(np.float64)
    predicted = model.var.predict(latents).astype(np.float64)[KNOWN:]
    residual = predicted - latents[KNOWN:]
    variation = latents[KNOWN:] - latents[KNOWN:].mean(0)
    error = np.square(residual).sum() / np.square(variation).sum()
    assert metrics["latent_prediction_error"] == pytest.approx(error, rel=1e-5)
    assert metrics["latent_snr"] == pytest.approx(predicted.var(0).sum() / np.square(residual).sum() * 32)
    shown = [model.decode(z) - model.decode(0 * z) for z in (residual, variation)]
    error = np.square(shown[0], dtype=np.float64).sum() / np.square(shown[1], dtype=np.float64).sum()
    assert metrics["picture_prediction_error"] == pytest.approx(error, rel=1e-4)
    shown = model.decode(predicted).astype(np.float64)
    assert metrics["frame_prediction_error"] == pytest.approx(np.square(shown - ahead).mean(), rel=1e-5)
    power = np.square(variation).sum()
    past, known = latents - model.var.mean, latents[:KNOWN] - model.var.mean
    slope = (known[1:] * known[:-1]).sum(0) / np.square(known[:-1]).sum(0)
    own = np.square(past[KNOWN:] - slope * past[KNOWN - 1 : -1]).sum()
    assert metrics["own_past_error"] == pytest.approx(own / power, rel=1e-4)
    still = np.square(latents[KNOWN:] - latents[KNOWN - 1 : -1]).sum()
    assert metrics["persistence_error"] == pytest.approx(still / power, rel=1e-5)
    gain = 1 - metrics["latent_prediction_error"] / metrics["own_past_error"]
    assert metrics["gain_from_others"] == pytest.approx(gain)
    assert metrics["gain_from_others_low"] < gain < metrics["gain_from_others_high"]
    assert metrics["order"] == model.var.order == 1
    assert metrics["nonzeros"] == np.count_nonzero(model.var.coefficients)
    assert metrics["lam"] == pytest.approx(model.var.lam.mean())
    assert (metrics["frames"], metrics["height"], metrics["width"]) == (160, 37, 53)
    assert (metrics["mode"], metrics["skip"], metrics["seed"], metrics["device"]) == (
        "end-to-end", True, 0, "cpu",
    )  # fmt: skip
    assert metrics["seconds"] > 0


def test_the_var_is_the_one_of_the_known_frames(recording, fitted) -> None:
    model, _ = fitted
    latents = model.encode(Movie.from_array(recording))
    np.testing.assert_allclose(model.var.mean, latents[:KNOWN].mean(0, dtype=np.float64), atol=1e-5)
    assert model.var.moments.samples == KNOWN - model.var.order


def swap(recording: NDArray[np.uint16], start: int, stop: int) -> NDArray[np.uint16]:
    """Put frames in another order: all statistics of the movie stay as they were."""
    changed = recording.copy()
    changed[start:stop] = recording[start:stop][np.random.default_rng(0).permutation(stop - start)]
    return changed


def test_held_out_frames_are_never_learned_from(recording, fitted) -> None:
    model, reports = fitted
    other, others = fit(swap(recording, KNOWN, 160))
    np.testing.assert_allclose(weights(other), weights(model), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.var.coefficients, model.var.coefficients, rtol=1e-5, atol=1e-7)
    # not even to decide when to stop
    assert others[-2].best == pytest.approx(reports[-2].best, rel=1e-6)
    assert other.metrics["latent_prediction_error"] > 1.02 * model.metrics["latent_prediction_error"]


def test_validation_frames_are_never_trained_on(recording, fitted) -> None:
    def losses(reports: list[Progress], name: str) -> list[float]:
        return [r.losses[name] for r in reports if "held_out_prediction" in r.losses]

    _, reports = fitted
    _, others = fit(swap(recording, TRAINING, KNOWN))
    np.testing.assert_allclose(losses(others, "reconstruction"), losses(reports, "reconstruction"), rtol=1e-6)
    one, other = losses(reports, "held_out_prediction"), losses(others, "held_out_prediction")
    assert not np.allclose(one, other, rtol=1e-3)


def test_training_frames_do_matter(recording, fitted) -> None:
    other, _ = fit(swap(recording, 0, TRAINING))
    assert abs(weights(other) - weights(fitted[0])).max() > 1e-3


def test_two_stage_learns_nothing_from_the_prediction(recording, fitted) -> None:
    models = [
        fit(recording, mode="two-stage", prediction_weight=weight, order=order, penalise_own_past=penalised)
        for weight, order, penalised in ((0.1, 1, True), (10, 2, False))
    ]
    np.testing.assert_array_equal(weights(models[0][0]), weights(models[1][0]))
    for model, reports in models:
        assert all("prediction" not in report.losses for report in reports)
        assert model.metrics["mode"] == "two-stage"
        assert model.var.nonzeros > 0
    end_to_end, _ = fit(recording, prediction_weight=0.1)
    assert not np.array_equal(weights(end_to_end), weights(fitted[0]))


def test_end_to_end_is_more_predictable_than_two_stage() -> None:
    frames = simulate_movie(
        frames=600, height=40, width=40, dynamic=4, silent=0, flicker=2, noise="middle", seed=1
    ).movie
    end_to_end, reports = fit(frames, steps=200)
    two_stage, _ = fit(frames, steps=200, mode="two-stage")
    error = end_to_end.metrics["latent_prediction_error"]
    assert error < 0.8 * two_stage.metrics["latent_prediction_error"]
    assert end_to_end.metrics["latent_snr"] > two_stage.metrics["latent_snr"]
    # What is watched during training goes the same way.
    watched = [r.losses["held_out_prediction"] for r in reports if "held_out_prediction" in r.losses]
    assert watched[-1] < watched[len(watched) // 3]


def test_streamed_and_cached_are_the_same(recording, fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_calcdyn.models.var_autoencoder.tiled_frames._room", lambda device: 0)
    streamed, _ = fit(recording)
    np.testing.assert_array_equal(weights(streamed), weights(fitted[0]))
    np.testing.assert_array_equal(streamed.var.coefficients, fitted[0].var.coefficients)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((37, 53), {"latents": 50, "order": 2}),
        ((16, 16), {"latents": 256}),
        ((20, 90), {"latents": 7, "skip": False}),
        ((37, 53), {"mode": "two-stage", "skip": False, "selection": "cross-validation"}),
        ((33, 17), {"selection": "nonzeros", "nonzeros": 2, "penalise_own_past": False}),
    ],
)
def test_any_frame_size_number_of_latents_and_settings(
    shape: tuple[int, int], settings: dict[str, Any]
) -> None:
    frames = simulate_movie(
        frames=100, height=shape[0], width=shape[1], dynamic=1, silent=0, flicker=0, seed=1
    ).movie
    model, _ = fit(frames, steps=12, **settings)
    latents = model.encode(Movie.from_array(frames))
    d = settings.get("latents", latents.shape[1])
    assert latents.shape == (100, d)
    assert latents.dtype == np.float32
    np.testing.assert_allclose(model.encode(frames[10:20]), latents[10:20], atol=1e-5)
    shown = model.decode(latents[:3])
    assert shown.shape == (3, *shape)
    assert shown.dtype == np.float32
    assert model.latent_centres.shape == (d, 2)
    assert (model.latent_centres > -0.5 * model.network.stride).all()
    assert model.var.coefficients.shape == (settings.get("order", 1), d, d)
    assert model.offset.shape == model.frame_shape == shape
    assert np.ptp(model.offset) > 0 if settings.get("skip", True) else np.ptp(model.offset) == 0
    assert np.isfinite([v for v in model.metrics.values() if isinstance(v, float)]).all()


def test_stored_numbers_of_any_kind_give_the_same(recording, fitted) -> None:
    for other in (recording.astype(np.float64), recording.astype(np.int32)):
        np.testing.assert_allclose(weights(fit(other)[0]), weights(fitted[0]), rtol=1e-5, atol=1e-7)
    brighter, _ = fit(4.0 * recording.astype(np.float64) - 1000)  # another gain and offset of the camera
    np.testing.assert_allclose(weights(brighter), weights(fitted[0]), rtol=1e-2, atol=1e-4)
    assert brighter.scale == pytest.approx(4 * fitted[0].scale)


@pytest.fixture
def optimiser_steps() -> Iterator[list[int]]:
    count = [0]

    def add(*_: object) -> None:
        count[0] += 1

    handle = register_optimizer_step_post_hook(add)
    yield count
    handle.remove()


def test_stop_ends_within_a_step_and_gives_a_model(recording, optimiser_steps: list[int]) -> None:
    stop = threading.Event()
    run = VARAutoencoder(VARAutoencoderConfig(steps=4000)).fit_steps(
        Movie.from_array(recording), device="cpu", stop=stop
    )
    for report in run:
        if report.losses:
            break
    asked = optimiser_steps[0]
    stop.set()
    model = None
    while model is None:
        try:
            next(run)
        except StopIteration as end:
            model = end.value
    assert 1 <= asked == optimiser_steps[0] <= 4000
    assert model.encode(recording[:3]).shape == (3, 35)
    assert model.metrics["nonzeros"] == model.var.nonzeros


def test_stop_before_training_is_a_cancellation(recording, optimiser_steps: list[int]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        fit(recording, stop=stop)
    assert optimiser_steps == [0]


def constant(recording: NDArray[np.uint16]) -> NDArray[Any]:
    return np.full_like(recording, 7)


def with_nan(recording: NDArray[np.uint16]) -> NDArray[Any]:
    changed = recording.astype(np.float32)
    changed[61, 4, 5] = np.nan
    return changed


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (lambda x: x[:39], {}, "has 39 frames and training of order 1 needs at least 40"),
        (lambda x: x[:99], {"order": 5}, "needs at least 100"),
        (constant, {}, "every pixel is 7"),
        (with_nan, {}, "frame 61"),
        (lambda x: x, {"latents": 37 * 53 + 1}, "A frame has fewer than 1962 pixels: choose fewer latents"),
        (lambda x: x, {"order": 4, "window_length": 5}, "too short for order 4"),
    ],
)
def test_what_cannot_be_trained_on_is_named(recording, change, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        fit(change(recording), **settings)
    assert "\n" not in str(error.value)


def test_an_unknown_device_is_refused(recording) -> None:
    with pytest.raises(InputError, match="choose auto, cuda, mps or cpu"):
        next(VARAutoencoder().fit_steps(Movie.from_array(recording), device="gpu"))


def test_the_shortest_recording_trains() -> None:
    frames = simulate_movie(frames=40, height=24, width=24, dynamic=2, silent=0, flicker=0, seed=2).movie
    model, _ = fit(frames, latents=64, steps=20)
    assert np.isfinite(model.var.coefficients).all()


def test_pixels_that_never_change_do_no_harm(recording) -> None:
    masked = recording.copy()
    masked[:, :20] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, _ = fit(masked)
    assert np.isfinite(model.var.predict(model.encode(Movie.from_array(masked)))).all()
    assert np.isfinite(list(model.decode(np.zeros((1, 35))))).all()


def test_a_real_recording(mouse_movie_path: Path) -> None:
    movie = open_movie(mouse_movie_path)
    model, _ = fit(movie, steps=80)
    assert model.frame_shape == (64, 64)
    ahead = movie.frames(400, 500).astype(np.float64)
    assert model.metrics["reconstruction_error"] < np.square(ahead - movie.mean_frame()).mean()
    assert model.metrics["latent_prediction_error"] < 0.5


def test_stop_while_frames_are_read_is_a_cancellation(recording, optimiser_steps: list[int]) -> None:
    stop = threading.Event()
    run = VARAutoencoder(VARAutoencoderConfig(**SHORT)).fit_steps(
        Movie.from_array(recording), device="cpu", stop=stop
    )
    assert next(run).stage == "Computing the mean frame"
    assert next(run).stage == "Preparing the network"
    stop.set()
    with pytest.raises(Cancelled):
        next(run)
    assert optimiser_steps == [0]


def test_a_blank_end_is_refused_before_training(recording, optimiser_steps: list[int]) -> None:
    blank = recording.copy()
    blank[KNOWN:] = 0
    with pytest.raises(InputError, match="are all equal"):
        fit(blank)
    assert optimiser_steps == [0]


def test_weights_are_chosen_by_validation_however_long_the_warm_up(recording) -> None:
    _, reports = fit(recording, warm_up=0.9)
    assert any(report.best is not None for report in reports)


def test_validation_has_frames_to_predict(recording) -> None:
    _, reports = fit(recording[:40], order=2, held_out=0.5, window_length=8)
    found = [r.losses["held_out_prediction"] for r in reports if "held_out_prediction" in r.losses]
    assert found
    assert np.isfinite(found).all()
