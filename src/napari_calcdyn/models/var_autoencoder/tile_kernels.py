"""Compiled work on frames that are stored as tiles of 16-bit integers; each thread has some tiles.

``values`` (tiles, N, s²) times ``units`` (tiles, N) are the pixels, ``frames`` (n,) those that are read, and
``corners`` (4, tiles, s²) the footprints that meet in each tile. Frames are read four at a time, from distant places:
memory delivers four streams at twice the speed of one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
_STORED = "int16[:, :, ::1], float32[:, ::1]"
_LARGEST = np.float32(32767)


def _in_both_precisions(signature: str) -> list[str]:
    return [signature.replace("real", name) for name in ("float32", "float64")]


@njit(f"void(float32[:, :, ::1], int64, int64, int64, int64, {_STORED}, int64, int64)", **_OPTIONS)
def store(frames, margin, side, columns, first, values, units, start, stop):  # type: ignore[no-untyped-def]
    """Cut frames (n, Y, X), with a margin of zeros, into tiles, and store them from the frame ``first`` on."""
    height, width = frames.shape[1:]
    for tile in range(start, stop):
        top, left = tile // columns * side - margin, tile % columns * side - margin
        rows, inside = (
            range(max(top, 0), min(top + side, height)),
            range(max(left, 0), min(left + side, width)),
        )
        for n in range(len(frames)):
            largest = np.float32(0)
            for y in rows:
                for x in inside:
                    largest = max(largest, abs(frames[n, y, x]))
            stored = values[tile, first + n]
            units[tile, first + n] = largest / _LARGEST
            scale = _LARGEST / largest if largest > 0 else np.float32(0)
            stored[:] = 0
            for y in rows:
                at = (y - top) * side - left
                for x in inside:
                    stored[at + x] = np.int16(np.rint(frames[n, y, x] * scale))


@njit(
    f"void(float32[:, :, ::1], int64[:, :, ::1], int64, {_STORED}, int64[::1], float32[:, ::1], int64, int64)",
    **_OPTIONS,
)
def multiply(corners, owners, odd, values, units, frames, sums, start, stop):  # type: ignore[no-untyped-def]
    """Add the products of the frames and the corners to the ``sums`` (d, n) of their ``owners`` (rows, columns, 4).

    Does every other row of tiles, odd ones or even ones: row ``2·start + odd`` is the first.
    """
    quarter, last, across = -(-len(frames) // 4), len(frames) - 1, owners.shape[1]
    products = np.empty((4, len(frames)), np.float32)
    for at in range(start * across, stop * across):
        row = 2 * (at // across) + odd
        own, tile = owners[row, at % across], row * across + at % across
        first, second, third, fourth = corners[0, tile], corners[1, tile], corners[2, tile], corners[3, tile]
        for k in range(quarter):
            j, m, n = min(k + quarter, last), min(k + 2 * quarter, last), min(k + 3 * quarter, last)
            p, q = values[tile, frames[k]], values[tile, frames[j]]
            r, s = values[tile, frames[m]], values[tile, frames[n]]
            a0 = b0 = c0 = d0 = a1 = b1 = c1 = d1 = np.float32(0)
            a2 = b2 = c2 = d2 = a3 = b3 = c3 = d3 = np.float32(0)
            for i in range(p.size):
                a, b, c, d = first[i], second[i], third[i], fourth[i]
                w, x, y, z = np.float32(p[i]), np.float32(q[i]), np.float32(r[i]), np.float32(s[i])
                a0 += w * a
                b0 += w * b
                c0 += w * c
                d0 += w * d
                a1 += x * a
                b1 += x * b
                c1 += x * c
                d1 += x * d
                a2 += y * a
                b2 += y * b
                c2 += y * c
                d2 += y * d
                a3 += z * a
                b3 += z * b
                c3 += z * c
                d3 += z * d
            u, v, w, x = (
                units[tile, frames[k]],
                units[tile, frames[j]],
                units[tile, frames[m]],
                units[tile, frames[n]],
            )
            products[0, k], products[1, k], products[2, k], products[3, k] = u * a0, u * b0, u * c0, u * d0
            products[0, j], products[1, j], products[2, j], products[3, j] = v * a1, v * b1, v * c1, v * d1
            products[0, m], products[1, m], products[2, m], products[3, m] = w * a2, w * b2, w * c2, w * d2
            products[0, n], products[1, n], products[2, n], products[3, n] = x * a3, x * b3, x * c3, x * d3
        for corner in range(4):
            if own[corner] >= 0:
                sums[own[corner]] += products[corner]


@njit(
    f"void(float32[:, ::1], int64[:, ::1], {_STORED}, int64[::1], float32[:, :, ::1], int64, int64)",
    **_OPTIONS,
)
def differentiate(gradient, owners, values, units, frames, total, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``total``, the gradient of the corners, from the ``gradient`` (d, n) of the sums of their owners."""
    quarter, last = -(-len(frames) // 4), len(frames) - 1
    own = np.zeros((4, 4 * quarter), np.float32)  # zeros after the last frame
    for tile in range(start, stop):
        for corner in range(4):
            owner = owners[tile, corner]
            for n in range(len(frames)):
                own[corner, n] = units[tile, frames[n]] * gradient[owner, n] if owner >= 0 else np.float32(0)
        first, second, third, fourth = total[0, tile], total[1, tile], total[2, tile], total[3, tile]
        first[:] = 0
        second[:] = 0
        third[:] = 0
        fourth[:] = 0
        for k in range(quarter):
            j, m, n = k + quarter, k + 2 * quarter, k + 3 * quarter
            a0, b0, c0, d0 = own[0, k], own[1, k], own[2, k], own[3, k]
            a1, b1, c1, d1 = own[0, j], own[1, j], own[2, j], own[3, j]
            a2, b2, c2, d2 = own[0, m], own[1, m], own[2, m], own[3, m]
            a3, b3, c3, d3 = own[0, n], own[1, n], own[2, n], own[3, n]
            p, q = values[tile, frames[k]], values[tile, frames[min(j, last)]]
            r, s = values[tile, frames[min(m, last)]], values[tile, frames[min(n, last)]]
            for i in range(p.size):
                w, x, y, z = np.float32(p[i]), np.float32(q[i]), np.float32(r[i]), np.float32(s[i])
                first[i] += a0 * w + a1 * x + a2 * y + a3 * z
                second[i] += b0 * w + b1 * x + b2 * y + b3 * z
                third[i] += c0 * w + c1 * x + c2 * y + c3 * z
                fourth[i] += d0 * w + d1 * x + d2 * y + d3 * z


@njit(f"void({_STORED}, int64[::1], float32[:, ::1], int64, int64)", **_OPTIONS)
def square(values, units, frames, squares, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``squares`` (tiles, n) with the sum of squares of the pixels of every tile."""
    for tile in range(start, stop):
        for row, frame in enumerate(frames):
            pixels, total = values[tile, frame], np.float32(0)
            for i in range(pixels.size):
                pixel = np.float32(pixels[i])
                total += pixel * pixel
            squares[tile, row] = total * units[tile, frame] * units[tile, frame]


@njit(
    _in_both_precisions(
        "void(real[:, :, ::1], real[:, ::1], int64[:, ::1], int64[:, ::1], real[:, ::1], int64, int64)"
    ),
    **_OPTIONS,
)
def weigh(overlaps, latents, meeting, covered, weighted, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``weighted`` (d, n): for each latent the sum of those that it meets, times their ``overlaps`` (tiles, 4, 4).

    ``meeting`` (tiles, 4) are the latents in each tile, ``covered`` (d, 4) the tiles of each latent.
    """
    for j in range(start, stop):
        total = weighted[j]
        total[:] = 0
        for corner in range(4):
            tile = covered[j, corner]
            k, m, o, r = meeting[tile]
            a, b, c, d = overlaps[tile, corner]
            p, q, s, t = latents[k], latents[m], latents[o], latents[r]
            for n in range(total.size):
                total[n] += a * p[n] + b * q[n] + c * s[n] + d * t[n]


@njit(
    _in_both_precisions("void(real[:, ::1], real[::1], int64[:, ::1], real[:, :, ::1], int64, int64)"),
    **_OPTIONS,
)
def meet(latents, factors, meeting, products, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``products`` (tiles, 4, 4) of the latents that meet in each tile, every frame times its factor."""
    for tile in range(start, stop):
        for k in range(4):
            x = latents[meeting[tile, k]] * factors
            for m in range(k, 4):
                y = latents[meeting[tile, m]]
                total = factors.dtype.type(0)
                for n in range(x.size):
                    total += x[n] * y[n]
                products[tile, k, m] = products[tile, m, k] = total
