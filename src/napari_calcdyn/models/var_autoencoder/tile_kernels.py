"""Compiled work on frames that are stored as tiles of 16-bit integers; each thread has some tiles.

``values`` (tiles, N, s²) times ``units`` (tiles, N) are the pixels. Stretches of ``length`` frames begin at ``starts``.
``corners`` (4, tiles, s²) are the footprints that meet in each tile.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
_STORED = "int16[:, :, ::1], float32[:, ::1]"
_LARGEST = np.float32(32767)


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


@njit(f"void(float32[:, :, ::1], {_STORED}, int64[::1], int64, float32[:, :, ::1], int64, int64)", **_OPTIONS)
def multiply(corners, values, units, starts, length, products, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``products`` (tiles, n, 4) with those of every frame and the corners."""
    for tile in range(start, stop):
        first, second, third, fourth = corners[0, tile], corners[1, tile], corners[2, tile], corners[3, tile]
        row = 0
        for begin in starts:
            for n in range(begin, begin + length):
                pixels = values[tile, n]
                a = b = c = d = np.float32(0)
                for i in range(pixels.size):
                    pixel = np.float32(pixels[i])
                    a += pixel * first[i]
                    b += pixel * second[i]
                    c += pixel * third[i]
                    d += pixel * fourth[i]
                unit, product = units[tile, n], products[tile, row]
                product[0], product[1], product[2], product[3] = unit * a, unit * b, unit * c, unit * d
                row += 1


@njit(f"void(float32[:, :, ::1], {_STORED}, int64[::1], int64, float32[:, :, ::1], int64, int64)", **_OPTIONS)
def differentiate(gradient, values, units, starts, length, total, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``total``, the gradient of the corners, from the ``gradient`` (tiles, n, 4) of the products."""
    for tile in range(start, stop):
        first, second, third, fourth = total[0, tile], total[1, tile], total[2, tile], total[3, tile]
        first[:] = 0
        second[:] = 0
        third[:] = 0
        fourth[:] = 0
        row = 0
        for begin in starts:
            for n in range(begin, begin + length):
                pixels, unit, g = values[tile, n], units[tile, n], gradient[tile, row]
                a, b, c, d = unit * g[0], unit * g[1], unit * g[2], unit * g[3]
                for i in range(pixels.size):
                    pixel = np.float32(pixels[i])
                    first[i] += a * pixel
                    second[i] += b * pixel
                    third[i] += c * pixel
                    fourth[i] += d * pixel
                row += 1


@njit(f"void({_STORED}, int64[::1], int64, float32[:, ::1], int64, int64)", **_OPTIONS)
def square(values, units, starts, length, squares, start, stop):  # type: ignore[no-untyped-def]
    """Fill ``squares`` (tiles, n) with the sum of squares of the pixels of every tile."""
    for tile in range(start, stop):
        row = 0
        for begin in starts:
            for n in range(begin, begin + length):
                pixels, total = values[tile, n], np.float32(0)
                for i in range(pixels.size):
                    pixel = np.float32(pixels[i])
                    total += pixel * pixel
                squares[tile, row] = total * units[tile, n] * units[tile, n]
                row += 1
