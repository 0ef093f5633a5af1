"""Compiled LARS-lasso: the exact piecewise linear path of every target, stored as its events.

On a segment with active set S and signs s, ``a_S(λ) = b − λ d`` with ``G_SS b = c_S`` and ``G_SS d = w_S s``,
and ``c − G a = e + λ h`` with ``e = c − G b``, ``h = G d``. Both are computed afresh on every segment, so no
error builds up along the path (Efron et al. 2004, Ann. Statist. 32:407; Osborne et al. 2000).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .kernels import _OPTIONS, extend_factor, remove_member, solve_factored

JOINS, LEAVES = 1, 2
_END = 1e-12  # of λ_max: what lies below is rounding, the path ends at zero there
_TIED = 1e-11  # a variable this close to staying at its bound all along does not join


@njit(
    "void(float64[:, ::1], float64[::1], float64[::1], int8[::1], int64[::1], int64, float64[:, ::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1])",
    **_OPTIONS,
)
def _segment(gram, covariance, weight, sign, members, size, factor, b, d, e, h):  # type: ignore[no-untyped-def]
    """Fill ``b, d`` (per member) and ``e, h`` (per variable) for an active set."""
    for i in range(size):
        k = members[i]
        b[i] = covariance[k]
        d[i] = weight[k] * sign[k]
    solve_factored(factor, size, b)
    solve_factored(factor, size, d)
    p = e.size
    for k in range(p):
        e[k] = covariance[k]
        h[k] = 0.0
    for i in range(size):
        k = members[i]
        step, slope = b[i], d[i]
        for other in range(p):
            e[other] -= step * gram[k, other]
            h[other] += slope * gram[k, other]


@njit(
    "int64(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int32[:, ::1], int8[:, ::1],"
    " float64[:, ::1], int32[:, ::1], int32[::1], boolean[:, ::1], boolean[::1], float64, int64, int64)",
    **_OPTIONS,
)
def trace_targets(  # type: ignore[no-untyped-def]
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
    first,
    last,
):
    """Trace targets ``first`` to ``last``; each row of the outputs holds one target.

    At knot i, ``variable[i]`` joins (``event`` ±1) or leaves (±2, the sign it had) for the segment below;
    ``fit`` is the explained variance ``2aᵀc − aᵀGa``; ``base`` marks the unpenalised active set.
    Returns the number of knots of the longest path.
    """
    p = gram.shape[0]
    capacity = knots.shape[1]
    members = np.empty(p, np.int64)
    factor = np.empty((p, p))
    sign = np.empty(p, np.int8)
    barred = np.empty(p, np.bool_)
    b, d, e, h = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    longest = 0
    for j in range(first, last):
        c, w = covariance[j], weights[j]
        size = 0
        for k in range(p):
            sign[k] = 0
            barred[k] = w[k] == np.inf or w[k] == 0.0
            if w[k] == 0.0:
                members[size] = k
                if extend_factor(gram, members, size, factor, tolerance):
                    sign[k] = 1
                    base[j, k] = True
                    size += 1
        lam = np.inf
        largest = -1.0
        count = 0
        while True:
            _segment(gram, c, w, sign, members, size, factor, b, d, e, h)
            below = 0.0
            which = -1
            side = 0
            # Candidates that turn out collinear with the active set are barred until it loses a member.
            while True:
                below = 0.0
                which = -1
                for i in range(size):
                    k = members[i]
                    if w[k] > 0.0 and sign[k] * d[i] < 0.0 and b[i] / d[i] > below:
                        below = b[i] / d[i]
                        which = i
                        side = LEAVES * sign[k]
                for k in range(p):
                    if sign[k] == 0 and not barred[k]:
                        s = 1 if e[k] > 0.0 else -1
                        gap = w[k] - s * h[k]
                        if gap > _TIED * w[k] and s * e[k] > below * gap:
                            below = s * e[k] / gap
                            which = k
                            side = JOINS * s
                if largest < 0.0:
                    largest = below
                below = min(below, lam)
                if below <= _END * largest:
                    which = -1
                    below = 0.0
                    break
                if abs(side) == LEAVES:
                    break
                members[size] = which
                if extend_factor(gram, members, size, factor, tolerance):
                    break
                barred[which] = True
            # The knot, with the coefficients that both of its segments share.
            explained = 0.0
            nonzero = 0
            for i in range(size):
                k = members[i]
                value = b[i] - below * d[i]
                explained += value * (c[k] + below * w[k] * sign[k])
                leaves = which == i and abs(side) == LEAVES
                nonzero += value != 0.0 and not leaves
            knots[j, count] = below
            fit[j, count] = explained
            nonzeros[j, count] = nonzero
            variable[j, count] = -1
            event[j, count] = 0
            lam = below
            if which < 0:
                count += 1
                ended[j] = True
                break
            event[j, count] = side
            if abs(side) == JOINS:
                variable[j, count] = which
                sign[which] = side
                size += 1
            else:
                variable[j, count] = members[which]
                sign[members[which]] = 0
                remove_member(members, size, which)
                size -= 1
                for i in range(which, size):
                    extend_factor(gram, members, i, factor, 0.0)
                for k in range(p):
                    barred[k] = w[k] == np.inf or w[k] == 0.0
            count += 1
            if count == capacity:
                break
        counts[j] = count
        longest = max(longest, count)
    return longest
