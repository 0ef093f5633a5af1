"""How much each connection is penalised."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbourhoods


def penalty_weights(
    centres: Tensor,
    spacing: float,
    order: int,
    *,
    distance_penalty: float = 0.0,
    penalise_own_past: bool = True,
    neighbourhoods: Neighbourhoods | None = None,
) -> Tensor:
    """Return the penalty weight of each connection.

    Parameters
    ----------
    centres : Tensor (d, 2)
        Centre of each latent, in pixels.
    spacing : float
        Distance between neighbours, in pixels.
    order : int
        Number of lags p.
    distance_penalty : float
        By how much the weight grows over the distance to a neighbour; 0 penalises all connections equally.
    penalise_own_past : bool
        Whether a latent's own past is penalised like any other connection.
    neighbourhoods : Neighbourhoods, optional
        The predictors of each target, if these are not all latents.

    Returns
    -------
    Tensor (p·d, d) or (p·K, d), float64
        ``1 + ρ·distance/spacing``; 0 for a latent's own past if that is not penalised.
    """
    at = centres.cpu().double()
    if neighbourhoods is not None:
        sources = neighbourhoods.neighbours.T.cpu()
        distances: Tensor = torch.linalg.vector_norm(at[sources] - at, dim=2)
        weights = 1 + distance_penalty / spacing * distances
        if not penalise_own_past:
            weights[sources == torch.arange(len(at))] = 0
        return weights.repeat(order, 1)
    weights = 1 + distance_penalty / spacing * torch.cdist(at, at)
    if not penalise_own_past:
        weights.fill_diagonal_(0)
    return weights.repeat(order, 1)


def own_past_free(columns: int, order: int, own_order: int) -> Tensor:
    """Return penalty weights where a column's own past is free, and longer than that of the others.

    Parameters
    ----------
    columns : int
        Number of columns d.
    order : int
        Lags of other columns.
    own_order : int
        Lags of a column's own past.

    Returns
    -------
    Tensor (p·d, d), float64
        0 for the own past, 1 for the others, infinite for lags that a predictor does not have; p is the larger order.
    """
    longest = max(order, own_order)
    weights = torch.full((longest, columns, columns), torch.inf, dtype=torch.float64)
    weights[:order] = 1
    own = torch.arange(columns)
    weights[:, own, own] = torch.inf
    weights[:own_order, own, own] = 0
    return weights.flatten(0, 1)
