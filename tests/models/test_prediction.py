from __future__ import annotations

import numpy as np
import pytest
import torch
from test_var import follow, known_system
from torch import Tensor

from napari_calcdyn.models.network import PatchAutoencoder
from napari_calcdyn.models.prediction import draw_windows, prediction_error
from napari_calcdyn.models.var import penalty_weights


def total_variance(latents: Tensor) -> Tensor:
    """Power of latents when every footprint is of unit norm and none overlap."""
    return latents.square().sum(1).mean()


def cut(order: int, windows: int = 40, length: int = 50) -> Tensor:
    """Stretches of a known system with latents of equal size, (W, L, d), float64."""
    latents = follow(known_system(order), windows * length) - np.arange(8)
    return torch.from_numpy(latents / latents.std(0)).view(windows, length, 8)


@pytest.mark.parametrize("order", [1, 2])
def test_error_of_a_known_system(order: int) -> None:
    windows = cut(order)
    weights = penalty_weights(8, order, penalise_own_past=True)
    error, coefficients = prediction_error(windows[0::2], windows[1::2], order, 0.02, weights, total_variance)
    # The least there can be: the variance of the innovations over that of the latents.
    raw = follow(known_system(order), 2000) - np.arange(8)
    least = np.mean(np.geomspace(0.01, 100, 8) ** 2 / raw.var(0))
    assert 0.95 * least < error.item() < 1.1 * least
    assert coefficients.shape == (8 * order, 8)
    assert not coefficients.requires_grad


def test_noise_cannot_be_predicted() -> None:
    noise = torch.randn(2, 10, 30, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = penalty_weights(20, 1, penalise_own_past=True)
    error, _ = prediction_error(noise[0], noise[1], 1, 0.05, weights, total_variance)
    assert error > 1  # scored where it was not estimated: overfitting costs


def test_error_has_no_unit() -> None:
    windows = cut(1)
    weights = penalty_weights(8, 1, penalise_own_past=True)
    error, _ = prediction_error(windows[0::2], windows[1::2], 1, 0.1, weights, total_variance)
    moved = 1e3 * windows + 7
    same, _ = prediction_error(moved[0::2], moved[1::2], 1, 0.1, weights, total_variance)
    torch.testing.assert_close(same, error)


def test_a_start_changes_nothing_but_the_time() -> None:
    windows = cut(2)
    weights = penalty_weights(8, 2, penalise_own_past=True)
    arguments = (windows[0::2], windows[1::2], 2, 0.1, weights, total_variance)
    error, coefficients = prediction_error(*arguments)
    again, found = prediction_error(*arguments, torch.randn_like(coefficients))
    torch.testing.assert_close(again, error)
    torch.testing.assert_close(found, coefficients)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("penalise_own_past", [True, False])
def test_gradient_through_the_encoder_agrees_with_finite_differences(
    order: int, penalise_own_past: bool
) -> None:
    """Through encoder, standardisation, Gram matrix, λ_max, lasso and decoder, in every weight at once."""
    network = PatchAutoencoder((17, 19), 12, 3, seed=4).double()
    # Blobs whose brightness follows a VAR, so that the active sets are not empty.
    blobs = torch.randn(8, 17, 19, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    frames = torch.einsum("wld,dyx->wlyx", cut(order, 6, 20), blobs) / 5
    weights = penalty_weights(12, order, penalise_own_past=penalise_own_past)

    def error() -> tuple[Tensor, Tensor]:
        latents = network.encode(frames.flatten(0, 1)).view(6, 20, -1)
        return prediction_error(latents[0::2], latents[1::2], order, 0.2, weights, network.power)

    value, coefficients = error()
    active = coefficients != 0
    assert 12 < active.sum() < active.numel()
    value.backward()
    parameters = list(network.parameters())
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in parameters)

    generator = torch.Generator().manual_seed(6)
    step = 1e-7
    for _ in range(5):
        heading = [
            torch.randn(parameter.shape, generator=generator, dtype=torch.float64) for parameter in parameters
        ]
        slope = sum(float((p.grad * h).sum()) for p, h in zip(parameters, heading, strict=True))
        sides = []
        with torch.no_grad():
            for sign in (1, -2, 1):  # forth, back to the other side, home
                for parameter, direction in zip(parameters, heading, strict=True):
                    parameter += sign * step * direction
                sides.append(error())
        assert torch.equal(sides[0][1] != 0, active)  # no knot in between
        assert torch.equal(sides[1][1] != 0, active)
        measured = float(sides[0][0] - sides[1][0]) / (2 * step)
        assert measured == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(("frames", "length"), [(360, 24), (72, 24), (71, 24), (50, 24), (36, 9), (48, 24)])
@pytest.mark.parametrize("count", [2, 8, 256])
def test_windows_never_overlap(frames: int, length: int, count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(1500):
        starts = draw_windows(frames, length, count, generator)
        assert len(starts) % 2 == 0
        assert 2 <= len(starts) <= count
        assert starts.min() >= 0
        assert starts.max() + length <= frames
        assert (starts.sort().values.diff() >= length).all()
        seen.update(starts.tolist())
    reached = np.zeros(frames, bool)
    for start in seen:
        reached[start : start + length] = True
    assert reached.all()  # no frame is left out for good


def test_windows_are_drawn_anew_and_repeat_under_a_seed() -> None:
    def several(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return [draw_windows(400, 24, 8, generator).tolist() for _ in range(3)]

    assert several(0) == several(0) != several(1)
    first, second, _ = several(0)
    assert first != second
