"""Compiled residuals of sparse VARs of two groups of blocks, for many groupings at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_calcdyn.models.lasso.kernels import solve_targets


@njit(
    "void(float64[:, :, ::1], float64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], float64, int64, int64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def gains_of_groupings(gram, cov, square, weight, threshold, start_at, gain, collinear, start, stop):  # type: ignore[no-untyped-def]
    """Fit both groups of groupings ``start`` to ``stop``, alone and together, and compare the squared residuals.

    Row 0 of the sums is all blocks, row ``i + 1`` the first group of grouping i; the second group is the rest.

    Parameters
    ----------
    gram : array (1 + B, q, q)
        Sums ``ZᵀZ``.
    cov : array (1 + B, d, q)
        Sums ``YᵀZ``, a target in each row.
    square : array (1 + B, d)
        Sums ``diag(YᵀY)``.
    weight : array (B, 4)
        Frames in the two groups, and the factor for the sums of each.
    threshold : array (d, q)
        Penalty of each coefficient.
    start_at : array (d, q)
        Coefficients to start from.
    gain : array (B, d)
        Gets ``(RSS_together − RSS_first − RSS_second) / RSS_together``; 0 for a target that does not vary.
    collinear : float
        As in the lasso.
    start, stop : int
        Which groupings, from 0.
    """
    targets, predictors = start_at.shape
    active = np.empty((targets, predictors), np.bool_)
    residual = np.empty((3, targets))
    for grouping in range(start, stop):
        row = grouping + 1
        n_first, n_second, first, second = weight[grouping]
        for group in range(3):
            # Group 2 is both together.
            mine = (first if group != 1 else 0.0) - (second if group != 0 else 0.0)
            whole = second if group != 0 else 0.0
            n = (n_first if group != 1 else 0.0) + (n_second if group != 0 else 0.0)
            g = (whole * gram[0] + mine * gram[row]) / n
            c = (whole * cov[0] + mine * cov[row]) / n
            a = start_at.copy()
            solve_targets(g, c, threshold, a, active, collinear, 0, targets)
            for j in range(targets):
                total = (whole * square[0, j] + mine * square[row, j]) / n
                for k in range(predictors):
                    if a[j, k] != 0.0:
                        fit = 0.0
                        for i in range(predictors):
                            fit += g[k, i] * a[j, i]
                        total += a[j, k] * (fit - 2 * c[j, k])
                residual[group, j] = n * total
        n = n_first + n_second
        for j in range(targets):
            gain[grouping, j] = 0.0
            if residual[2, j] > 1e-12 * n:
                gain[grouping, j] = 1 - (residual[0, j] + residual[1, j]) / residual[2, j]
