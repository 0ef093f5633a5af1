"""Gram matrices of targets that have different predictors, kept as one table of what they share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LocalGram:
    """A Gram matrix for each target, over predictors of its own; stands where one shared (P, P) matrix would.

    The predictors of target j are its K neighbours at lags 1 to p, lag 1 of all neighbours first: ``P = p·K``. Two
    targets with a pair of neighbours in common share its moments, so that all matrices, (d, P, P), are parts of one
    small table. The table has every pair twice; the one in the row of the lower latent counts.

    Parameters
    ----------
    table : Tensor (p, p, d, M), float32 or float64
        ``E[z_k[t−a] z_m[t−b]]`` at ``[a−1, b−1]`` of latent k and its partner m; the only part with a gradient.
    pairs : Tensor (d, K, K), int32
        Where the pair of neighbours i and i' of target j is in the last two axes, flattened; -1 where there is no such
        neighbour: its predictor is constant and stays out of the model.
    """

    table: Tensor
    pairs: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (P, P) of the matrix of each target."""
        size = len(self.table) * self.pairs.shape[1]
        return size, size

    def __len__(self) -> int:
        """Return the number of predictors P of a target."""
        return self.shape[0]

    @property
    def targets(self) -> int:
        """Number of targets d."""
        return len(self.pairs)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the table."""
        return self.table.dtype

    @property
    def device(self) -> torch.device:
        """Device of the table."""
        return self.table.device

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows into the table."""
        return self.table.requires_grad

    def detach(self) -> LocalGram:
        """Return the same matrices without their history.

        Returns
        -------
        LocalGram
            Shares memory with this one.
        """
        return replace(self, table=self.table.detach())

    def diagonal(self) -> Tensor:
        """Return the diagonals.

        Returns
        -------
        Tensor (P, d)
            Zero where there is no such neighbour.
        """
        own = self.pairs.diagonal(dim1=1, dim2=2).t().long()
        lags = self.table.diagonal(dim1=0, dim2=1).flatten(0, 1).t()
        return torch.where(own >= 0, lags[:, own.clamp_min(0)], 0.0).flatten(0, 1)


Gram = Tensor | LocalGram
"""One Gram matrix (P, P) that all targets share, or one for each."""


def parts(gram: Gram) -> tuple[Tensor, Tensor | None]:
    """Return what a Gram matrix is made from: numbers, with a gradient, and places, without; see `joined`."""
    return (gram.table, gram.pairs) if isinstance(gram, LocalGram) else (gram, None)


def joined(values: Tensor, pairs: Tensor | None) -> Gram:
    """Make a Gram matrix from its `parts`."""
    return values if pairs is None else LocalGram(values, pairs)
