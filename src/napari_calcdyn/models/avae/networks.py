"""Networks of the AVAE: two that take a whole trace at once, and one that runs along it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .components import principal_components

_FIRST_LOG_VARIANCE = -3.0  # narrower than the prior, so that the reconstruction is trained first
_SMOOTHING = 0.11  # share of each neighbour: a Gaussian of half a sample
_LONGEST_PERIOD = 1e4  # steps


class AVAENetwork(nn.Module):
    """Interface of a network of the AVAE.

    Traces are normalised, with 0 for missing samples; `valid` is True for the others.

    Parameters
    ----------
    hidden, latent : int
        D1 and D2.
    """

    def __init__(self, hidden: int, latent: int) -> None:
        super().__init__()
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the posterior, (n, D2) each, of traces (n, T)."""
        raise NotImplementedError

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        """Return traces (n, `samples`) of latents (n, D2)."""
        raise NotImplementedError

    def start_from(self, traces: Tensor) -> None:
        """Initialise the network from the training traces (n, T)."""


class SingleStepLSTM(nn.Module):
    """LSTM that makes one step from a zero state, without the weights that such a step does not use.

    With ``h₀ = c₀ = 0`` the recurrent weights and the forget gate only multiply zeros, and the LSTM is
    ``h = σ(W_o x + b_o) ⊙ tanh(σ(W_i x + b_i) ⊙ tanh(W_g x + b_g))``. `torch.nn.LSTM` would hold
    4·`out_features`² recurrent weights more: 144 million for traces of 6,000 samples.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of input and output.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        # As torch.nn.LSTM starts its weights; its bias is a sum of two such numbers.
        bound = 1 / math.sqrt(out_features)
        self.weight = nn.Parameter(torch.empty(3 * out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, 3 * out_features).uniform_(-bound, bound).sum(dim=0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (n, `out_features`) of inputs (n, `in_features`)."""
        admit, candidate, release = nn.functional.linear(inputs, self.weight, self.bias).chunk(3, dim=-1)
        return torch.sigmoid(release) * torch.tanh(torch.sigmoid(admit) * torch.tanh(candidate))


class PaperNetwork(AVAENetwork):
    """The published network: the whole trace is one step of an LSTM, in encoder and decoder.

    From Abante et al. (2025), Fig. 2B, as in its public code.

    Parameters
    ----------
    samples, hidden, latent : int
        T, D1 and D2.
    """

    def __init__(self, samples: int, hidden: int, latent: int) -> None:
        super().__init__(hidden, latent)
        self.reader = SingleStepLSTM(samples, hidden)
        self.expand = nn.Linear(latent, hidden)
        self.writer = SingleStepLSTM(hidden, samples)

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, D2) each."""
        hidden = self.reader(traces)
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        """Return traces (n, T)."""
        traces: Tensor = self.writer(self.expand(latents))
        return traces


class ResidualNetwork(AVAENetwork):
    """Principal components, plus a network in encoder and decoder that adds what they miss.

    ``μ(x) = W x + f(x)`` and ``x̂(z) = V z + g(z)``. It starts as PCA, with f = g = 0.

    Parameters
    ----------
    samples, hidden, latent : int
        T, D1 and D2.
    """

    def __init__(self, samples: int, hidden: int, latent: int) -> None:
        super().__init__(hidden, latent)
        self.components = nn.Linear(samples, latent, bias=False)
        self.compose = nn.Linear(latent, samples, bias=False)
        self.reader = _two_layers(samples, hidden)
        self.writer = nn.Sequential(*_two_layers(latent, hidden), nn.Linear(hidden, samples))
        for layer in (self.mean, self.log_variance, self.writer[-1]):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        nn.init.constant_(self.log_variance.bias, _FIRST_LOG_VARIANCE)

    def start_from(self, traces: Tensor) -> None:
        """Start from the principal components, all divided by one number that makes their mean variance 1.

        The traces are smoothed by less than a sample first: components of few neurons otherwise follow their noise.
        """
        kernel = torch.tensor([_SMOOTHING, 1 - 2 * _SMOOTHING, _SMOOTHING]).reshape(1, 1, 3)
        padded = nn.functional.pad(traces.unsqueeze(1), (1, 1), mode="replicate")
        smooth = nn.functional.conv1d(padded, kernel).squeeze(1)
        values, vectors = principal_components(smooth, len(self.components.weight))
        scale = values.square().mean().sqrt() / math.sqrt(len(traces))
        with torch.no_grad():
            self.components.weight[: len(values)] = vectors.T / scale
            self.compose.weight.zero_()[:, : len(values)] = vectors * scale

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, D2) each."""
        hidden = self.reader(traces)
        return self.components(traces) + self.mean(hidden), self.log_variance(hidden)

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        """Return traces (n, T)."""
        traces: Tensor = self.compose(latents) + self.writer(latents)
        return traces


