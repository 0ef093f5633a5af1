"""Compiled products of each latent with its partners, what its neighbours do not predict, and their derivatives.

``rows`` (1 + p, d, n) holds every latent at lags 0 to p. ``neighbours`` (d, K), ``partners``, ``back`` and ``place``
(d, M) are lists of `Neighbourhoods`. Each thread has some latents, and takes their partners four at a time: a row is
short, so that most of the time would go to beginning a loop.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
_LISTS = "int64[:, ::1], int64[:, ::1], int32[:, ::1], int32[:, ::1]"


def _in_both_precisions(signature: str) -> list[str]:
    return [signature.replace("real", name) for name in ("float32", "float64")]


@njit(_in_both_precisions("void(real[::1], real[:, ::1], int64[::1], int64, real[::1])"), **_OPTIONS)
def _multiply(x, rows, chosen, first, products):  # type: ignore[no-untyped-def]
    """Fill ``products`` with those of a row and the chosen ones, from the place ``first`` to the last or a -1."""
    stop = first
    while stop < chosen.size and chosen[stop] >= 0:
        stop += 1
    for i in range(first, stop, 4):
        j, k, m = min(i + 1, stop - 1), min(i + 2, stop - 1), min(i + 3, stop - 1)
        p, q, r, s = rows[chosen[i]], rows[chosen[j]], rows[chosen[k]], rows[chosen[m]]
        a = b = c = d = x.dtype.type(0)
        for t in range(x.size):
            a += x[t] * p[t]
            b += x[t] * q[t]
            c += x[t] * r[t]
            d += x[t] * s[t]
        products[i], products[j], products[k], products[m] = a, b, c, d


@njit(_in_both_precisions("void(real[::1], real[:, ::1], int64[::1], real[::1])"), **_OPTIONS)
def _add(factors, rows, chosen, total):  # type: ignore[no-untyped-def]
    """Add the chosen rows to ``total``, each times its factor; most factors of a sparse model are 0."""
    count = 0
    for i in range(chosen.size):
        if chosen[i] >= 0 and factors[i] != 0:
            chosen[count], factors[count] = chosen[i], factors[i]
            count += 1
    whole = count - count % 4
    for i in range(0, whole, 4):
        p, q, r, s = rows[chosen[i]], rows[chosen[i + 1]], rows[chosen[i + 2]], rows[chosen[i + 3]]
        a, b, c, d = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        for t in range(total.size):
            total[t] += a * p[t] + b * q[t] + c * r[t] + d * s[t]
    for i in range(whole, count):
        p, a = rows[chosen[i]], factors[i]
        for t in range(total.size):
            total[t] += a * p[t]


@njit(
    _in_both_precisions(
        f"void(real[:, :, ::1], {_LISTS}, real[:, :, :, ::1], real[:, :, ::1], real[::1], int64, int64)"
    ),
    **_OPTIONS,
)
def multiply(rows, neighbours, partners, back, place, table, cov, variance, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``table`` (p, p, d, M), ``cov`` (p, d, K) and ``variance`` (d,) with sums of products."""
    order = len(rows) - 1
    for k in range(start, stop):
        variance[k] = (rows[0, k] * rows[0, k]).sum()
        own = 0  # partners before it have stored the products already
        while partners[k, own] < k:
            own += 1
        for a in range(order):
            _multiply(rows[0, k], rows[a + 1], neighbours[k], 0, cov[a, k])
            for b in range(order):
                _multiply(rows[a + 1, k], rows[b + 1], partners[k], own, table[a, b, k])
                for i in range(own, partners.shape[1]):
                    m = partners[k, i]
                    if m < 0:
                        break
                    table[b, a, m, back[k, i]] = table[a, b, k, i]


@njit(
    _in_both_precisions(
        f"void(real[:, :, ::1], {_LISTS}, real[:, :, :, ::1], real[:, :, ::1], real[::1], real[:, :, ::1],"
        " int64, int64)"
    ),
    **_OPTIONS,
)
def differentiate(rows, neighbours, partners, back, place, table, cov, variance, gradient, start, stop):  # type: ignore[no-untyped-def]
    """Add to ``gradient``, of ``rows``, what flows into the sums of products; ``table``, … are gradients of those."""
    order = len(rows) - 1
    for k in range(start, stop):
        gradient[0, k] += (variance[k] + variance[k]) * rows[0, k]
        for a in range(order):
            _add(cov[a, k].copy(), rows[a + 1], neighbours[k].copy(), gradient[0, k])
            factors = table[a, 0, k].copy()
            for i in range(factors.size):
                m = partners[k, i]
                at = place[m, back[k, i]] if place[k, i] >= 0 else -1  # neighbours are so both ways
                factors[i] = cov[a, m, at] if at >= 0 else 0
            _add(factors, rows[0], partners[k].copy(), gradient[a + 1, k])
            for b in range(order):
                factors[:] = table[a, b, k]
                for i in range(factors.size):
                    m = partners[k, i]
                    if m >= 0:
                        factors[i] += table[b, a, m, back[k, i]]
                _add(factors, rows[b + 1], partners[k].copy(), gradient[a + 1, k])


@njit(
    _in_both_precisions("void(real[:, :, ::1], int64[:, ::1], real[:, :, ::1], real[:, ::1], int64, int64)"),
    **_OPTIONS,
)
def subtract(rows, neighbours, coefficients, residual, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``residual`` (d, n): the targets less their neighbours times the ``coefficients`` (p, d, K)."""
    for j in range(start, stop):
        residual[j] = rows[0, j]
        for a in range(len(coefficients)):
            _add(-coefficients[a, j], rows[a + 1], neighbours[j].copy(), residual[j])


@njit(
    _in_both_precisions(
        f"void(real[:, :, ::1], {_LISTS}, real[:, :, ::1], real[:, ::1], real[:, :, ::1], real[:, :, ::1],"
        " int64, int64)"
    ),
    **_OPTIONS,
)
def differentiate_residual(  # type: ignore[no-untyped-def]
    rows, neighbours, partners, back, place, coefficients, gradient, of_rows, of_coefficients, start, stop
):
    """Fill the gradients of ``rows`` and of ``coefficients`` from the ``gradient`` (d, n) of the residual."""
    for k in range(start, stop):
        of_rows[0, k] = gradient[k]
        for a in range(len(coefficients)):
            _multiply(-gradient[k], rows[a + 1], neighbours[k], 0, of_coefficients[a, k])
            factors = np.zeros(partners.shape[1], coefficients.dtype)
            for i in range(factors.size):
                m = partners[k, i]
                at = place[m, back[k, i]] if place[k, i] >= 0 else -1  # neighbours are so both ways
                if at >= 0:
                    factors[i] = -coefficients[a, m, at]
            _add(factors, gradient, partners[k].copy(), of_rows[a + 1, k])
