"""Scores of the connections of a VAR, which white noise gives no more often than it should."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .debiased_var import DebiasedVAR


@dataclass(frozen=True, eq=False)
class Scores:
    """How closely what a target does beyond its own past follows the past of each other column.

    With one lag, the score of a connection is ``|d · r| / (|d| σ)``. The residual r is what the target's own past and
    its other sources leave, refitted without the connection. The predictor d is the source's past, freed from that of
    all other columns but *not from the target's*, of which the residual is free already. A t-value of least squares
    frees both. But a target's past holds its earlier residuals, and by chance the source's past resembles it: freed
    from it, the source depends on the residuals that it is tested on, and 9 to 14 % of recordings without connections
    show one where 5 % are wanted. With more lags, the score is the length of what r has in common with all
    predictors of a source: its successive frames are alike, so that none of them alone adds much to the others.

    Attributes
    ----------
    fit : DebiasedVAR
        The estimate.
    own : ndarray (d, p), int64
        Rows of each column's own past.
    taken : ndarray (d, p, p·d), float64
        How much of the target's own predictors is taken back, [target, own lag, predictor].
    length : ndarray (d, p·d), float64
        ``|d| σ``; 0 where there is nothing to test: own past, and columns that are constant.
    alike : ndarray (d, d, p, p), float64, or None
        Inverse of the correlation between a source's predictors, [target, source, lag, lag]; None with one lag.
    """

    fit: DebiasedVAR
    own: NDArray[np.int64]
    taken: NDArray[np.float64]
    length: NDArray[np.float64]
    alike: NDArray[np.float64] | None

    @classmethod
    def of(cls, fit: DebiasedVAR) -> Scores:
        """Prepare the scores of an estimate."""
        (frames, width), order = fit.residuals.shape, fit.order
        own = np.arange(order) * width + np.arange(width)[:, None]
        # Inverse of a matrix without some rows and columns, from the inverse of the whole (Schur complement).
        within = fit.precision[own[:, :, None], own[:, None, :]]
        taken = np.linalg.solve(within, fit.precision[own])
        spread = fit.design.T @ fit.design / frames
        among = spread[own[:, :, None], own[:, None, :]]
        # Products of the freed predictors of each source, [target, source, lag, lag].
        products = np.empty((width, width, order, order))
        by_lag = [slice(lag * width, (lag + 1) * width) for lag in range(order)]
        back = np.einsum("jab,jbq->jaq", among, taken) - 2 * spread[own]
        for (a, first), (b, second) in product(enumerate(by_lag), repeat=2):
            shared = np.einsum("jak,jak->jk", taken[:, :, first], back[:, :, second])
            products[:, :, a, b] = np.diag(spread[first, second]) + shared
        products = (products + products.swapaxes(2, 3)) / 2
        power = np.einsum("jkaa->jak", products).reshape(width, -1)
        length = np.sqrt(np.maximum(power, 0) * fit.noise[:, None] * frames)
        length[:, np.diag(fit.gram)[: len(fit.precision)] == 0] = 0
        np.put_along_axis(length, own, 0, 1)
        return cls(fit, own, taken, length, _inverse_correlation(products) if order > 1 else None)

    def of_residuals(self, residuals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of residuals (n, d) to which nothing is returned, (d, d) as [target, source]."""
        return self._scores(self._freed(residuals))

    def values(self) -> NDArray[np.float64]:
        """Return the scores of the estimate, (d, d) as [target, source]."""
        fit = self.fit
        tested, width = len(fit.precision), len(self.own)
        freed = self._freed(fit.residuals)
        products = len(fit.residuals) * fit.precision @ fit.gram[:tested]  # of designs and past
        for target in range(width):
            support = np.flatnonzero(fit.sparse[:, target])
            sources = np.where(support < tested, support % width, target)
            inverse = (
                np.linalg.pinv(fit.gram[np.ix_(support, support)]) if (sources != target).any() else None
            )
            for source in np.unique(sources[sources != target]):
                assert inverse is not None
                # What the source adds beyond the rest of the support goes back into the residual.
                chosen = np.flatnonzero(sources == source)
                beyond = np.linalg.solve(inverse[np.ix_(chosen, chosen)], inverse[chosen])
                returned = fit.sparse[support[chosen], target] @ beyond
                lags = self.own[source]
                own = self.taken[target][:, lags].T @ products[np.ix_(self.own[target], support)]
                freed[target, lags] += (products[np.ix_(lags, support)] - own) @ returned
        return self._scores(freed)

    def _freed(self, residuals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the products of freed predictors and residuals (n, d), (d, p·d) as [target, predictor]."""
        products = self.fit.design.T @ residuals
        targets = np.arange(len(self.own))[:, None]
        freed: NDArray[np.float64] = products.T - np.einsum(
            "jaq,ja->jq", self.taken, products[self.own, targets]
        )
        return freed

    def _scores(self, freed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale products (d, p·d) of freed predictors and residuals."""
        scaled = np.divide(freed, self.length, where=self.length > 0, out=np.zeros_like(freed))
        if self.alike is None:
            return np.abs(scaled)
        lags = scaled.reshape(len(scaled), self.fit.order, -1)
        together = np.einsum("jak,jkab,jbk->jk", lags, self.alike, lags)
        scores: NDArray[np.float64] = np.sqrt(np.maximum(together, 0))
        return scores


def _inverse_correlation(products: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.sqrt(np.maximum(np.einsum("jkaa->jka", products), 1e-300))
    correlation = products / (size[..., :, None] * size[..., None, :])
    # A constant column, and a source that is the target, have nothing.
    correlation[~(size > 1e-12).all(-1)] = np.eye(products.shape[-1])
    inverse: NDArray[np.float64] = np.linalg.inv(correlation + 1e-6 * np.eye(products.shape[-1]))
    return inverse