class SequenceNetwork(AVAENetwork):
    """LSTMs that run along the trace, a patch of samples per step, as encoder and decoder; for traces of any length.

    Parameters
    ----------
    patch : int
        Samples per step.
    hidden, latent : int
        D1 and D2.
    """

    def __init__(self, patch: int, hidden: int, latent: int) -> None:
        super().__init__(2 * hidden, latent)
        self.patch = patch
        self.reader = nn.LSTM(2 * patch, hidden, batch_first=True)
        self.expand = nn.Linear(latent, hidden)
        self.writer = nn.LSTM(hidden, hidden, batch_first=True)
        self.read_out = nn.Linear(hidden, patch)

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, D2) each, of the last state and the mean state."""
        seen = self._patches(valid.to(traces.dtype))
        states, _ = self.reader(torch.cat([self._patches(traces), seen], dim=-1))
        any_sample = seen.amax(dim=-1)  # (n, steps)
        last = (any_sample * torch.arange(1, seen.shape[1] + 1, device=traces.device)).argmax(dim=1)
        weights = any_sample / any_sample.sum(dim=1, keepdim=True).clamp(min=1)
        summary = torch.cat(
            [states[torch.arange(len(states)), last], (weights.unsqueeze(-1) * states).sum(dim=1)], dim=-1
        )
        return self.mean(summary), self.log_variance(summary)

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        """Return traces (n, `samples`); the inputs of every step are the latents and the time."""
        steps = math.ceil(samples / self.patch)
        drive = self.expand(latents).unsqueeze(1)
        states, _ = self.writer(drive + _time_code(steps, drive.shape[-1], latents.device))
        traces: Tensor = self.read_out(states)
        return traces.flatten(1)[:, :samples]

    def _patches(self, traces: Tensor) -> Tensor:
        """Cut (n, T) into (n, steps, patch), padded with zeros."""
        missing = -traces.shape[1] % self.patch
        return nn.functional.pad(traces, (0, missing)).reshape(len(traces), -1, self.patch)


def _two_layers(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())


def _time_code(steps: int, size: int, device: torch.device) -> Tensor:
    """Return sines and cosines of many periods, (steps, size), the positions of a transformer."""
    order = torch.arange(size, device=device)
    rate = _LONGEST_PERIOD ** (-(order - order % 2) / size)
    angle = torch.arange(steps, device=device).unsqueeze(1) * rate
    return torch.where(order % 2 == 0, angle.sin(), angle.cos())


def build_network(architecture: str, samples: int, hidden: int, latent: int, patch: int) -> AVAENetwork:
    """Make the network of an architecture.

    Parameters
    ----------
    architecture : {"residual", "paper", "sequence"}
        Name of the architecture.
    samples, hidden, latent, patch : int
        T, D1, D2, and samples per step of the LSTM.

    Returns
    -------
    AVAENetwork
        Untrained.
    """
    if architecture == "sequence":
        return SequenceNetwork(patch, hidden, latent)
    return (PaperNetwork if architecture == "paper" else ResidualNetwork)(samples, hidden, latent)
