"""How a push spreads, against roll-outs of the fitted dynamics that are written out here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from what_if_model import fit

from napari_calcdyn.analysis.what_if.decoders import LatentDecoder, drawn
from napari_calcdyn.analysis.what_if.impulse import (
    impulse_movie,
    impulse_response,
    roi_push,
    roll_out,
    source_push,
)
from napari_calcdyn.models.var.model import VAR
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie

FRAMES = 25


@pytest.fixture(scope="module", params=[(1, 30), (3, 17)], ids=["p1", "p3, empty places"])
def fitted(request: pytest.FixtureRequest) -> tuple[VARAutoencoder, Movie]:
    return fit(*request.param)


@pytest.fixture(scope="module")
def model(fitted: tuple[VARAutoencoder, Movie]) -> VARAutoencoder:
    return fitted[0]


@pytest.fixture(scope="module")
def latents(fitted: tuple[VARAutoencoder, Movie]) -> np.ndarray:
    return fitted[0].encode(fitted[1])


def simulated(var: VAR, past: np.ndarray, frames: int, push: np.ndarray) -> np.ndarray:
    """Go on one frame at a time with the model's own prediction, which is in single precision."""
    series = list(past.astype(np.float32))
    for at in range(frames):
        series.append(var.predict(np.stack([*series, series[-1]]))[-1])
        if at == 0:
            series[-1] = series[-1] + push.astype(np.float32)
    return np.stack(series[len(past) :])


def test_it_is_the_difference_of_two_roll_outs(model: VARAutoencoder, latents: np.ndarray) -> None:
    for var in (model.var, model.var.at(fraction=0.5)):
        past = latents[40 - var.order : 40]
        push = source_push(var, 5, -2.0)
        assert push[5] == -2 * var.std[5]
        response = impulse_response(var, push, FRAMES)
        difference = roll_out(var, past, FRAMES, push=push) - roll_out(var, past, FRAMES)
        assert response.shape == (FRAMES, var.latents)
        assert np.abs(response - difference).max() < 1e-6
        np.testing.assert_array_equal(response[0], push)
        assert np.abs(response[1:]).max() > 0.01 * np.abs(push).max()  # it does spread


def test_a_roll_out_goes_on_by_the_models_prediction(model: VARAutoencoder, latents: np.ndarray) -> None:
    var = model.var
    past, push = latents[60 - var.order : 60], source_push(var, 3)
    found, still = roll_out(var, past, FRAMES, push=push), roll_out(var, past, FRAMES)
    for rolled, added in ((found, push), (still, 0 * push)):
        np.testing.assert_allclose(rolled, simulated(var, past, FRAMES, added), atol=2e-5 * var.std.max())
    apart = simulated(var, past, FRAMES, push) - simulated(var, past, FRAMES, 0 * push)
    np.testing.assert_allclose(impulse_response(var, push, FRAMES), apart, atol=4e-5 * var.std.max())


def test_a_push_of_an_roi_raises_its_trace_by_so_much_and_no_push_is_smaller(
    model: VARAutoencoder, latents: np.ndarray
) -> None:
    footprint = np.zeros(model.frame_shape, np.float32)
    footprint[12:18, 20:27] = 1 / 42
    push = roi_push(model, latents, footprint.ravel(), 1.5)

    def trace(series: np.ndarray) -> np.ndarray:
        return model.decode(series).reshape(len(series), -1) @ footprint.ravel()

    raised = trace(latents + push) - trace(latents)
    np.testing.assert_allclose(raised, 1.5 * trace(latents).std(), rtol=1e-3)
    readout = np.array([trace(one[None])[0] for one in np.eye(len(push))]) - trace(0 * push[None])[0]
    random = np.random.default_rng(0)
    for _ in range(20):
        other = push + random.normal(size=len(push))
        other *= (readout @ push) / (readout @ other)  # raises the trace as much
        assert np.linalg.norm(other) > np.linalg.norm(push)


def test_the_movie_is_what_the_push_adds_to_the_picture(model: VARAutoencoder, latents: np.ndarray) -> None:
    var = model.var
    past, push = latents[30 - var.order : 30], source_push(var, 4, 3.0)
    movie = impulse_movie(model, impulse_response(var, push, 6))
    with_push, without = (model.decode(roll_out(var, past, 6, push=it)) for it in (push, None))
    assert movie.shape == (6, *model.frame_shape)
    assert movie.dtype == np.float32
    np.testing.assert_allclose(movie, with_push - without, atol=1e-4 * np.abs(with_push).max())
    lazy = drawn(LatentDecoder(model), impulse_response(var, push, 6), deviation=True, most_bytes=0)
    assert lazy.chunks[0] == (1,) * 6
    np.testing.assert_allclose(np.asarray(lazy[4]), movie[4], rtol=1e-5, atol=1e-6)


def test_what_cannot_be_pushed_is_said_in_one_sentence(model: VARAutoencoder, latents: np.ndarray) -> None:
    var = model.var
    nowhere = np.zeros(model.frame_shape, np.float32).ravel()
    with pytest.raises(InputError, match="shows no activity in this ROI: choose another one"):
        roi_push(model, latents, nowhere)
    with pytest.raises(InputError, match="choose the ROIs of this recording"):
        roi_push(model, latents, nowhere[:-1])
    with pytest.raises(InputError, match=f"There is no source {var.latents}: choose one from 0"):
        source_push(var, var.latents)
    with pytest.raises(InputError, match="ask for at least one"):
        impulse_response(var, source_push(var, 0), 0)
    with pytest.raises(InputError, match=r"take the . frames before"):
        roll_out(var, latents[:5], 3)


def test_dynamics_that_run_away_are_refused(model: VARAutoencoder) -> None:
    var = dataclasses.replace(model.var)
    growing = np.zeros_like(model.var.coefficients)
    growing[0] = 2 * np.eye(var.latents)
    var.__dict__["coefficients"] = growing
    push = source_push(var, 0)
    assert impulse_response(var, push, 10)[9, 0] == 512 * push[0]
    with pytest.raises(InputError, match="run away, 20 frames on"):
        impulse_response(var, push, 200)
    # Neither a strong push nor a long one is what runs away.
    strong = impulse_response(model.var, 1e9 * push, 100)
    np.testing.assert_allclose(strong, 1e9 * impulse_response(model.var, push, 100), rtol=1e-6)
