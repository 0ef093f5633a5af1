"""The sparse vector autoregression (VAR) over the latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import Tensor

from napari_calcdyn.models.lasso import lasso_path
from napari_calcdyn.models.lasso.cpu import solve_on_support
from napari_calcdyn.models.lasso.lasso import LassoPath
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.ranges import stretches

from .local_moments import moments_among
from .moments import Moments, with_past
from .neighbours import Neighbourhoods
from .selection import Selection, choose_penalty

MOST_KNOTS = 128
_CHUNK, _CHUNK_VALUES, _SHORTEST_CHUNK = 4096, 2**22, 256


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
    weights : Tensor (p·d, d) or (p·K, d)
        Penalty weights.
    penalty : Tensor (d,)
        λ of each target, for standardised latents.
    neighbourhoods : Neighbourhoods, optional
        The predictors of each target, K at most, if these are not all latents.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    moments: Moments
    weights: Tensor
    penalty: Tensor
    neighbourhoods: Neighbourhoods | None = None

    @property
    def latents(self) -> int:
        """Number of latents d."""
        return len(self.mean)

    @property
    def order(self) -> int:
        """Number of lags p."""
        near = self.neighbourhoods
        return len(self.moments.gram) // (self.latents if near is None else near.neighbours.shape[1])

    @cached_property
    def path(self) -> LassoPath:
        """The exact lasso path of every target, on standardised latents; computed at first use."""
        return trace_path(self.moments, self.weights)

    @cached_property
    def own_past(self) -> NDArray[np.float64]:
        """Coefficients (p, d) that predict every latent from its own past alone, by least squares."""
        own = torch.arange(self.latents)
        sources = own[:, None] if self.neighbourhoods is None else self.neighbourhoods.neighbours.T.cpu()
        active = (sources == own).repeat(self.order, 1)
        found = solve_on_support(self.moments.gram, self.moments.cov, active)
        return found.view(self.order, -1, self.latents).sum(1).numpy()

    @cached_property
    def _largest(self) -> Tensor:
        return self.path.lambda_max.detach()

    @property
    def lam(self) -> NDArray[np.float64]:
        """Penalty λ of each target, (d,), for standardised latents."""
        return self.penalty.numpy()

    @property
    def fraction(self) -> float:
        """Position on the path: the median over targets of λ/λ_max."""
        largest = self._largest
        return float((self.penalty / largest.clamp_min(torch.finfo(largest.dtype).tiny)).clamp(0, 1).median())

    @cached_property
    def standardised(self) -> NDArray[np.float64]:
        """Coefficients (p, d, d) as [lag, target, source] between latents of unit variance."""
        if self.neighbourhoods is None:
            return self._by_lag
        return np.stack([it.toarray() for it in self.neighbourhoods.connections(self._by_lag)])

    @cached_property
    def coefficients(self) -> NDArray[np.float32]:
        """Coefficients (p, d, d) as [lag, target, source], in units of the latents."""
        if self.neighbourhoods is None:
            return (self.standardised * (self.std[:, None] / self.std[None, :])).astype(np.float32)
        return np.stack([it.toarray() for it in self._sparse])

    @property
    def tables(self) -> list[NDArray[np.float32]] | list[csr_array]:
        """Coefficients of each lag, (d, d) as [target, source]; sparse matrices if only neighbours are predictors."""
        return list(self.coefficients) if self.neighbourhoods is None else self._sparse

    @property
    def nonzeros(self) -> int:
        """Number of coefficients that are not zero."""
        return int(np.count_nonzero(self._by_lag))

    @property
    def possible(self) -> int:
        """Number of coefficients that may be other than zero, at some point of the path."""
        near = self.neighbourhoods
        return self.order * (self.latents**2 if near is None else int((near.neighbours >= 0).sum()))

    @cached_property
    def _by_lag(self) -> NDArray[np.float64]:
        """Coefficients (p, d, d) or (p, d, K) as [lag, target, source] between latents of unit variance."""
        stacked = self.path.solve(self.penalty).detach()
        return stacked.view(self.order, -1, self.latents).transpose(1, 2).numpy()

    @cached_property
    def _sparse(self) -> list[csr_array]:
        assert self.neighbourhoods is not None
        units = self.std[:, None] / self.std[self.neighbourhoods.neighbours.numpy()]
        return self.neighbourhoods.connections((self._by_lag * units).astype(np.float32))

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
            penalty = fraction * self._largest
        else:
            assert nonzeros is not None
            penalty = self.path.penalty_at_nonzeros(nonzeros).detach()
        other = dataclasses.replace(self, penalty=penalty)
        # They are the same and are not computed twice.
        vars(other).update(path=self.path, _largest=self._largest)
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
        return self._predict(latents, [table.T for table in self.tables])

    def predict_from_own_past(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict every frame as `predict` does, each latent from its own past alone.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.

        Returns
        -------
        ndarray (T, d), float32
            The mean where there is no past.
        """
        return self._predict(latents, [diags_array(lag.astype(np.float32)) for lag in self.own_past])

    def _predict(self, latents: NDArray[np.floating], by_lag: Sequence[Any]) -> NDArray[np.float32]:
        centred = np.asarray(latents, np.float32) - self.mean.astype(np.float32)
        missing = np.isnan(centred.sum(1))
        predicted = np.zeros_like(centred)
        without_past = np.zeros(len(centred), bool)
        for lag, matrix in enumerate(by_lag, start=1):
            before = slice(self.order - lag, len(centred) - lag)
            predicted[self.order :] += centred[before] @ matrix
            without_past[self.order :] |= missing[before]
        predicted[without_past] = 0
        return predicted + self.mean.astype(np.float32)


