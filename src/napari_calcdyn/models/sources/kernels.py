"""Compiled loops over bins and pixels; each thread has those from `first` to `last` - 1."""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}


@njit(**_OPTIONS)
def bin_frames(frames, valid, mean, used, side, out, start, first, last):  # type: ignore[no-untyped-def]
    """Write means over bins of ``frames − mean`` (n, Y, X) to `out` (rows, columns, times) from time `start` on.

    For some rows of bins; 0 for pixels that are not used and frames that are not valid.
    """
    height, width = mean.shape
    share, nothing = np.float32(1 / side**2), np.float32(0)
    line = np.empty(out.shape[1] * side, np.float32)
    for row in range(first, last):
        for n in range(len(frames)):
            line[:] = 0
            for y in range(row * side, min((row + 1) * side, height) if valid[n] else 0):
                pixels, usual, usable = frames[n, y], mean[y], used[y]
                for x in range(width):  # without a branch, so that many pixels are taken at once
                    value = np.float32(pixels[x]) - usual[x]
                    line[x] += value if usable[x] else nothing
            for column in range(out.shape[1]):
                total = nothing
                for x in range(column * side, (column + 1) * side):
                    total += line[x]
                out[row, column, start + n] = total * share


@njit(**_OPTIONS)
def add_steps(bins, valid, out, first, last):  # type: ignore[no-untyped-def]
    """Add the squares of the steps between consecutive valid frames to `out` (rows, columns), for some rows."""
    nothing = np.float32(0)
    for y in range(first, last):
        for x in range(bins.shape[1]):
            series, total = bins[y, x], nothing
            for t in range(len(series) - 1):
                step = series[t + 1] - series[t]
                total += step * step if valid[t] and valid[t + 1] else nothing
            out[y, x] += total


@njit(**_OPTIONS)
def add_rows(frames, mean, used, upper, part, out, first, last):  # type: ignore[no-untyped-def]
    """Share the rows of ``frames − mean`` out between two rows of `out` (n, rows, X), for some frames.

    Row y goes to ``upper[y]`` with the weight ``part[y]``, and to the one below with the rest; 0 for pixels not used.
    """
    height, width = mean.shape
    nothing = np.float32(0)
    for n in range(first, last):
        out[n] = 0
        for y in range(height):
            pixels, usual, usable = frames[n, y], mean[y], used[y]
            above, below, weight = out[n, upper[y]], out[n, upper[y] + 1], part[y]
            for x in range(width):
                value = np.float32(pixels[x]) - usual[x]
                value = value if usable[x] else nothing
                share = weight * value
                above[x] += share
                below[x] += value - share


@njit(**_OPTIONS)
def add_products(bins, offsets, out, first, last):  # type: ignore[no-untyped-def]
    """Add ``Σ_t bins[y, x, t]·bins[y + dy, x + dx, t]`` to `out` (rows, columns, offsets), for some rows.

    Four neighbours in a row are taken together where they can be.
    """
    rows, columns, _ = bins.shape
    for y in range(first, last):
        for x in range(columns):
            one, k = bins[y, x], 0
            while k < len(offsets):
                v, u, last_of_four = y + offsets[k, 0], x + offsets[k, 1], k + 3
                if v >= rows or u < 0 or u >= columns:
                    k += 1
                elif (
                    last_of_four < len(offsets)
                    and offsets[last_of_four, 0] == offsets[k, 0]
                    and u + 3 < columns
                ):
                    a, b, c, d = bins[v, u], bins[v, u + 1], bins[v, u + 2], bins[v, u + 3]
                    sum_a = sum_b = sum_c = sum_d = np.float32(0)
                    for t in range(len(one)):
                        value = one[t]
                        sum_a += value * a[t]
                        sum_b += value * b[t]
                        sum_c += value * c[t]
                        sum_d += value * d[t]
                    out[y, x, k] += sum_a
                    out[y, x, k + 1] += sum_b
                    out[y, x, k + 2] += sum_c
                    out[y, x, k + 3] += sum_d
                    k += 4
                else:
                    a, sum_a = bins[v, u], np.float32(0)
                    for t in range(len(one)):
                        sum_a += one[t] * a[t]
                    out[y, x, k] += sum_a
                    k += 1


@njit(**_OPTIONS)
def covariance_between(values, table, ys, xs, out):  # type: ignore[no-untyped-def]
    """Fill `out` (m, m) with the covariances of m bins with each other; 0 on its diagonal."""
    reach = len(table) // 2
    for i in range(len(ys)):
        out[i, i] = 0
        for j in range(i):
            a, b = j, i
            if ys[a] > ys[b] or (ys[a] == ys[b] and xs[a] > xs[b]):
                a, b = i, j
            dy, dx = ys[b] - ys[a], xs[b] - xs[a]
            value = np.float32(0)
            if dy <= reach and abs(dx) <= reach:
                k = table[dy + reach, dx + reach]
                if k >= 0:
                    value = values[ys[a], xs[a], k]
            out[i, j] = value
            out[j, i] = value


@njit(**_OPTIONS)
def add_window_products(frames, activity, tops, lefts, out, first, last):  # type: ignore[no-untyped-def]
    """Add ``Σ_t activity[k, t]·frames[t]`` in the window of each source, to `out` (k, w, w), for some sources.

    Four frames at a time: most of the work is to load and store what was added up so far.
    """
    height, width = frames.shape[1:]
    side, count = out.shape[1], len(frames)
    for k in range(first, last):
        y0, y1 = max(tops[k], 0), min(tops[k] + side, height)
        x0, x1 = max(lefts[k], 0), min(lefts[k] + side, width)
        for y in range(y0, y1):
            row = out[k, y - tops[k], x0 - lefts[k] : x1 - lefts[k]]
            for t in range(0, count - 3, 4):
                a, b, c, d = activity[k, t], activity[k, t + 1], activity[k, t + 2], activity[k, t + 3]
                e, f = frames[t, y, x0:x1], frames[t + 1, y, x0:x1]
                g, h = frames[t + 2, y, x0:x1], frames[t + 3, y, x0:x1]
                for x in range(len(row)):
                    row[x] += a * e[x] + b * f[x] + c * g[x] + d * h[x]
            for t in range(count - count % 4, count):
                a, e = activity[k, t], frames[t, y, x0:x1]
                for x in range(len(row)):
                    row[x] += a * e[x]


@njit(**_OPTIONS)
def sweep(windows, free, tops, lefts, targets, gram, starts, near, usable):  # type: ignore[no-untyped-def]
    """Improve non-negative footprints in windows (k, w, w), one source after another, with their activity kept.

    `targets` are the products of activity and frames, without the background; `gram` (k, k) those of activities;
    ``near[starts[k]:starts[k + 1]]`` the sources whose windows overlap with that of k. What each footprint would be if
    it could be negative is written to `free` (k, w, w).
    """
    side = windows.shape[1]
    rest = np.empty((side, side))
    for k in range(len(windows)):
        rest[:] = targets[k]
        for at in range(starts[k], starts[k + 1]):
            j = near[at]
            dy, dx = tops[k] - tops[j], lefts[k] - lefts[j]
            share = gram[k, j]
            for y in range(max(0, -dy), min(side, side - dy)):
                for x in range(max(0, -dx), min(side, side - dx)):
                    rest[y, x] -= share * windows[j, y + dy, x + dx]
        for y in range(side):
            for x in range(side):
                value = windows[k, y, x] + rest[y, x] / gram[k, k]
                free[k, y, x] = value
                windows[k, y, x] = max(value, 0.0) if usable[k, y, x] else 0.0
