"""The derivative of a convolutional decoder, averaged along the ways from the mean latents to predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

_NODES = (4, 8, 12, 16, 24, 32)
_COMPLETE = 3e-4  # error of the sum of all contributions, relative


class Decoder(Protocol):
    """A decoder whose derivative is a chain of linear maps, with the slopes of its nonlinearity between them."""

    frame_shape: tuple[int, int]

    def change(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return what a deviation of the latents (n, d) from their mean (d,) adds to frames, (n, Y, X)."""

    def slopes(self, latents: Tensor) -> list[Tensor]:
        """Return the slopes at latents (n, d), each (n, …)."""

    def derivative(self, part: Tensor, slopes: Sequence[Tensor]) -> Tensor:
        """Apply the derivative to changes of the latents (n, d) at places with slopes (places, n, …), and add up."""


class PathDerivative:
    """``∫₀¹ J_D(μ + α ẑ) dα``, a linear map of latents (n, d) to frames (n, Y, X).

    The slopes at all Gauss-Legendre nodes are computed once, and then used for any number of parts of what is
    predicted. Each frame gets as many nodes as it needs.

    Parameters
    ----------
    decoder : Decoder
        The decoder.
    mean : Tensor (d,)
        μ.
    predicted : Tensor (n, d)
        ẑ, as deviations from the mean. For every pixel of their frames, about 14 bytes are kept for each node.
    """

    def __init__(self, decoder: Decoder, mean: Tensor, predicted: Tensor) -> None:
        self._decoder = decoder
        self._frames: list[Tensor] = []
        self._slopes: list[list[Tensor]] = []
        whole = decoder.change(mean, predicted)
        size = whole.square().sum((1, 2))
        allowed = _COMPLETE**2 * size.clamp_min(float(size.mean()))
        missing = torch.arange(len(predicted), device=predicted.device)
        for count in _NODES:
            some = predicted[missing]
            slopes = _slopes(decoder, mean, some, count)
            error = decoder.derivative(some, slopes) - whole[missing]
            done = error.square().sum((1, 2)) <= allowed[missing]
            if count == _NODES[-1]:
                done[:] = True
            if done.any():
                self._frames.append(missing[done])
                self._slopes.append([it[:, done] for it in slopes])
            missing = missing[~done]
            if not len(missing):
                break

    def __call__(self, part: Tensor) -> Tensor:
        """Return the contributions (n, Y, X) of what some of the sources predict, (n, d)."""
        total = part.new_empty(len(part), *self._decoder.frame_shape)
        for frames, slopes in zip(self._frames, self._slopes, strict=True):
            total[frames] = self._decoder.derivative(part[frames], slopes)
        return total


def _slopes(decoder: Decoder, mean: Tensor, predicted: Tensor, nodes: int) -> list[Tensor]:
    """Return the slopes on the ways to predicted latents (n, d), each (nodes, n, …), the last ones weighted."""
    at, weights = (torch.from_numpy(it / 2).to(predicted) for it in np.polynomial.legendre.leggauss(nodes))
    ways = mean + (at + 0.5)[:, None, None] * predicted
    slopes = [it.view(nodes, -1, *it.shape[1:]) for it in decoder.slopes(ways.flatten(0, 1))]
    slopes[-1] = slopes[-1] * weights.view(-1, 1, 1, 1, 1)
    return slopes
