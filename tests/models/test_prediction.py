from __future__ import annotations

import numpy as np
import pytest
import torch
from test_var import follow, known_system
from torch import Tensor

from napari_calcdyn.models.lasso.lasso import solve_lasso
from napari_calcdyn.models.var import penalty_weights
from napari_calcdyn.models.var.moments import Moments
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.prediction import (
    detached,
    draw_windows,
    estimate_var,
    total_variance,
    universal_penalty,
)


def cut(order: int, windows: int = 40, length: int = 50) -> Tensor:
    """Stretches of a known system with latents of equal size, (W, L, d), float64."""
    latents = follow(known_system(order), windows * length) - np.arange(8)
    return torch.from_numpy(latents / latents.std(0)).view(windows, length, 8)


def alike(order: int, latents: int = 8) -> Tensor:
    return torch.ones(order * latents, latents, dtype=torch.float64)


@pytest.mark.parametrize("order", [1, 2])
def test_error_of_a_known_system(order: int) -> None:
    windows = cut(order, windows=200)
    estimate = estimate_var(windows[0::2], order, alike(order))
    residual, variance = estimate.residual(windows[1::2]).sum(), total_variance(windows[1::2])
    # The least there can be: the variance of the innovations over that of the latents.
    raw = follow(known_system(order), 200 * 50) - np.arange(8)
    least = np.mean(np.geomspace(0.01, 100, 8) ** 2 / raw.var(0))
    assert 0.97 * least < (residual / variance).item() < 1.1 * least
    assert variance.item() == pytest.approx(8, rel=0.05)


def test_estimate_is_the_lasso_of_standardised_windows() -> None:
    windows = 1e3 * cut(2) + 7
    found = estimate_var(windows, 2, alike(2))
    pooled = windows.flatten(0, 1)
    torch.testing.assert_close(found.mean, pooled.mean(0))
    torch.testing.assert_close(found.std, pooled.std(0, correction=0))
    moments = Moments.of((windows - found.mean) / found.std, 2)
    expected = solve_lasso(moments.gram, moments.cov, universal_penalty(16, moments.samples))
    torch.testing.assert_close(found.coefficients, expected)
    assert 8 < found.coefficients.count_nonzero() < 16 * 8


def test_score_is_the_error_of_the_formula() -> None:
    windows = cut(2, windows=8)
    estimate = estimate_var(windows[:4], 2, alike(2))
    residual, variance = estimate.residual(windows[4:]).sum(), total_variance(windows[4:])
    a = estimate.coefficients.view(2, 8, 8)
    errors = [
        (window[t] - window[t - 1] @ a[0] - window[t - 2] @ a[1]) * estimate.std
        for window in (windows[4:] - estimate.mean) / estimate.std
        for t in range(2, 50)
    ]
    assert residual.item() == pytest.approx(torch.stack(errors).square().sum(1).mean().item())
    assert variance.item() == pytest.approx(windows[4:].flatten(0, 1).var(0, correction=0).sum().item())


def test_noise_does_not_pass_the_universal_penalty() -> None:
    noise = torch.randn(20, 30, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = estimate_var(noise, 1, alike(1, 40))
    assert found.coefficients.count_nonzero() < 0.02 * 40 * 40
    assert universal_penalty(40, 580) == pytest.approx(np.sqrt(2 * np.log(40) / 580))


def test_memory_pools_earlier_batches_and_fades() -> None:
    windows = cut(1, windows=8)
    first = estimate_var(windows[:4], 1, alike(1))
    own = estimate_var(windows[4:], 1, alike(1))
    memory = detached(first)
    n = own.moments.samples
    for span, kept in ((4 * n, 0.75 * n), (n, 0.0)):
        both = estimate_var(windows[4:], 1, alike(1), memory=memory, span=span)
        assert both.moments.samples == pytest.approx(n + kept)
        mixed = (n * own.moments.gram + kept * first.moments.gram) / (n + kept)
        torch.testing.assert_close(both.moments.gram, mixed)
    torch.testing.assert_close(both.coefficients, own.coefficients)  # all forgotten


def test_no_gradient_reaches_earlier_batches() -> None:
    windows = cut(1, windows=8)
    earlier, now = windows[:4].requires_grad_(), windows[4:].clone().requires_grad_()
    memory = detached(estimate_var(earlier, 1, alike(1)))
    estimate_var(now, 1, alike(1), memory=memory, span=1000).coefficients.sum().backward()
    assert earlier.grad is None
    assert now.grad.any()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("penalise_own_past", [True, False])
@pytest.mark.parametrize("with_memory", [True, False])
def test_gradient_through_the_encoder_agrees_with_finite_differences(
    order: int, penalise_own_past: bool, with_memory: bool
) -> None:
    """Through encoder, standardisation, Gram matrix and lasso, in every weight at once."""
    network = PatchAutoencoder((17, 19), 12, 3, seed=4).double()
    # Blobs whose brightness follows a VAR, so that the active sets are not empty.
    blobs = torch.randn(8, 17, 19, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    frames = torch.einsum("wld,dyx->wlyx", cut(order, 9, 30), blobs) / 5
    weights = penalty_weights(
        network.centres, network.stride, order, distance_penalty=0.1, penalise_own_past=penalise_own_past
    )
    latents = network.encode(frames.flatten(0, 1)).view(9, 30, -1)
    memory = detached(estimate_var(latents[6:], order, weights)) if with_memory else None

    def error() -> tuple[Tensor, Tensor]:
        latents = network.encode(frames.flatten(0, 1)).view(9, 30, -1)
        estimate = estimate_var(latents[0:6:2], order, weights, memory=memory, span=300)
        residual = estimate.residual(latents[1:6:2]).sum()
        return residual, estimate.coefficients

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
