"""Compiled lasso at one penalty: coordinate descent that ends in an exact solve on the active set.

All arrays hold one target per row and are float64. Variables that may never enter (constant columns,
twins) carry an infinite threshold, unpenalised ones a threshold of zero.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered (vectorised dot products); NaN and infinity keep their meaning.
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
MAX_ROUNDS = 500
_MAX_SWEEPS = 20
_KKT_TOLERANCE = 1e-11  # of the target's largest covariance: a hundred times below what is promised
_PHANTOM = 1e-13  # a coefficient that moves its own gradient by this share is rounding of an exact zero
_NULL = 1e-6  # accuracy of a null direction that rests on a pivot near the rounding of the input


@njit("boolean(float64[:, ::1], int64[::1], int64, float64[:, ::1], float64)", **_OPTIONS)
def extend_factor(gram, members, size, factor, collinear):  # type: ignore[no-untyped-def]
    """Add row ``size`` to the Cholesky factor of ``gram[members[:size]]``; False where it is collinear."""
    k = members[size]
    pivot = gram[k, k]
    for i in range(size):
        total = gram[k, members[i]]
        for j in range(i):
            total -= factor[size, j] * factor[i, j]
        total /= factor[i, i]
        factor[size, i] = total
        pivot -= total * total
    if not pivot > collinear * gram[k, k]:
        return False
    factor[size, size] = np.sqrt(pivot)
    return True


@njit("void(float64[:, ::1], int64, float64[::1])", **_OPTIONS)
def solve_upper(factor, size, x):  # type: ignore[no-untyped-def]
    """Solve ``Lᵀ x = x`` in place."""
    for i in range(size - 1, -1, -1):
        x[i] /= factor[i, i]
        for j in range(i):
            x[j] -= factor[i, j] * x[i]


@njit("void(float64[:, ::1], int64, float64[::1])", **_OPTIONS)
def solve_factored(factor, size, x):  # type: ignore[no-untyped-def]
    """Solve ``L Lᵀ x = x`` in place."""
    for i in range(size):
        total = x[i]
        for j in range(i):
            total -= factor[i, j] * x[j]
        x[i] = total / factor[i, i]
    solve_upper(factor, size, x)


@njit("void(int64[::1], int64, int64)", **_OPTIONS)
def remove_member(members, size, index):  # type: ignore[no-untyped-def]
    """Close the gap that member ``index`` leaves in a list of ``size``."""
    for i in range(index, size - 1):
        members[i] = members[i + 1]


@njit("void(float64[:, ::1], float64[::1], float64[::1], float64[::1])", **_OPTIONS)
def _negative_gradient(gram, covariance, a, gradient):  # type: ignore[no-untyped-def]
    """``gradient = covariance − gram a``, skipping the zeros of ``a``."""
    p = a.size
    for k in range(p):
        gradient[k] = covariance[k]
    for k in range(p):
        if a[k] != 0.0:
            value = a[k]
            for i in range(p):
                gradient[i] -= value * gram[k, i]


@njit("boolean(float64[:, ::1], float64[::1], float64[::1], float64[::1])", **_OPTIONS)
def _sweep(gram, threshold, a, gradient):  # type: ignore[no-untyped-def]
    """Minimise over each coordinate once; True when the set of non-zeros changed."""
    changed = False
    p = a.size
    for k in range(p):
        t = threshold[k]
        if t == np.inf:
            continue
        old = a[k]
        z = gradient[k] + gram[k, k] * old
        new = 0.0
        if z > t:
            new = (z - t) / gram[k, k]
        elif z < -t:
            new = (z + t) / gram[k, k]
        if new != old:
            delta = new - old
            a[k] = new
            changed |= (new == 0.0) != (old == 0.0)
            for i in range(p):
                gradient[i] -= delta * gram[k, i]
    return changed


@njit(
    "int64(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], int64[::1], int64, float64[::1])",
    **_OPTIONS,
)
def _slide(gram, factor, threshold, a, members, size, v):  # type: ignore[no-untyped-def]
    """Resolve a collinear active set by moving along its null direction until a coefficient is zero.

    Member ``size`` is a combination of the members before it. Along ``v`` with ``gram v = 0`` the fit stays
    and the penalty changes linearly; where it does not change, the later member gives way. An unpenalised
    member leaves only where the direction holds no penalised one.
    Returns which member is to be dropped.
    """
    for i in range(size):
        v[i] = -factor[size, i]
    solve_upper(factor, size, v)
    v[size] = 1.0
    last = members[size]
    slope = 0.0
    weight = 0.0
    for i in range(size + 1):
        k = members[i]
        if abs(v[i]) * np.sqrt(gram[k, k]) <= _NULL * np.sqrt(gram[last, last]):
            v[i] = 0.0
        slope += threshold[k] * np.sign(a[k]) * v[i]
        weight += threshold[k] * abs(v[i])
    direction = -np.sign(a[last]) if abs(slope) <= _NULL * weight else -np.sign(slope)
    length = np.inf
    drop = size
    for i in range(size + 1):
        k = members[i]
        move = direction * v[i]
        may_leave = threshold[k] > 0.0 or (i == size and weight == 0.0)
        if may_leave and a[k] * move < 0.0 and -a[k] / move <= length:
            length = -a[k] / move
            drop = i
    if length < np.inf:
        for i in range(size + 1):
            a[members[i]] += length * direction * v[i]
    return drop


@njit(
    "int64(float64[:, ::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[:, ::1],"
    " float64[::1], float64)",
    **_OPTIONS,
)
def _polish(gram, covariance, threshold, a, members, factor, step, collinear):  # type: ignore[no-untyped-def]
    """Minimise exactly over the non-zeros, dropping those that reach zero on the way.

    Every move stays in the orthant of ``a`` and lowers the objective, so rounds of sweeps and this one end
    after finitely many. Returns the number of members.
    """
    size = 0
    for k in range(a.size):
        if threshold[k] == 0.0 or a[k] != 0.0:
            members[size] = k
            size += 1
    factored = 0
    while True:
        while factored < size:
            if extend_factor(gram, members, factored, factor, collinear):
                factored += 1
                continue
            drop = _slide(gram, factor, threshold, a, members, factored, step)
            a[members[drop]] = 0.0
            remove_member(members, size, drop)
            size -= 1
            factored = min(factored, drop)
        for i in range(size):
            k = members[i]
            step[i] = covariance[k] - threshold[k] * np.sign(a[k])
        solve_factored(factor, size, step)
        largest = 0.0
        for i in range(size):
            largest = max(largest, step[i] * step[i] * gram[members[i], members[i]])
        length = 1.0
        drop = -1
        for i in range(size):
            k = members[i]
            size_of_terms = abs(covariance[k]) + threshold[k] + np.sqrt(gram[k, k] * largest)
            if threshold[k] > 0.0 and step[i] * np.sign(a[k]) * gram[k, k] <= _PHANTOM * size_of_terms:
                reach = 0.0 if a[k] == 0.0 else 1.0
                if step[i] * a[k] < 0.0:
                    reach = a[k] / (a[k] - step[i])
                if drop < 0 or reach < length:
                    length = reach
                    drop = i
        for i in range(size):
            k = members[i]
            a[k] = step[i] if drop < 0 else a[k] + length * (step[i] - a[k])
        if drop < 0:
            return size
        a[members[drop]] = 0.0
        remove_member(members, size, drop)
        size -= 1
        factored = drop


@njit(
    "int64(float64[:, ::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[:, ::1], float64[::1],"
    " float64[::1], float64, int64)",
    **_OPTIONS,
)
def solve_target(gram, covariance, threshold, a, members, factor, step, gradient, collinear, rounds):  # type: ignore[no-untyped-def]
    """Solve one target in place from the values in ``a``, in so many rounds at most.

    The first round after a warm start looks at rows of ``gram`` only where ``a`` is not zero, or the threshold is.
    Returns the number of members, or less than 0 if the tolerance was missed: ``-1 - members``.
    """
    p = a.size
    scale = 0.0
    warm = False
    for k in range(p):
        if threshold[k] == np.inf:
            a[k] = 0.0
        else:
            scale = max(scale, abs(covariance[k]))
            warm |= a[k] != 0.0
    _negative_gradient(gram, covariance, a, gradient)
    size = 0
    for turn in range(rounds):
        # A warm start most often has the right signs already: try those before any sweep.
        if turn > 0 or not warm:
            for _ in range(_MAX_SWEEPS):
                if not _sweep(gram, threshold, a, gradient):
                    break
        size = _polish(gram, covariance, threshold, a, members, factor, step, collinear)
        _negative_gradient(gram, covariance, a, gradient)
        rounding = 0.0
        for i in range(size):
            rounding += abs(a[members[i]]) * gram[members[i], members[i]]
        tolerance = max(_KKT_TOLERANCE * scale, 1e-15 * rounding)
        solved = True
        for k in range(p):
            if a[k] == 0.0 and threshold[k] > 0.0:
                solved &= abs(gradient[k]) <= threshold[k] + tolerance
        if solved:
            return size
    return -1 - size


@njit(
    "int64(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], boolean[:, ::1], float64,"
    " int64, int64)",
    **_OPTIONS,
)
def solve_targets(gram, covariance, threshold, a, active, collinear, start, stop):  # type: ignore[no-untyped-def]
    """Solve targets ``start`` to ``stop`` in place from the values in ``a``.

    Returns how many of them missed the tolerance.
    """
    p = gram.shape[0]
    members, factor, step, gradient = np.empty(p, np.int64), np.empty((p, p)), np.empty(p), np.empty(p)
    missed = 0
    for j in range(start, stop):
        size = solve_target(
            gram, covariance[j], threshold[j], a[j], members, factor, step, gradient, collinear, MAX_ROUNDS
        )
        missed += size < 0
        for i in range(max(size, -1 - size)):
            active[j, members[i]] = True
    return missed


@njit(
    "void(float64[:, ::1], float64[:, ::1], boolean[:, ::1], float64[:, ::1], float64, int64, int64)",
    **_OPTIONS,
)
def solve_supports(gram, right, active, x, collinear, start, stop):  # type: ignore[no-untyped-def]
    """``x[j, S] = gram[S, S]⁻¹ right[j, S]`` with S the active set; collinear members are left at zero."""
    p = gram.shape[0]
    members = np.empty(p, np.int64)
    factor = np.empty((p, p))
    step = np.empty(p)
    for j in range(start, stop):
        size = 0
        for k in range(p):
            if active[j, k]:
                members[size] = k
                if extend_factor(gram, members, size, factor, collinear):
                    step[size] = right[j, k]
                    size += 1
        solve_factored(factor, size, step)
        for i in range(size):
            x[j, members[i]] = step[i]