def trace_path(moments: Moments, weights: Tensor) -> LassoPath:
    """Follow the lasso path as far as a selection may go: half the samples, at most 128 knots."""
    knots = max(2, min(MOST_KNOTS, int(moments.samples) // 2))
    return lasso_path(moments.gram, moments.cov, weights=weights, max_knots=knots)


def fit_var(
    latents: NDArray[np.floating],
    order: int,
    selection: Selection,
    *,
    weights: Tensor | None = None,
    neighbourhoods: Neighbourhoods | None = None,
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
    weights : Tensor (p·d, d) or (p·K, d), optional
        Penalty weights, as from `penalty_weights`; 1 by default.
    neighbourhoods : Neighbourhoods, optional
        Latents that may drive each one; all by default, which takes memory that grows with their squared number.

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
    chunk = max(_SHORTEST_CHUNK, min(_CHUNK, _CHUNK_VALUES // width))
    chunks = [
        latents[start - order : min(start + chunk, it.stop)]
        for it in pieces
        for start in range(it.start + order, it.stop, chunk)
    ]
    first = [latents[it.start : it.start + order] for it in pieces]
    std = np.sqrt(
        sum(np.square(part - mean).sum(0) for part in [*first, *(it[order:] for it in chunks)]) / frames
    )
    std[std == 0] = 1  # a constant latent: its column of G is zero, and the lasso leaves it out

    def moments_of(part: NDArray[np.floating], valid: Tensor | None = None) -> Moments:
        standardised = torch.from_numpy((part - mean) / std)[None]
        return moments_among(standardised, order, neighbourhoods, valid)

    moments = reduce(add, map(moments_of, chunks))
    if weights is None:
        weights = torch.ones_like(moments.cov)
    path = trace_path(moments, weights)
    folds = _folds(latents, order, moments_of) if selection.needs_blocks else []
    penalty = choose_penalty(path, moments, selection, folds, weights)
    var = VAR(mean, std, moments, weights, penalty, neighbourhoods)
    var.__dict__["path"] = path
    return var


def _folds(
    latents: NDArray[np.floating], order: int, moments_of: Callable[[NDArray[np.floating], Tensor], Moments]
) -> list[Moments]:
    """Return the moments of five consecutive blocks of time."""
    edges = np.linspace(0, len(latents), 6).astype(int)
    folds = []
    for block in (latents[a:b] for a, b in pairwise(edges)):
        valid = torch.from_numpy(np.isfinite(block).all(1))[None]
        if len(block) > order and with_past(valid, order).any():
            folds.append(moments_of(block, valid))
    return folds
