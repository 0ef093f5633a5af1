"""Prediction term of the objective: a sparse VAR, estimated on half of a batch and scored on the other half."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_calcdyn.models.lasso import solve_lasso
from napari_calcdyn.models.var import Moments
from napari_calcdyn.models.var.moments import lagged

_TINY = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A sparse VAR at a step of the training.

    Parameters
    ----------
    mean, std : Tensor (d,)
        Of the latents it was estimated on.
    coefficients : Tensor (p·d, d)
        Between latents of unit variance; a lasso solution, differentiable.
    moments : Moments
        The moments that it was estimated from.
    """

    mean: Tensor
    std: Tensor
    coefficients: Tensor
    moments: Moments

    def score(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Predict windows (W, L, d).

        Parameters
        ----------
        windows : Tensor (W, L, d)
            Stretches that the VAR was not estimated on.

        Returns
        -------
        residual, variance : Tensor ()
            ``mean ‖z − ẑ‖²`` and ``mean ‖z − mean z‖²``, summed over latents; the first is differentiable.
        """
        order = len(self.coefficients) // len(self.mean)
        predictors, targets = lagged((windows - self.mean) / self.std, order)
        residual = (targets - predictors @ self.coefficients) * self.std
        variance = windows.detach().flatten(0, 1).var(0, correction=0).sum()
        return residual.square().sum() / len(residual), variance


def universal_penalty(predictors: int, samples: float) -> float:
    """Return the penalty that noise alone does not pass: ``√(2 log P / n)`` for variables of unit variance.

    Donoho & Johnstone 1994, Biometrika 81:425.

    Parameters
    ----------
    predictors : int
        P.
    samples : float
        n.

    Returns
    -------
    float
        λ.
    """
    return math.sqrt(2 * math.log(predictors) / samples)


def estimate_var(
    windows: Tensor,
    order: int,
    weights: Tensor,
    *,
    memory: Estimate | None = None,
    span: float = 0,
) -> Estimate:
    """Estimate a sparse VAR on windows, differentiably, with the moments of earlier batches.

    A batch has hardly more samples than predictors. An estimate from one batch would be mostly noise, which the encoder
    would then fit. The moments of earlier batches are therefore kept, with decaying weight.

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Stretches of latents.
    order : int
        Number of lags p.
    weights : Tensor (p·d, d)
        Penalty weights.
    memory : Estimate, optional
        The estimate of the previous step; no gradient flows into it.
    span : float
        Samples over which the memory decays.

    Returns
    -------
    Estimate
        Differentiable in the windows.
    """
    mean = windows.mean((0, 1))
    centred = windows - mean
    std = centred.square().mean((0, 1)).add(_TINY).sqrt()
    moments = Moments.of(centred / std, order)
    if memory is not None:
        keep = max(0.0, 1 - moments.samples / span)
        past = memory.moments
        moments = moments + Moments(past.gram, past.cov, past.variance, keep * past.samples)
    coefficients = solve_lasso(
        moments.gram,
        moments.cov,
        universal_penalty(len(moments.gram), moments.samples),
        weights=weights,
        warm_start=None if memory is None else memory.coefficients,
    )
    return Estimate(mean, std, coefficients, moments)


def detached(estimate: Estimate) -> Estimate:
    """Return the estimate without its history."""
    moments = estimate.moments
    return dataclasses.replace(
        estimate,
        coefficients=estimate.coefficients.detach(),
        moments=Moments(
            moments.gram.detach(), moments.cov.detach(), moments.variance.detach(), moments.samples
        ),
    )


def draw_windows(frames: int, length: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw starts of windows that do not overlap: cut at a random phase, and choose pieces in random order.

    Parameters
    ----------
    frames : int
        Frames to draw from.
    length : int
        Frames in a window.
    count : int
        Largest number of windows; fewer if there is no room, always an even number.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor (W,), int64
        First frame of each window.
    """
    pieces = (frames - length) // length if frames >= 3 * length else frames // length
    phase = torch.randint(frames - pieces * length + 1, (1,), generator=generator)
    chosen = torch.randperm(pieces, generator=generator)[: min(count, pieces) // 2 * 2]
    return phase + chosen * length
