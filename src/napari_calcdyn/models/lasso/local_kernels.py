"""Compiled lasso with a Gram matrix for each target: put together from the shared table, then the shared kernels.

Arrays hold one target per row. The flat ``table`` (p, p, d·M) and the places ``pairs`` (d, K, K) of a target's
pairs in it are those of `LocalGram`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from . import kernels
from .homotopy import trace_targets as _trace_targets
from .kernels import _OPTIONS, MAX_ROUNDS

_solve_target, _solve_supports = kernels.solve_target, kernels.solve_supports


@njit("UniTuple(int64, 3)(int32[:, ::1], int64, int64)", **_OPTIONS)
def _place(pairs, k, m):  # type: ignore[no-untyped-def]
    """Return where predictors k and m of the target with these pairs (K, K) are in the table; -1 if nowhere."""
    width = len(pairs)
    a, i, b, j = k // width, k % width, m // width, m % width
    if i > j or (i == j and a > b):
        return b, a, pairs[j, i]
    return a, b, pairs[i, j]


@njit("void(float64[:, :, ::1], int32[:, ::1], float64[:, ::1])", **_OPTIONS)
def _assemble(table, pairs, gram):  # type: ignore[no-untyped-def]
    """Fill the Gram matrix (p·K, p·K) of the target with these pairs (K, K)."""
    lags, width = table.shape[0], pairs.shape[0]
    for a in range(lags):
        for b in range(lags):
            for i in range(width):
                for k in range(i + (a > b), width):
                    value = table[a, b, pairs[i, k]] if pairs[i, k] >= 0 else 0.0
                    gram[a * width + i, b * width + k] = value
                    gram[b * width + k, a * width + i] = value


@njit(
    "int64(float64[:, :, ::1], int32[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1],"
    " boolean[:, ::1], float64, int64, int64)",
    **_OPTIONS,
)
def solve_targets(table, pairs, covariance, threshold, a, active, collinear, start, stop):  # type: ignore[no-untyped-def]
    """Do what the kernel of this name does for a shared Gram matrix."""
    p = covariance.shape[1]
    gram = np.empty((p, p))
    members, factor, step, gradient = np.empty(p, np.int64), np.empty((p, p)), np.empty(p), np.empty(p)
    missed = size = 0
    for j in range(start, stop):
        warm = False
        for k in range(p):
            warm |= a[j, k] != 0.0 and threshold[j, k] < np.inf
        if warm:  # most often a few rows are enough
            for k in range(p):
                if a[j, k] != 0.0 or threshold[j, k] == 0.0:
                    for m in range(p):
                        at = _place(pairs[j], k, m)
                        gram[k, m] = table[at] if at[2] >= 0 else 0.0
            size = _solve_target(
                gram, covariance[j], threshold[j], a[j], members, factor, step, gradient, collinear, 1
            )
        if not warm or size < 0:
            _assemble(table, pairs[j], gram)
            size = _solve_target(
                gram,
                covariance[j],
                threshold[j],
                a[j],
                members,
                factor,
                step,
                gradient,
                collinear,
                MAX_ROUNDS,
            )
        missed += size < 0
        for i in range(max(size, -1 - size)):
            active[j, members[i]] = True
    return missed


@njit(
    "void(float64[:, :, ::1], int32[:, :, ::1], float64[:, ::1], boolean[:, ::1], float64[:, ::1], float64,"
    " int64, int64)",
    **_OPTIONS,
)
def solve_supports(table, pairs, right, active, x, collinear, start, stop):  # type: ignore[no-untyped-def]
    """Do what the kernel of this name does for a shared Gram matrix."""
    p = right.shape[1]
    gram = np.empty((p, p))
    for j in range(start, stop):
        for k in range(p):
            for m in range(k, p if active[j, k] else k):
                if active[j, m]:
                    gram[k, m] = gram[m, k] = table[_place(pairs[j], k, m)]
        _solve_supports(gram, right, active, x, collinear, j, j + 1)


@njit(
    "int64(float64[:, :, ::1], int32[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1],"
    " int32[:, ::1], int8[:, ::1], float64[:, ::1], int32[:, ::1], int32[::1], boolean[:, ::1], boolean[::1],"
    " float64, int64, int64)",
    **_OPTIONS,
)
def trace_targets(  # type: ignore[no-untyped-def]
    table,
    pairs,
    covariance,
    weights,
    knots,
    variable,
    event,
    fit,
    nonzeros,
    counts,
    base,
    ended,
    tolerance,
    start,
    stop,
):
    """Do what the kernel of this name does for a shared Gram matrix."""
    p = covariance.shape[1]
    gram = np.empty((p, p))
    longest = 0
    for j in range(start, stop):
        _assemble(table, pairs[j], gram)
        count = _trace_targets(
            gram,
            covariance,
            weights,
            knots,
            variable,
            event,
            fit,
            nonzeros,
            counts,
            base,
            ended,
            tolerance,
            j,
            j + 1,
        )
        longest = max(longest, count)
    return longest


@njit(
    "void(float64[:, :, ::1], int32[:, :, ::1], float64[:, ::1], float64[:, ::1], int64, int64)", **_OPTIONS
)
def multiply(table, pairs, x, product, start, stop):  # type: ignore[no-untyped-def]
    """``product[j] = gram_j x[j]``; x is sparse."""
    for j in range(start, stop):
        product[j] = 0.0
        for k in range(x.shape[1]):
            if x[j, k] != 0.0:
                for m in range(x.shape[1]):
                    place = _place(pairs[j], k, m)
                    if place[2] >= 0:
                        product[j, m] += x[j, k] * table[place]


@njit("void(int32[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1])", **_OPTIONS)
def add_outer(pairs, x, y, table):  # type: ignore[no-untyped-def]
    """Add ``x[j] y[j]ᵀ`` to where the Gram matrix of each target comes from.

    Targets share entries: one thread does all of them. It visits only non-zeros.
    """
    p = x.shape[1]
    used = np.empty(p, np.int64)
    for j in range(len(pairs)):
        size = 0
        for k in range(p):
            if x[j, k] != 0.0 or y[j, k] != 0.0:
                used[size] = k
                size += 1
        for k in used[:size]:
            for m in used[:size]:
                place = _place(pairs[j], k, m)
                if place[2] >= 0:
                    table[place] += x[j, k] * y[j, m]


@njit("int64(float64[:, :, ::1], int32[:, :, ::1], float64, int64, int64)", **_OPTIONS)
def count_suspects(table, pairs, equal, start, stop):  # type: ignore[no-untyped-def]
    """Count latents with a row of the table in which another one may be the same; without any, no target has twins.

    A target's own latent is one of its neighbours, or it is counted, too.
    """
    columns = table.shape[2] // len(pairs)
    suspects = 0
    for j in range(start, stop):
        own = -1
        for i in range(pairs.shape[1]):
            if pairs[j, i, i] >= 0 and pairs[j, i, i] // columns == j:
                own = pairs[j, i, i]
        suspect = own < 0
        for a in range(len(table)):
            least = equal * table[a, a, own]
            for b in range(len(table)):
                found = 0
                for k in range(j * columns, (j + 1) * columns):
                    found += abs(table[a, b, k]) >= least
                suspect |= found > (a == b)
        suspects += suspect
    return suspects


@njit(
    "void(float64[:, :, ::1], int32[:, :, ::1], float64, int64[:, ::1], int64, int64)",
    **_OPTIONS,
)
def find_leaders(table, pairs, equal, leader, start, stop):  # type: ignore[no-untyped-def]
    """Find, for every variable of a target, the first one that is the same but for its sign, or itself.

    Two are the same where their product is at least the share ``equal`` of the larger one's square.
    """
    p = leader.shape[1]
    gram = np.empty((p, p))
    for j in range(start, stop):
        _assemble(table, pairs[j], gram)
        for k in range(p):
            leader[j, k] = k
            for m in range(k):
                if gram[m, m] > 0.0 and abs(gram[k, m]) >= equal * max(gram[k, k], gram[m, m]):
                    leader[j, k] = m
                    break
