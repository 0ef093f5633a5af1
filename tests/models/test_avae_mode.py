from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_calcdyn.models.avae.mode import posterior_mode
from napari_calcdyn.models.avae.networks import AVAENetwork

SAMPLES, LATENTS, NEURONS = 40, 3, 12


class Decoder(AVAENetwork):
    """Traces that depend on the latents in a straight line, or curved."""

    def __init__(self, *, curved: bool) -> None:
        super().__init__(1, LATENTS)
        draw = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(LATENTS, SAMPLES, generator=draw))
        self.curved = curved

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        traces = latents @ self.weights[:, :samples]
        return torch.tanh(traces) if self.curved else traces


def neurons(decoder: Decoder, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    truth = torch.randn(NEURONS, LATENTS, generator=draw)
    traces = decoder.decode(truth, SAMPLES) + noise**0.5 * torch.randn(NEURONS, SAMPLES, generator=draw)
    return truth, traces.detach(), torch.ones(NEURONS, SAMPLES, dtype=torch.bool)


def cost(decoder: Decoder, latents: Tensor, traces: Tensor, noise: float, beta: float) -> Tensor:
    left = traces - decoder.decode(latents, SAMPLES)
    return (left.square().sum(dim=1) / noise + beta * latents.square().sum(dim=1)).detach()


@pytest.mark.parametrize("beta", [0.0, 0.5, 20.0])
def test_one_step_solves_a_straight_decoder(beta: float) -> None:
    """The mode is that of ridge regression."""
    decoder, noise = Decoder(curved=False), 0.5
    _, traces, valid = neurons(decoder, noise)
    start = torch.randn(NEURONS, LATENTS, generator=torch.Generator().manual_seed(2))
    found = posterior_mode(decoder, start, traces, valid, noise=noise, beta=beta, steps=1)
    weights = decoder.weights.detach()
    expected = torch.linalg.solve(
        weights @ weights.T + beta * noise * torch.eye(LATENTS), weights @ traces.T
    ).T
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_missing_samples_say_nothing() -> None:
    decoder = Decoder(curved=False)
    truth, traces, valid = neurons(decoder, 1e-8)
    valid[:, ::3] = False
    for filling in (0.0, 1e6):
        seen = torch.where(valid, traces, filling)
        found = posterior_mode(decoder, 0 * truth, seen, valid, noise=1e-8, beta=0.0, steps=1)
        torch.testing.assert_close(found, truth, rtol=1e-2, atol=1e-2)


def test_no_step_makes_it_worse_and_more_steps_come_to_the_top() -> None:
    decoder, noise, beta = Decoder(curved=True), 0.01, 0.5
    truth, traces, valid = neurons(decoder, noise)
    latents = truth + 0.5 * torch.randn(NEURONS, LATENTS, generator=torch.Generator().manual_seed(2))
    before = cost(decoder, latents, traces, noise, beta)
    for steps in (1, 5, 20):
        found = posterior_mode(decoder, latents, traces, valid, noise=noise, beta=beta, steps=steps)
        now = cost(decoder, found, traces, noise, beta)
        assert (now <= before).all()
        before = now
    free = found.clone().requires_grad_()
    cost_of = (
        (traces - decoder.decode(free, SAMPLES)).square().sum() / noise + beta * free.square().sum()
    ) / 2
    slope = torch.autograd.grad(cost_of, free)[0]
    near_truth = (found - truth).norm(dim=1) < 0.5
    assert near_truth.sum() >= NEURONS // 2
    assert slope[near_truth].abs().max() < 0.01 * (1 / noise)


def test_no_steps_leave_the_latents_as_they_are() -> None:
    decoder = Decoder(curved=True)
    truth, traces, valid = neurons(decoder, 0.1)
    found = posterior_mode(decoder, truth, traces, valid, noise=0.1, beta=1.0, steps=0)
    assert torch.equal(found, truth)
