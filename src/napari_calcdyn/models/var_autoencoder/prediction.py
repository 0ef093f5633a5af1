"""Prediction term of the objective: a sparse VAR, estimated on half of a batch and scored on the other half."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_calcdyn.models.lasso import solve_lasso
from napari_calcdyn.models.lasso.local import joined, parts
from napari_calcdyn.models.var import Moments, Neighbourhoods
from napari_calcdyn.models.var.local_moments import local_residual, moments_among
from napari_calcdyn.models.var.moments import lagged

_TINY = 1e-12
_LEAST_USABLE = 0.5


@dataclass(frozen=True)
class Estimate:
    """A sparse VAR at a step of the training.

    Parameters
    ----------
    mean, std : Tensor (d,)
        Of the latents it was estimated on.
    coefficients : Tensor (p·d, d) or (p·K, d)
        Between latents of unit variance; a lasso solution, differentiable.
    moments : Moments
        The moments that it was estimated from.
    neighbourhoods : Neighbourhoods, optional
        The predictors of each target, K at most, if these are not all latents.
    """

    mean: Tensor
    std: Tensor
    coefficients: Tensor
    moments: Moments
    neighbourhoods: Neighbourhoods | None = None

    def residual(self, windows: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return ``mean (z − ẑ)²`` of every latent in windows (W, L, d), (d,); differentiable."""
        standardised = (windows - self.mean) / self.std
        a, near = self.coefficients, self.neighbourhoods
        if near is not None:
            return local_residual(standardised, a, near, valid).square().mean(1) * self.std.square()
        predictors, targets = lagged(standardised, len(a) // len(self.mean), valid)
        residual = (targets - predictors @ a) * self.std
        return residual.square().sum(0) / len(residual)

    def signal_share(self, noise: Tensor) -> Tensor:
        """Return the share of each latent's variance that is not this `noise`, (d,); without gradient."""
        return (1 - noise / self.std.square()).clamp(0, 1).detach()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the estimate as tensors."""
        moments = self.moments
        return {
            "mean": self.mean,
            "std": self.std,
            "coefficients": self.coefficients,
            "gram": parts(moments.gram)[0],
            "cov": moments.cov,
            "variance": moments.variance,
            "samples": torch.tensor(moments.samples, dtype=torch.float64),
        }

    @classmethod
    def of_state(cls, state: dict[str, Tensor], neighbourhoods: Neighbourhoods | None) -> Estimate:
        """Return the estimate that `state_dict` was called on, whose neighbourhoods are no part of it."""
        gram = joined(state["gram"], None if neighbourhoods is None else neighbourhoods.pairs)
        moments = Moments(gram, state["cov"], state["variance"], float(state["samples"]))
        return cls(state["mean"], state["std"], state["coefficients"], moments, neighbourhoods)


def total_variance(windows: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return ``mean ‖z − mean z‖²`` of windows (W, L, d); without gradient."""
    return spread(windows.detach(), valid)


def spread(windows: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return ``mean ‖z − mean z‖²`` of windows (W, L, d); differentiable."""
    frames = chosen(windows, valid)
    return (frames - frames.mean(0)).square().mean(0).sum()


def chosen(windows: Tensor, valid: Tensor | None) -> Tensor:
    """Return the frames of windows (W, L, d) that can be used, (n, d)."""
    return windows.flatten(0, 1) if valid is None else windows[valid]


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
    valid: Tensor | None = None,
    memory: Estimate | None = None,
    span: float = 0,
    neighbourhoods: Neighbourhoods | None = None,
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
    weights : Tensor (p·d, d) or (p·K, d)
        Penalty weights.
    valid : Tensor (W, L), bool, optional
        Frames that can be used.
    memory : Estimate, optional
        The estimate of the previous step; no gradient flows into it.
    span : float
        Samples over which the memory decays.
    neighbourhoods : Neighbourhoods, optional
        Latents that may drive each one, on the device of the windows; all by default.

    Returns
    -------
    Estimate
        Differentiable in the windows.
    """
    mean = chosen(windows, valid).mean(0)
    centred = windows - mean
    std = chosen(centred, valid).square().mean(0).add(_TINY).sqrt()
    moments = moments_among(centred / std, order, neighbourhoods, valid)
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
    return Estimate(mean, std, coefficients, moments, neighbourhoods)


def detached(estimate: Estimate) -> Estimate:
    """Return the estimate without its history."""
    state = {name: value.detach() for name, value in estimate.state_dict().items()}
    return Estimate.of_state(state, estimate.neighbourhoods)


def draw_windows(
    frames: int, length: int, count: int, generator: torch.Generator, usable: Tensor | None = None
) -> Tensor:
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
    usable : Tensor (frames,), bool, optional
        Frames that can be used with their past: windows with fewer than half of such frames are not drawn.

    Returns
    -------
    Tensor (W,), int64
        First frame of each window.
    """
    pieces = (frames - length) // length if frames >= 3 * length else frames // length
    phase = torch.randint(frames - pieces * length + 1, (1,), generator=generator)
    order = torch.randperm(pieces, generator=generator)
    if usable is not None:
        share = usable.float()[phase : phase + pieces * length].view(pieces, length).mean(1)
        order = order[share[order] >= _LEAST_USABLE]
    return phase + order[: min(count, len(order)) // 2 * 2] * length
