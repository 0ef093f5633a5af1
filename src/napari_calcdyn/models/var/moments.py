"""Second moments of stretches of latents, which are all that a VAR needs and can be added."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def lagged(windows: Tensor, order: int) -> tuple[Tensor, Tensor]:
    """Cut windows into predictors and targets.

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Stretches of latents; a window's first `order` frames are predictors only.
    order : int
        Number of lags p.

    Returns
    -------
    predictors : Tensor (n, p·d)
        Lag 1 of all latents first, then lag 2, …
    targets : Tensor (n, d)
        ``n = W (L − p)``.
    """
    length = windows.shape[1]
    past = [windows[:, order - lag : length - lag] for lag in range(1, order + 1)]
    return torch.cat(past, 2).flatten(0, 1), windows[:, order:].flatten(0, 1)


@dataclass(frozen=True)
class Moments:
    """Second moments of predictors Z and targets Y: ``G = ZᵀZ/n``, ``C = ZᵀY/n``, ``diag(YᵀY)/n``.

    Parameters
    ----------
    gram : Tensor (p·d, p·d)
        G.
    cov : Tensor (p·d, d)
        C.
    variance : Tensor (d,)
        Mean square of each target.
    samples : float
        n; a decayed memory counts in part.
    """

    gram: Tensor
    cov: Tensor
    variance: Tensor
    samples: float

    @classmethod
    def of(cls, windows: Tensor, order: int) -> Moments:
        """Compute the moments of stretches of latents, differentiably.

        Parameters
        ----------
        windows : Tensor (W, L, d)
            Centred latents.
        order : int
            Number of lags p.

        Returns
        -------
        Moments
            Pooled over the windows.
        """
        predictors, targets = lagged(windows, order)
        n = len(predictors)
        return cls(predictors.T @ predictors / n, predictors.T @ targets / n, targets.square().mean(0), n)

    def __add__(self, other: Moments) -> Moments:
        """Pool the moments of two stretches."""
        n = self.samples + other.samples
        mine, theirs = self.samples / n, other.samples / n
        return Moments(
            mine * self.gram + theirs * other.gram,
            mine * self.cov + theirs * other.cov,
            mine * self.variance + theirs * other.variance,
            n,
        )
