"""Compiled: what a sparse VAR of each of two groups of blocks leaves unexplained, for many groupings at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..models._lasso_kernels import solve_targets


@njit(
    "void(float64[:, :, ::1], float64[:, :, ::1], float64[:, ::1], float64[::1], float64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], float64, int64, int64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def residuals_of_groups(gram, cov, square, samples, threshold, start_at, residual, collinear, start, stop):  # type: ignore[no-untyped-def]
    """Fit both groups of groupings ``start`` to ``stop`` and add up their squared residuals.

    Row 0 of the sums is all blocks together, row i the first group of grouping i; the second group is the rest.

    Parameters
    ----------
    gram : array (1 + B, q, q)
        Sums ``ZᵀZ``.
    cov : array (1 + B, d, q)
        Sums ``YᵀZ``, a target in each row.
    square : array (1 + B, d)
        Sums ``diag(YᵀY)``.
    samples : array (1 + B,)
        Frames.
    threshold : array (d, q)
        Penalty of each coefficient.
    start_at : array (d, q)
        Coefficients to start from.
    residual : array (B, d)
        Gets the residual sums of squares of both groups.
    collinear : float
        As in the lasso.
    start, stop : int
        Which groupings, from 0.
    """
    targets, predictors = start_at.shape
    active = np.empty((targets, predictors), np.bool_)
    for grouping in range(start, stop):
        residual[grouping] = 0.0
        for group in range(2):
            sign = 1.0 if group == 0 else -1.0
            whole = 0.0 if group == 0 else 1.0
            row = grouping + 1
            n = whole * samples[0] + sign * samples[row]
            g = (whole * gram[0] + sign * gram[row]) / n
            c = (whole * cov[0] + sign * cov[row]) / n
            a = start_at.copy()
            solve_targets(g, c, threshold, a, active, collinear, 0, targets)
            for j in range(targets):
                total = (whole * square[0, j] + sign * square[row, j]) / n
                for k in range(predictors):
                    if a[j, k] != 0.0:
                        fit = 0.0
                        for i in range(predictors):
                            fit += g[k, i] * a[j, i]
                        total += a[j, k] * (fit - 2 * c[j, k])
                residual[grouping, j] += n * total
