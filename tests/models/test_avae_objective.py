from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from avae_traces import SMALL
from torch import Tensor, nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as divergence_between

from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.avae.data import noise_variance
from napari_calcdyn.models.avae.likeness import likeness_loss
from napari_calcdyn.models.avae.networks import AVAENetwork, build_network
from napari_calcdyn.models.avae.objective import AVAEObjective, active_units, kl_divergence

NEURONS, SAMPLES, LATENTS, NOISE = 20, 30, 3, 0.3


class Fixed(AVAENetwork):
    """Gives the same posterior and the same trace to every neuron, both free to learn."""

    def __init__(self) -> None:
        super().__init__(1, LATENTS)
        self.posterior = nn.Parameter(torch.tensor([[0.3, -1.0, 2.0], [-0.5, 0.0, 0.7]]))
        self.trace = nn.Parameter(torch.linspace(-1, 1, SAMPLES))

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.posterior
        return mean.expand(len(traces), -1), log_variance.expand(len(traces), -1)

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        return self.trace.expand(len(latents), -1)


def objective(
    traces: Tensor,
    valid: Tensor | None = None,
    network: AVAENetwork | None = None,
    noise: float = 0.5,
    **settings: Any,
) -> AVAEObjective:
    """Train on all but the last four neurons, which are for validation."""
    network = network or Fixed()
    valid = torch.ones_like(traces, dtype=torch.bool) if valid is None else valid
    order = torch.arange(len(traces))
    plain = {**SMALL, "warm_up": 0.0, "batch": 4, "beta": 0.0, "latent": LATENTS}
    config = AVAEConfig(**{**plain, **settings})
    return AVAEObjective(network, traces, valid, order[:-4], order[-4:], noise, config, seed=0)


@pytest.fixture
def traces() -> Tensor:
    return torch.randn(NEURONS, SAMPLES, generator=torch.Generator().manual_seed(0))


