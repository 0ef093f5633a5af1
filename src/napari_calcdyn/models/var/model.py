"""The sparse vector autoregression (VAR) over the latents."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.lasso import lasso_path
from napari_calcdyn.models.lasso.lasso import LassoPath
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.ranges import stretches

from .moments import Moments, with_past
from .selection import Selection, choose_penalty

MOST_KNOTS = 128
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class VAR:
    """A VAR(p) whose coefficients are a lasso estimate: ``ẑ[t] − μ = Σ_l A_l (z[t−l] − μ)``.

    The estimate uses latents of unit variance and a penalty for each target; coefficients are returned in units of the
    latents. `fit_var` makes it.

    Parameters
    ----------
    mean, std : ndarray (d,), float64
        Mean μ and standard deviation of the latents that were fitted.
    moments : Moments
        Second moments of the standardised latents.
    weights : Tensor (p·d, d)
        Penalty weights.
    penalty : Tensor (d,)
        λ of each target, for standardised latents.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    moments: Moments
    weights: Tensor
    penalty: Tensor

    @property
    def latents(self) -> int:
        """Number of latents d."""
        return len(self.mean)

    @property
    def order(self) -> int:
        """Number of lags p."""
        return len(self.moments.gram) // self.latents

    @cached_property
    def path(self) -> LassoPath:
        """The exact lasso path of every target, on standardised latents; computed at first use."""
        return trace_path(self.moments, self.weights)

    @property
    def lam(self) -> NDArray[np.float64]:
        """Penalty λ of each target, (d,), for standardised latents."""
        return self.penalty.numpy()

    @property
    def fraction(self) -> float:
        """Position on the path: the median over targets of λ/λ_max."""
        largest = self.path.lambda_max
        return float((self.penalty / largest.clamp_min(torch.finfo(largest.dtype).tiny)).clamp(0, 1).median())

    @cached_property
    def standardised(self) -> NDArray[np.float64]:
        """Coefficients (p, d, d) as [lag, target, source] between latents of unit variance."""
        stacked = self.path.solve(self.penalty).detach()
        return stacked.view(self.order, self.latents, self.latents).transpose(1, 2).numpy()

    @cached_property
    def coefficients(self) -> NDArray[np.float32]:
        """Coefficients (p, d, d) as [lag, target, source], in units of the latents."""
        return (self.standardised * (self.std[:, None] / self.std[None, :])).astype(np.float32)

    @property
    def nonzeros(self) -> int:
        """Number of coefficients that are not zero."""
        return int(np.count_nonzero(self.standardised))

    def at(self, *, fraction: float | None = None, nonzeros: int | None = None) -> VAR:
        """Return the model at another point of the path.

        Parameters
        ----------
        fraction : float, optional
            The same fraction of every target's λ_max: 1 is the empty model, 0 least squares.
        nonzeros : int, optional
            The fullest model with at most this many connections into each latent.

        Returns
        -------
        VAR
            Shares moments and path with this one.

        Raises
        ------
        InputError
            If not exactly one of the two is given, or it is out of range.
        """
        if (fraction is None) == (nonzeros is None):
            raise InputError("Give either a fraction of λ_max or a number of non-zeros.")
        if fraction is not None:
            if not 0 <= fraction <= 1:
                raise InputError(f"A fraction of λ_max lies between 0 and 1; it is {fraction:g}.")
            penalty = fraction * self.path.lambda_max.detach()
        else:
            assert nonzeros is not None
            penalty = self.path.penalty_at_nonzeros(nonzeros).detach()
        other = dataclasses.replace(self, penalty=penalty)
        other.__dict__["path"] = self.path  # the path is the same and is not computed twice
        return other

    def predict(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict every frame from the frames before it.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.

        Returns
        -------
        ndarray (T, d), float32
            The mean where there is no past: in the first `order` rows, and after rows of NaN.
        """
        centred = np.asarray(latents, np.float32) - self.mean.astype(np.float32)
        predicted = np.zeros_like(centred)
        for lag, matrix in enumerate(self.coefficients, start=1):
            predicted[self.order :] += centred[self.order - lag : len(centred) - lag] @ matrix.T
        predicted[np.isnan(predicted).any(1)] = 0
        return predicted + self.mean.astype(np.float32)


def trace_path(moments: Moments, weights: Tensor) -> LassoPath:
    """Follow the lasso path as far as a selection may go: half the samples, at most 128 knots."""
    knots = max(2, min(MOST_KNOTS, int(moments.samples) // 2))
    return lasso_path(moments.gram, moments.cov, weights=weights, max_knots=knots)


def penalty_weights(
    centres: Tensor,
    spacing: float,
    order: int,
    *,
    distance_penalty: float = 0.0,
    penalise_own_past: bool = True,
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

    Returns
    -------
    Tensor (p·d, d), float64
        ``1 + ρ·distance/spacing``; 0 for a latent's own past if that is not penalised.
    """
    at = centres.cpu().double()
    weights = 1 + distance_penalty / spacing * torch.cdist(at, at)
    if not penalise_own_past:
        weights.fill_diagonal_(0)
    return weights.repeat(order, 1)


def fit_var(
    latents: NDArray[np.floating], order: int, selection: Selection, *, weights: Tensor | None = None
) -> VAR:
    """Estimate a sparse VAR.

    Parameters
    ----------
    latents : ndarray (T, d)
        Latents in time order. Frames that are left out are rows of NaN: no sample has one of them as target or
        predictor.
    order : int
        Number of lags p.
    selection : Selection
        How the penalty is chosen.
    weights : Tensor (p·d, d), optional
        Penalty weights, as from `penalty_weights`; 1 by default.

    Returns
    -------
    VAR
        At the chosen point of the path.

    Raises
    ------
    InputError
        If there are too few frames for the order.
    """
    width = latents.shape[1]
    pieces = [it for it in stretches(np.isfinite(latents).all(1)) if len(it) > order]
    frames = sum(map(len, pieces))
    if frames < 2 * order + 4:
        raise InputError(f"{frames} frames are too few for a VAR of order {order}: take a longer recording.")
    mean = sum(latents[it.start : it.stop].sum(0, dtype=np.float64) for it in pieces) / frames
    chunks = [
        latents[start - order : min(start + _CHUNK, it.stop)]
        for it in pieces
        for start in range(it.start + order, it.stop, _CHUNK)
    ]
    first = [latents[it.start : it.start + order] for it in pieces]
    std = np.sqrt(
        sum(np.square(chunk - mean).sum(0) for chunk in [*first, *(it[order:] for it in chunks)]) / frames
    )
    std[std == 0] = 1  # a constant latent: its column of G is zero, and the lasso leaves it out

    moments = reduce(add, (Moments.of(torch.from_numpy((it - mean) / std)[None], order) for it in chunks))
    if weights is None:
        weights = torch.ones(order * width, width, dtype=torch.float64)
    path = trace_path(moments, weights)
    folds = _folds(latents, mean, std, order) if selection.rule == "cross-validation" else []
    var = VAR(mean, std, moments, weights, choose_penalty(path, moments, selection, folds, weights))
    var.__dict__["path"] = path
    return var


def _folds(
    latents: NDArray[np.floating], mean: NDArray[np.float64], std: NDArray[np.float64], order: int
) -> list[Moments]:
    """Return the moments of five consecutive blocks of time."""
    edges = np.linspace(0, len(latents), 6).astype(int)
    folds = []
    for block in (torch.from_numpy((latents[a:b] - mean) / std)[None] for a, b in pairwise(edges)):
        valid = block.isfinite().all(2)
        if len(block[0]) > order and with_past(valid, order).any():
            folds.append(Moments.of(block, order, valid))
    return folds
