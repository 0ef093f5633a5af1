"""Similar neurons, and a loss that keeps them together and others apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .components import principal_components

_FEWEST, _MOST, _SHARE = 5, 30, 0.02
_COMPONENTS = 30  # used to compare traces: enough for their shapes, without most of the noise
_BLOCK = 1024


def nearest_in_shape(traces: Tensor) -> Tensor:
    """Find, for each neuron, the neurons whose traces have the most similar shape.

    Parameters
    ----------
    traces : Tensor (N, T)
        Normalised traces.

    Returns
    -------
    Tensor (N, k), int64
        In order of falling cosine of the angle between the first 30 principal components of two traces; k is a fiftieth
        of all neurons, at least 5 and at most 30.
    """
    k = min(max(_FEWEST, min(_MOST, round(_SHARE * len(traces)))), len(traces) - 1)
    centred = traces - traces.mean(dim=0)
    _, directions = principal_components(centred, _COMPONENTS)
    shapes = nn.functional.normalize(centred @ directions, dim=1)
    nearest = []
    for start in range(0, len(shapes), _BLOCK):
        likeness = shapes[start : start + _BLOCK] @ shapes.T
        rows = torch.arange(len(likeness), device=likeness.device)
        likeness[rows, start + rows] = -torch.inf
        nearest.append(likeness.topk(k, dim=1).indices)
    return torch.cat(nearest)


def likeness_loss(latents: Tensor, partners: Tensor) -> Tensor:
    """Return the loss that is small if each neuron is closer to its partner than to the rest of the batch.

    ``−log q(z_i, p_i) / (q(z_i, p_i) + Σ_j q(z_i, z_j))`` with the heavy-tailed similarity
    ``q(a, b) = 1 / (1 + ‖a − b‖²)`` of t-SNE, in its contrastive form (Damrich et al. 2023).

    Parameters
    ----------
    latents : Tensor (n, D)
        A batch.
    partners : Tensor (n, D)
        For each neuron, a similar neuron.

    Returns
    -------
    Tensor
        Mean over the batch.
    """
    near = 1 + (latents - partners).square().sum(dim=1)
    apart = 1 / (1 + torch.cdist(latents, latents).square())
    others = apart.sum(dim=1) - apart.diagonal()
    return (near.log() + (others + 1 / near).log()).mean()