def test_divergence_is_that_of_two_normal_distributions() -> None:
    draw = torch.Generator().manual_seed(1)
    mean, log_variance = torch.randn(2, 7, 4, generator=draw, dtype=torch.float64)
    expected = divergence_between(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert kl_divergence(torch.zeros(3, 4), torch.zeros(3, 4)).eq(0).all()


def test_divergence_in_plain_numbers() -> None:
    mean, variance = 1.5, 0.2
    expected = 0.5 * (variance + mean**2 - 1 - math.log(variance))
    found = kl_divergence(torch.tensor([[mean]]), torch.tensor([[math.log(variance)]]))
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_latents_are_active_where_they_differ_between_neurons() -> None:
    draw = torch.Generator().manual_seed(0)
    mean = torch.randn(500, 4, generator=draw) * torch.tensor([1.0, 0.2, 0.05, 0.0]) + 3
    assert active_units(mean) == 2


def test_the_loss_is_squared_error_and_divergence(traces: Tensor) -> None:
    task = objective(traces, beta=0.25)
    loss, parts = task.loss(0, 10)
    network = task.module
    errors = (traces - network.trace).square().sum(dim=1)
    divergence = kl_divergence(*network.posterior[:, None]).item()
    batches = [task.loss(step, 10) for step in range(1, task.steps_per_epoch)]
    reconstructions = [parts["reconstruction"], *(parts["reconstruction"] for _, parts in batches)]
    assert torch.stack(reconstructions).mean().item() == pytest.approx(errors[:-4].mean().item(), rel=1e-5)
    assert parts["kl"].item() == pytest.approx(divergence, rel=1e-6)
    assert loss.item() == pytest.approx(parts["reconstruction"].item() + 0.25 * divergence, rel=1e-6)
    assert not parts["reconstruction"].requires_grad

    validation, held_out = task.validate(0, 10)
    assert held_out["held_out_reconstruction"] == pytest.approx(errors[-4:].mean().item(), rel=1e-5)
    assert held_out["held_out_kl"] == pytest.approx(divergence, rel=1e-6)
    assert validation == pytest.approx(errors[-4:].mean().item() + 0.25 * divergence, rel=1e-5)


def test_in_units_of_the_noise_an_error_as_large_as_the_noise_counts_one_half(traces: Tensor) -> None:
    task, scaled = (objective(traces, noise=noise) for noise in (NOISE, 0.5))
    assert task.loss(0, 1)[0].item() == pytest.approx(scaled.loss(0, 1)[0].item() / (2 * NOISE), rel=1e-5)
    assert task.validate(0, 1)[0] == pytest.approx(scaled.validate(0, 1)[0] / (2 * NOISE), rel=1e-5)


def test_missing_samples_change_neither_loss_nor_gradient(traces: Tensor) -> None:
    valid = torch.rand(traces.shape, generator=torch.Generator().manual_seed(2)) < 0.7
    seen = []
    for filling in (0.0, 1e6, float("nan")):
        task = objective(torch.where(valid, traces, filling), valid, noise=NOISE)
        loss, _ = task.loss(0, 1)
        loss.backward()
        seen.append((loss.item(), task.validate(0, 1)[0], task.module.trace.grad))
    for loss, validation, gradient in seen[1:]:
        assert (loss, validation) == seen[0][:2]
        torch.testing.assert_close(gradient, seen[0][2], rtol=0, atol=0)
    assert math.isfinite(seen[0][0])


def test_a_missing_sample_asks_nothing_of_the_reconstruction(traces: Tensor) -> None:
    valid = torch.ones_like(traces, dtype=torch.bool)
    valid[:, 5:9] = False
    task = objective(traces, valid, batch=NEURONS - 4)
    loss, _ = task.loss(0, 1)
    loss.backward()
    gradient = task.module.trace.grad
    assert gradient[5:9].eq(0).all()
    share = 1 - 4 / SAMPLES
    expected = 2 * (task.module.trace - traces[:-4]).mean(dim=0) / share
    torch.testing.assert_close(gradient[valid[0]], expected[valid[0]].detach())


def test_a_neuron_with_missing_samples_counts_as_much_as_another() -> None:
    traces, valid = torch.zeros(NEURONS, SAMPLES), torch.ones(NEURONS, SAMPLES, dtype=torch.bool)
    network = Fixed()
    nn.init.constant_(network.trace, 0.5)
    whole = objective(traces, valid, network).validate(0, 1)[0]
    valid[:, SAMPLES // 3 :] = False
    assert objective(traces, valid, network).validate(0, 1)[0] == pytest.approx(whole, rel=1e-6)


def test_beta_grows_over_the_warm_up_and_until_then_nothing_is_compared(traces: Tensor) -> None:
    task = objective(traces, beta=2.0, warm_up=0.5)
    weights = []
    for step in range(10):
        loss, parts = task.loss(step, 10)
        weights.append((loss - parts["reconstruction"]).item() / parts["kl"].item())
    assert weights == pytest.approx([0.4, 0.8, 1.2, 1.6, 2, 2, 2, 2, 2, 2], rel=1e-4)
    assert [task.validate(step, 10)[0] is None for step in (0, 3, 4, 9)] == [True, True, False, False]
    assert task.validate(0, 10)[1].keys() == {"held_out_reconstruction", "held_out_kl"}


def test_an_epoch_sees_every_training_neuron_once_and_no_other(traces: Tensor) -> None:
    class Looking(Fixed):
        seen: list[Tensor]

        def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
            self.seen.append(traces)
            return super().encode(traces, valid)

    network = Looking()
    task = objective(traces, network=network, batch=5)  # 16 neurons: four batches, the smallest of one
    assert task.steps_per_epoch == 4
    epochs = []
    for _ in range(2):
        network.seen = []
        for step in range(4):
            task.loss(step, 8)
        epochs.append(torch.cat(network.seen)[:, 0].tolist())
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(traces[:-4, 0].tolist())
    assert epochs[0] != epochs[1]


def test_what_is_decoded_are_samples_of_the_posterior(traces: Tensor) -> None:
    class Looking(Fixed):
        seen: list[Tensor]

        def decode(self, latents: Tensor, samples: int) -> Tensor:
            self.seen.append(latents.detach())
            return super().decode(latents, samples)

    network = Looking()
    network.seen = []
    task = objective(traces, network=network, batch=NEURONS)
    for step in range(200):
        task.loss(step, 200)
    mean, log_variance = network.posterior.detach()
    drawn = torch.cat(network.seen)
    torch.testing.assert_close(drawn.mean(dim=0), mean, rtol=0, atol=0.1)
    torch.testing.assert_close(drawn.std(dim=0), (0.5 * log_variance).exp(), rtol=0.05, atol=0)
    network.seen = []
    task.validate(0, 1)
    torch.testing.assert_close(
        network.seen[0], mean.expand(4, -1), rtol=0, atol=0
    )  # no chance in what decides


def test_a_shifted_crop_has_nothing_of_the_other_end(traces: Tensor) -> None:
    class Looking(Fixed):
        seen: list[tuple[Tensor, Tensor]]

        def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
            self.seen.append((traces, valid))
            return super().encode(traces, valid)

    network, shifts = Looking(), set()
    task = objective(traces + 5, network=network, pull=1.0, largest_shift=0.2)
    for step in range(100):
        network.seen = []
        task.loss(step, 100)
        (whole, _), (crop, valid) = network.seen
        lacking = int((~valid[0]).sum())
        shift = -lacking if valid[0, 0] else lacking
        shifts.add(shift)
        kept = slice(max(0, shift), SAMPLES + min(0, shift))
        torch.testing.assert_close(crop[:, kept], whole.roll(shift, dims=1)[:, kept], rtol=0, atol=0)
        assert valid[:, kept].all()
        assert int(crop.ne(0).sum()) == int(valid.sum()) == len(whole) * (SAMPLES - lacking)
    assert (min(shifts), max(shifts)) == (-6, 6)


class Average(Fixed):
    """Its latents are weighted sums of the trace; how much they grow does not matter to the pull."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(
            size * torch.randn(SAMPLES, LATENTS, generator=torch.Generator().manual_seed(3))
        )

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        return traces @ self.weights, torch.zeros(len(traces), LATENTS)


def test_the_pull_is_the_distance_between_shifted_neurons_over_that_between_neurons(traces: Tensor) -> None:
    pulled = []
    for size in (1.0, 50.0):
        task, without = (objective(traces, network=Average(size), pull=pull) for pull in (3.0, 0.0))
        (loss, parts), (plain, _) = task.loss(0, 1), without.loss(0, 1)
        pulled.append((loss - plain).item() / parts["reconstruction"].item())
    assert pulled[0] == pytest.approx(pulled[1], rel=1e-4)
    # Latents of white noise and of the same noise a little later have nothing in common.
    assert 3 * 1.0 < pulled[0] < 3 * 3.0


def test_like_neurons_are_asked_to_be_near_in_units_of_the_error(traces: Tensor) -> None:
    class Looking(Average):
        seen: list[Tensor]

        def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
            self.seen.append(traces)
            return super().encode(traces, valid)

    network, partners = Looking(1.0), set()
    task, without = (objective(traces, network=network, likeness=weight) for weight in (2.0, 0.0))
    for step in range(40):
        network.seen = []
        (loss, parts), (plain, _) = task.loss(step, 40), without.loss(step, 40)
        batch, drawn, _ = network.seen
        expected = likeness_loss(batch @ network.weights, drawn @ network.weights)
        if step == 0:  # later, the two have drawn other batches
            found = (loss - plain).item() / (2 * parts["reconstruction"].item())
            assert found == pytest.approx(expected.item(), rel=1e-4)
        assert not (batch == drawn).all(dim=1).any()
        partners |= set(drawn[:, 0].tolist())
    assert partners <= set(traces[:-4, 0].tolist())  # never one that is held out
    assert len(partners) > 8


def test_the_pull_costs_nothing_where_latents_do_not_move(traces: Tensor) -> None:
    class Constant(Average):
        def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
            level = (traces * valid).sum(dim=1, keepdim=True) / valid.sum(dim=1, keepdim=True)
            return level.expand(-1, LATENTS), torch.zeros(len(traces), LATENTS)

    steady = torch.arange(NEURONS).unsqueeze(1).expand(-1, SAMPLES).float()
    task, without = (objective(steady, network=Constant(1.0), pull=pull) for pull in (3.0, 0.0))
    assert task.loss(0, 1)[0].item() == pytest.approx(without.loss(0, 1)[0].item(), abs=1e-6)


@pytest.mark.parametrize("architecture", ["residual", "paper", "sequence"])
@pytest.mark.parametrize("batch", [2, 5])
def test_every_batch_has_a_finite_gradient(traces: Tensor, architecture: str, batch: int) -> None:
    """Also a batch of one neuron, which has no distance to another."""
    torch.manual_seed(0)
    network = build_network(architecture, SAMPLES, 8, LATENTS, patch=7)
    task = objective(traces[:-1], network=network, pull=1.0, likeness=1.0, beta=1.0, batch=batch)
    for step in range(task.steps_per_epoch):
        network.zero_grad()
        task.loss(step, 10)[0].backward()
        assert all(value.grad.isfinite().all() for value in network.parameters() if value.grad is not None)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_noise_is_found_below_slow_activity(sigma: float, missing: float) -> None:
    draw = torch.Generator().manual_seed(0)
    activity = 3 * torch.sin(torch.linspace(0, 12, 1000) + torch.rand(60, 1, generator=draw))
    traces = activity + sigma * torch.randn(60, 1000, generator=draw)
    valid = torch.rand(60, 1000, generator=draw) >= missing
    found = noise_variance(torch.where(valid, traces, 1e3), valid)
    assert found == pytest.approx(sigma**2, rel=0.05)


def test_without_noise_the_error_keeps_a_finite_weight() -> None:
    traces, valid = torch.linspace(-1, 1, 2000).expand(12, -1), torch.ones(12, 2000, dtype=torch.bool)
    assert noise_variance(traces, valid) == pytest.approx(1e-3 / 3, rel=0.01)
    apart = torch.arange(2000).expand(12, -1) % 2 == 0  # no two samples beside each other
    assert noise_variance(traces, apart) == pytest.approx(1e-3 / 3, rel=0.01)
