from __future__ import annotations

import numpy as np
import pytest
import torch
from avae_traces import events
from numpy.typing import NDArray
from published_network import PublishedNetwork, copy_weights, gradients
from sklearn.decomposition import PCA
from torch import Tensor

from napari_calcdyn.models.avae.networks import (
    AVAENetwork,
    PaperNetwork,
    ResidualNetwork,
    SequenceNetwork,
    build_network,
)

ARCHITECTURES = ("residual", "paper", "sequence")


@pytest.fixture(autouse=True)
def same_weights_every_time() -> None:
    torch.manual_seed(0)


def network(architecture: str, samples: int = 60, hidden: int = 16, latent: int = 3) -> AVAENetwork:
    return build_network(architecture, samples, hidden, latent, patch=7)


def relative_difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max() / other.detach().abs().max())


def all_valid(traces: Tensor) -> Tensor:
    return torch.ones_like(traces, dtype=torch.bool)


@pytest.mark.parametrize(
    ("samples", "hidden", "latent", "neurons"), [(2, 1, 1, 1), (50, 16, 3, 9), (300, 128, 8, 32)]
)
def test_the_paper_network_is_the_published_one(samples, hidden, latent, neurons) -> None:
    ours, published = PaperNetwork(samples, hidden, latent), PublishedNetwork(samples, hidden, latent)
    copy_weights(ours, published)
    traces, noise = torch.randn(neurons, samples), torch.randn(neurons, latent)
    seen = []
    for model in (ours, published):
        inputs = traces.clone().requires_grad_()
        mean, log_variance = model.encode(inputs, all_valid(traces))
        decoded = model.decode(mean + noise * (0.5 * log_variance).exp(), samples)
        loss = (decoded - inputs).square().sum() + 0.5 * (mean.square() + log_variance.exp()).sum()
        loss.backward()
        seen.append((mean, log_variance, decoded, inputs.grad))
    for one, other in zip(*seen, strict=True):
        assert relative_difference(one, other) <= 1e-5
    expected, unused = gradients(published)
    found = {name: parameter.grad for name, parameter in ours.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        assert relative_difference(gradient, expected[name]) <= 1e-5, name
    # What the published network has besides is never learned.
    assert len(unused) == 6
    assert not any(gradient.any() for gradient in unused.values())


def test_the_paper_network_holds_no_weight_that_grows_with_the_square_of_the_samples() -> None:
    samples, hidden, latent = 1000, 8, 2
    sizes = {name: value.numel() for name, value in PaperNetwork(samples, hidden, latent).named_parameters()}
    assert max(sizes.values()) == 3 * samples * hidden
    assert (
        sum(value.numel() for value in PublishedNetwork(samples, hidden, latent).parameters())
        > 4 * samples**2
    )


def test_the_paper_network_starts_as_an_lstm_does() -> None:
    ours, published = PaperNetwork(400, 50, 4), PublishedNetwork(400, 50, 4)
    with torch.no_grad():
        for name in ("reader", "writer"):
            step, lstm = getattr(ours, name), getattr(published, name)
            pairs = (step.weight, lstm.weight_ih_l0), (step.bias, lstm.bias_ih_l0 + lstm.bias_hh_l0)
            for one, other in pairs:
                assert one.std().item() == pytest.approx(other.std().item(), rel=0.15)
            assert step.weight.abs().max() <= 1.02 * lstm.weight_hh_l0.abs().max()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shapes(architecture: str) -> None:
    model, traces = network(architecture), torch.randn(5, 60)
    mean, log_variance = model.encode(traces, all_valid(traces))
    assert mean.shape == log_variance.shape == (5, 3)
    assert model.decode(mean, 60).shape == (5, 60)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_weights_are_learned(architecture: str) -> None:
    model, traces = network(architecture), torch.randn(20, 60)
    model.start_from(traces)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(3):  # what starts at zero passes no gradient on at first
        optimiser.zero_grad()
        mean, log_variance = model.encode(traces, all_valid(traces))
        latents = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        ((model.decode(latents, 60) - traces).square().sum() + log_variance.exp().sum()).backward()
        optimiser.step()
    assert [name for name, value in model.named_parameters() if torch.equal(value, before[name])] == []


def projected(values: NDArray[np.float32], latent: int) -> NDArray[np.float32]:
    """What principal components of traces show of them, found after smoothing by half a sample."""
    padded = np.pad(values, ((0, 0), (1, 1)), mode="edge")
    smooth = 0.11 * padded[:, :-2] + 0.78 * values + 0.11 * padded[:, 2:]
    components = PCA(latent).fit(smooth).components_
    return values @ components.T @ components


@pytest.mark.parametrize("latent", [1, 3, 8])
def test_the_residual_network_starts_as_pca(latent: int) -> None:
    values = events(100, 60, noise=0.1)
    values = (values - values.mean(axis=0)) / 40
    model, traces = ResidualNetwork(60, 16, latent), torch.from_numpy(values)
    model.start_from(traces)
    with torch.no_grad():
        mean, log_variance = model.encode(traces, all_valid(traces))
        decoded = model.decode(mean, 60).numpy()
    np.testing.assert_allclose(decoded, projected(values, latent), atol=5e-4)
    assert log_variance.exp().max().item() < 0.1  # narrower than the prior: reconstruction first
    assert mean.square().mean().item() == pytest.approx(1, rel=0.15)


def test_the_residual_network_starts_from_fewer_neurons_than_latents() -> None:
    traces = torch.from_numpy(events(6, 60) - events(6, 60).mean(axis=0))
    model = ResidualNetwork(60, 16, 20)
    model.start_from(traces)
    with torch.no_grad():
        decoded = model.decode(model.encode(traces, all_valid(traces))[0], 60)
    assert (decoded - traces).square().mean() < 0.01 * traces.square().mean()


@pytest.mark.parametrize("samples", [21, 25, 60])  # with and without a patch that is not full
@pytest.mark.parametrize("more", [1, 7, 30])
def test_a_padded_trace_encodes_as_the_short_one(samples: int, more: int) -> None:
    model, traces = SequenceNetwork(7, 16, 3), torch.randn(5, samples)
    padded = torch.nn.functional.pad(traces, (0, more))
    valid = torch.nn.functional.pad(all_valid(traces), (0, more))
    for one, other in zip(model.encode(padded, valid), model.encode(traces, all_valid(traces)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_traces_of_many_lengths_in_one_batch_encode_as_one_by_one() -> None:
    model, lengths = SequenceNetwork(7, 16, 3), [8, 21, 33, 60]
    traces, valid = torch.zeros(4, 60), torch.zeros(4, 60, dtype=torch.bool)
    for row, length in enumerate(lengths):
        traces[row, :length], valid[row, :length] = torch.randn(length), True
    together, _ = model.encode(traces, valid)
    for row, length in enumerate(lengths):
        alone = traces[row : row + 1, :length]
        torch.testing.assert_close(
            together[row : row + 1], model.encode(alone, all_valid(alone))[0], rtol=1e-5, atol=1e-6
        )


def test_the_sequence_network_tells_a_missing_sample_from_a_mean_one() -> None:
    model, traces = SequenceNetwork(7, 16, 3), torch.zeros(1, 60)
    valid = all_valid(traces)
    valid[:, 20:30] = False
    assert not torch.allclose(model.encode(traces, valid)[0], model.encode(traces, all_valid(traces))[0])


def test_the_sequence_network_decodes_any_length_the_same() -> None:
    model, latents = SequenceNetwork(7, 16, 3), torch.randn(4, 3)
    long = model.decode(latents, 100)
    for samples in (1, 7, 20, 63):
        torch.testing.assert_close(model.decode(latents, samples), long[:, :samples], rtol=1e-5, atol=1e-6)


def test_every_sample_counts_for_the_encoding() -> None:
    for architecture in ARCHITECTURES:
        model, traces = network(architecture), torch.randn(1, 60).requires_grad_()
        model.start_from(torch.randn(20, 60))
        model.encode(traces, all_valid(traces))[0].sum().backward()
        assert traces.grad is not None
        assert traces.grad.ne(0).all(), architecture
