"""What columns get from their own past, estimated for all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LAGS = 5
"""Frames of its own past that a column is predicted from; as many as the maps average."""
_ROUNDS = 30
_RIDGE = 1e-9


class OwnPastSums:
    """Sums of products of columns and their own last frames.

    Parameters
    ----------
    columns : int
        Number of columns d.
    """

    def __init__(self, columns: int) -> None:
        self.gram = np.zeros((columns, LAGS, LAGS))
        self.cov = np.zeros((columns, LAGS))
        self.power = np.zeros(columns)
        self.samples = 0

    def add(self, past: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Add a stretch without gaps.

        Parameters
        ----------
        past : ndarray (n, d), float64
            Deviations from the mean, in time order.
        targets : ndarray (n − LAGS, d), float64
            What is predicted: the columns from frame LAGS on, or what is left of them.
        """
        before = [past[LAGS - lag : len(past) - lag] for lag in range(1, LAGS + 1)]
        for a, one in enumerate(before):
            self.cov[:, a] += (one * targets).sum(0)
            for b, other in enumerate(before[a:], start=a):
                self.gram[:, a, b] += (one * other).sum(0)
                self.gram[:, b, a] = self.gram[:, a, b]
        self.power += np.square(targets).sum(0)
        self.samples += len(targets)

    def coefficients(self) -> NDArray[np.float64]:
        """Estimate the coefficients of every column, drawn towards those that are usual among the columns.

        Five coefficients of a noisy column are uncertain, and more so in a short recording. Columns of one recording
        are alike: their coefficients count as drawn from one normal distribution, whose mean and covariance are
        estimated with them (empirical Bayes; Efron & Morris 1973, J. Am. Stat. Assoc. 68:117; by expectation and
        maximisation). A column that tells much about itself keeps what least squares say.

        Returns
        -------
        ndarray (LAGS, d), float64
            0 for a constant column. By least squares alone where there are too few columns to tell what is usual.
        """
        size = np.trace(self.gram, axis1=1, axis2=2)
        varies = size > 0
        gram = self.gram + np.where(varies, _RIDGE * size, 1.0)[:, None, None] * np.eye(LAGS)
        found = np.linalg.solve(gram, self.cov[..., None])[..., 0]
        if varies.sum() > 2 * LAGS:
            found[varies] = self._pooled(gram[varies], found[varies], varies)
        return np.ascontiguousarray(found.T)

    def _pooled(
        self, gram: NDArray[np.float64], alone: NDArray[np.float64], chosen: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        cov, power = self.cov[chosen], self.power[chosen]
        left = np.maximum(power - (cov * alone).sum(1), 1e-12 * power + 1e-300)
        noise = left / max(self.samples - LAGS, 1)
        precision, told = gram / noise[:, None, None], cov / noise[:, None]
        found, least = alone, 1e-9 * np.eye(LAGS)
        mean, spread = alone.mean(0), np.cov(alone.T) + least
        for _ in range(_ROUNDS):
            inverse = np.linalg.inv(spread)
            uncertainty = np.linalg.inv(precision + inverse)
            found = (uncertainty @ (told + inverse @ mean)[..., None])[..., 0]
            mean = found.mean(0)
            away = found - mean
            spread = (away[:, :, None] * away[:, None, :] + uncertainty).mean(0) + least
        return found
