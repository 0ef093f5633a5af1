"""Latents on a grid that drive their neighbours, and the full problems that local ones are tested against."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from napari_calcdyn.models.var.moments import Moments
from napari_calcdyn.models.var.neighbours import Neighbourhoods

SPACING = 8.0


def centres(rows: int = 6, columns: int = 7, empty: int = 5, seed: int = 0) -> Tensor:
    """Places of a grid in any order, some of them empty, (d, 2)."""
    grid = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    draw = torch.Generator().manual_seed(seed)
    return SPACING * (grid[torch.randperm(len(grid), generator=draw)][empty:] + 0.5).float()


def latents(at: Tensor, samples: int = 400, seed: int = 0) -> Tensor:
    """Latents (n, d) of unit variance, each driven by itself and some neighbours at lags 1 and 2."""
    rng = np.random.default_rng(seed)
    near = torch.cdist(at, at).numpy() <= 1.5 * SPACING
    tables = [
        near * rng.choice([0, 0, 1], near.shape) * rng.normal(0, size, near.shape) for size in (0.4, 0.2)
    ]
    z = np.zeros((samples + 2, len(at)))
    for t in range(2, len(z)):
        z[t] = np.tanh(tables[0] @ z[t - 1] + tables[1] @ z[t - 2]) + rng.standard_normal(len(at))
    z = z[2:] - z[2:].mean(0)
    return torch.from_numpy(z / z.std(0))


def members(hood: Neighbourhoods, target: int, order: int) -> Tensor:
    """Where the predictors of a target are among those of the full problem; -1 for missing neighbours."""
    of = hood.neighbours[target]
    lags = torch.arange(order)[:, None] * len(hood.neighbours)
    return torch.where(of >= 0, of + lags, -1).flatten()


def own(full: Moments, hood: Neighbourhoods, target: int) -> tuple[Tensor, Tensor, Tensor]:
    """The dense problem of one target: which of its predictors exist, their Gram matrix and covariances (P, 1)."""
    order = len(full.gram) // len(hood.neighbours)
    index = members(hood, target, order)
    there = index >= 0
    index = index[there]
    return there, full.gram[index][:, index], full.cov[index, target, None]
