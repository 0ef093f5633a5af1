"""The prediction term: a lasso VAR estimated on half of a batch, scored on the other half."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .lasso import lambda_max, solve_lasso
from .moments import Moments, lagged

_TINY = 1e-12


def prediction_error(
    fitted: Tensor,
    scored: Tensor,
    order: int,
    fraction: Tensor | float,
    weights: Tensor,
    power: Callable[[Tensor], Tensor],
    warm_start: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Relative error with which a VAR, estimated on some windows, predicts others; differentiable.

    Estimating and scoring on the same frames, an encoder learns to help the estimate overfit: with few more samples
    than predictors the error in the batch then falls while the one on held-out frames rises. The error is taken as
    the picture shows it. Taken between latents, it can be made small without any better prediction: two neighbours
    that carry the same large predictable signal with opposite signs cancel in the picture, and so cost nothing.

    Parameters
    ----------
    fitted : Tensor (W, L, d)
        Stretches of latents to estimate on.
    scored : Tensor (W', L', d)
        Stretches to predict; none of the frames of `fitted`.
    order : int
        Number of lags p.
    fraction : float or Tensor (d,)
        Penalty as a fraction of each target's λ_max.
    weights : Tensor (p·d, d)
        Penalty weights.
    power : callable
        Power of latents (n, d) as the picture shows it, ``mean ‖D z‖²``.
    warm_start : Tensor (p·d, d), optional
        Coefficients of the step before.

    Returns
    -------
    error : Tensor ()
        ``‖D (z − ẑ)‖² / ‖D (z − mean z)‖²`` over `scored`.
    coefficients : Tensor (p·d, d)
        The estimate, between latents of unit variance; detached.
    """
    mean = fitted.mean((0, 1))
    std = (fitted - mean).square().mean((0, 1)).add(_TINY).sqrt()
    moments = Moments.of((fitted - mean) / std, order)
    penalty = fraction * lambda_max(moments.gram, moments.cov, weights)
    coefficients = solve_lasso(moments.gram, moments.cov, penalty, weights=weights, warm_start=warm_start)
    predictors, targets = lagged((scored - mean) / std, order)
    residual = (targets - predictors @ coefficients) * std
    variation = (scored - scored.mean((0, 1))).flatten(0, 1)
    return power(residual) / (power(variation) + _TINY), coefficients.detach()


def draw_windows(frames: int, length: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw starts of windows that do not overlap: cut at a random phase, take some pieces in random order.

    Parameters
    ----------
    frames : int
        Frames to draw from.
    length : int
        Frames in a window.
    count : int
        Windows wanted; fewer where there is no room, an even number.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor (W,), int64
    """
    pieces = (frames - length) // length if frames >= 3 * length else frames // length
    phase = torch.randint(frames - pieces * length + 1, (1,), generator=generator)
    chosen = torch.randperm(pieces, generator=generator)[: min(count, pieces) // 2 * 2]
    return phase + chosen * length
