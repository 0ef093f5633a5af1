"""Compiled products of each latent with its partners, and their derivative.

``rows`` (1 + p, d, n) holds every latent at lags 0 to p. ``partners``, ``back`` and ``place`` (d, M) are lists of
`Neighbourhoods`. Each thread has some latents.
"""

from __future__ import annotations

from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
_LISTS = "int64[:, ::1], int32[:, ::1], int32[:, ::1]"


def _in_both_precisions(signature: str) -> list[str]:
    return [signature.replace("real", name) for name in ("float32", "float64")]


@njit(_in_both_precisions("real(real[::1], real[::1])"), **_OPTIONS)
def _dot(x, y):  # type: ignore[no-untyped-def]
    total = x[0] * y[0]
    for i in range(1, x.size):
        total += x[i] * y[i]
    return total


@njit(_in_both_precisions("void(real, real[::1], real[::1])"), **_OPTIONS)
def _add(factor, x, total):  # type: ignore[no-untyped-def]
    if factor != 0.0:  # most gradients of a sparse model are
        for i in range(x.size):
            total[i] += factor * x[i]


@njit(
    _in_both_precisions(
        f"void(real[:, :, ::1], {_LISTS}, real[:, :, :, ::1], real[:, :, ::1], real[::1], int64, int64)"
    ),
    **_OPTIONS,
)
def multiply(rows, partners, back, place, table, cov, variance, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``table`` (p, p, d, M), ``cov`` (p, K, d) and ``variance`` (d,) with sums of products."""
    order = len(rows) - 1
    for k in range(start, stop):
        variance[k] = _dot(rows[0, k], rows[0, k])
        for i in range(partners.shape[1]):
            m = partners[k, i]
            if m < 0:
                break
            if place[k, i] >= 0:
                for a in range(order):
                    cov[a, place[k, i], k] = _dot(rows[0, k], rows[a + 1, m])
            if m < k:  # done with the partner
                continue
            for a in range(order):
                for b in range(order):
                    product = _dot(rows[a + 1, k], rows[b + 1, m])
                    table[a, b, k, i] = product
                    table[b, a, m, back[k, i]] = product


@njit(
    _in_both_precisions(
        f"void(real[:, :, ::1], {_LISTS}, real[:, :, :, ::1], real[:, :, ::1], real[::1], real[:, :, ::1],"
        " int64, int64)"
    ),
    **_OPTIONS,
)
def differentiate(rows, partners, back, place, table, cov, variance, gradient, start, stop):  # type: ignore[no-untyped-def]
    """Add to ``gradient``, of ``rows``, what flows into the sums of products; ``table``, … are gradients of those."""
    order = len(rows) - 1
    for k in range(start, stop):
        _add(variance[k] + variance[k], rows[0, k], gradient[0, k])
        for i in range(partners.shape[1]):
            m = partners[k, i]
            if m < 0:
                break
            j = back[k, i]
            for a in range(order):
                if place[k, i] >= 0:
                    _add(cov[a, place[k, i], k], rows[a + 1, m], gradient[0, k])
                if place[m, j] >= 0:
                    _add(cov[a, place[m, j], m], rows[0, m], gradient[a + 1, k])
                for b in range(order):
                    _add(table[a, b, k, i] + table[b, a, m, j], rows[b + 1, m], gradient[a + 1, k])
