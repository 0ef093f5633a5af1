"""The published network as its code has it: torch.nn.LSTM, for which a whole trace is a sequence of length 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PublishedNetwork(nn.Module):
    """The same parts as `PaperNetwork`, with all weights of an LSTM: 4·T·T of them meet only a zero state."""

    def __init__(self, samples: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.reader = nn.LSTM(samples, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.expand = nn.Linear(latent, hidden)
        self.writer = nn.LSTM(hidden, samples)

    def encode(self, traces: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.reader(traces.unsqueeze(0))[0][0]
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, latents: Tensor, samples: int) -> Tensor:
        return self.writer(self.expand(latents).unsqueeze(0))[0][0]


def copy_weights(network: nn.Module, published: PublishedNetwork) -> None:
    """Give the published network the function of a `PaperNetwork`; what it has besides stays as it is."""
    with torch.no_grad():
        for name in ("mean", "log_variance", "expand"):
            getattr(published, name).load_state_dict(getattr(network, name).state_dict())
        for name in ("reader", "writer"):
            ours, lstm = getattr(network, name), getattr(published, name)
            used = _used(lstm.weight_ih_l0)
            lstm.weight_ih_l0[used] = ours.weight
            lstm.bias_ih_l0[used] = ours.bias - lstm.bias_hh_l0[used]  # the LSTM adds its two biases


def gradients(published: PublishedNetwork) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the gradients of the weights that a `PaperNetwork` has, by its names, and of all others."""
    used: dict[str, Tensor] = {}
    unused: dict[str, Tensor] = {}
    for name, parameter in published.named_parameters():
        part, _, kind = name.partition(".")
        assert parameter.grad is not None
        if part not in ("reader", "writer"):
            used[name] = parameter.grad
        elif kind.endswith("ih_l0"):
            rows = _used(parameter)
            used[f"{part}.{kind.removesuffix('_ih_l0')}"] = parameter.grad[rows]
            unused[f"{name}, forget gate"] = parameter.grad[~rows]
        elif kind == "weight_hh_l0":
            unused[name] = parameter.grad
    return used, unused


def _used(stacked: Tensor) -> Tensor:
    """Return which rows of an LSTM's weights belong to its input, cell and output gate: not the second quarter."""
    gate = torch.arange(len(stacked)) * 4 // len(stacked)
    return gate != 1
