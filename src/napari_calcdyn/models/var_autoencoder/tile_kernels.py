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


@njit("void(float32[:, ::1], int64, float32, float32, float32, float32, float32)", **_OPTIONS)
def _write(products, row, unit, a, b, c, d):  # type: ignore[no-untyped-def]
    products[0, row] = unit * a
    products[1, row] = unit * b
    products[2, row] = unit * c
    products[3, row] = unit * d


@njit("UniTuple(float32, 4)(float32[:, ::1], float32[::1], int64[::1], int64)", **_OPTIONS)
def _factors(gradient, units, frames, row):  # type: ignore[no-untyped-def]
    """Return what the pixels of a frame are multiplied with; zeros after the last frame."""
    if row >= len(frames):
        return np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    unit = units[frames[row]]
    return unit * gradient[0, row], unit * gradient[1, row], unit * gradient[2, row], unit * gradient[3, row]


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


@njit(f"void(float32[:, :, ::1], {_STORED}, int64[::1], float32[:, :, ::1], int64, int64)", **_OPTIONS)
def multiply(corners, values, units, frames, products, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``products`` (tiles, 4, n) with those of the frames and the corners."""
    quarter, last = -(-len(frames) // 4), len(frames) - 1
    for tile in range(start, stop):
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
            _write(products[tile], k, units[tile, frames[k]], a0, b0, c0, d0)
            _write(products[tile], j, units[tile, frames[j]], a1, b1, c1, d1)
            _write(products[tile], m, units[tile, frames[m]], a2, b2, c2, d2)
            _write(products[tile], n, units[tile, frames[n]], a3, b3, c3, d3)


@njit(f"void(float32[:, :, ::1], {_STORED}, int64[::1], float32[:, :, ::1], int64, int64)", **_OPTIONS)
def differentiate(gradient, values, units, frames, total, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``total``, the gradient of the corners, from the ``gradient`` (tiles, 4, n) of the products."""
    quarter, last = -(-len(frames) // 4), len(frames) - 1
    for tile in range(start, stop):
        first, second, third, fourth = total[0, tile], total[1, tile], total[2, tile], total[3, tile]
        first[:] = 0
        second[:] = 0
        third[:] = 0
        fourth[:] = 0
        for k in range(quarter):
            j, m, n = k + quarter, k + 2 * quarter, k + 3 * quarter
            a0, b0, c0, d0 = _factors(gradient[tile], units[tile], frames, k)
            a1, b1, c1, d1 = _factors(gradient[tile], units[tile], frames, j)
            a2, b2, c2, d2 = _factors(gradient[tile], units[tile], frames, m)
            a3, b3, c3, d3 = _factors(gradient[tile], units[tile], frames, n)
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
