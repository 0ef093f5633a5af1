"""Second moments of stretches of latents, which are all that a VAR needs and can be added."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_calcdyn.models.lasso.local import Gram, joined, parts


def lagged(windows: Tensor, order: int, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cut windows into predictors and targets.

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Stretches of latents; a window's first `order` frames are predictors only.
    order : int
        Number of lags p.
    valid : Tensor (W, L), bool, optional
        Frames that can be used: a target is left out with its predictors where one of them cannot.

    Returns
    -------
    predictors : Tensor (n, p·d)
        Lag 1 of all latents first, then lag 2, …
    targets : Tensor (n, d)
        ``n = W (L − p)``, less what is left out.
    """
    length = windows.shape[1]
    past = [windows[:, order - lag : length - lag] for lag in range(1, order + 1)]
    predictors, targets = torch.cat(past, 2).flatten(0, 1), windows[:, order:].flatten(0, 1)
    if valid is None:
        return predictors, targets
    kept = with_past(valid, order).flatten()
    return predictors[kept], targets[kept]


def with_past(valid: Tensor, order: int) -> Tensor:
    """Tell which frames can be used together with the `order` frames before them.

    Parameters
    ----------
    valid : Tensor (W, L), bool
        Frames that can be used.
    order : int
        Number of lags p.

    Returns
    -------
    Tensor (W, L − p), bool
        For every frame from the p-th on.
    """
    return valid.unfold(1, order + 1, 1).all(2)


@dataclass(frozen=True)
class Moments:
    """Second moments of predictors Z and targets Y: ``G = ZᵀZ/n``, ``C = ZᵀY/n``, ``diag(YᵀY)/n``.

    Parameters
    ----------
    gram : Tensor (p·d, p·d) or LocalGram
        G; of each target, over its own predictors, if these are its neighbours only.
    cov : Tensor (p·d, d) or (p·K, d)
        C.
    variance : Tensor (d,)
        Mean square of each target.
    samples : float
        n; a decayed memory counts in part.
    """

    gram: Gram
    cov: Tensor
    variance: Tensor
    samples: float

    @classmethod
    def of(cls, windows: Tensor, order: int, valid: Tensor | None = None) -> Moments:
        """Compute the moments of stretches of latents, differentiably.

        Parameters
        ----------
        windows : Tensor (W, L, d)
            Centred latents.
        order : int
            Number of lags p.
        valid : Tensor (W, L), bool, optional
            Frames that can be used; see `lagged`.

        Returns
        -------
        Moments
            Pooled over the windows.
        """
        predictors, targets = lagged(windows, order, valid)
        n = len(predictors)
        return cls(predictors.T @ predictors / n, predictors.T @ targets / n, targets.square().mean(0), n)

    def __add__(self, other: Moments) -> Moments:
        """Pool the moments of two stretches."""
        n = self.samples + other.samples
        mine, theirs = self.samples / n, other.samples / n
        (values, pairs), (others, _) = parts(self.gram), parts(other.gram)
        return Moments(
            joined(mine * values + theirs * others, pairs),
            mine * self.cov + theirs * other.cov,
            mine * self.variance + theirs * other.variance,
            n,
        )
