"""Compiled product of footprints and frames, in the movie's own dtype."""

from __future__ import annotations

from numba import njit

# A frame is far larger than the fastest cache, so time goes into waiting for pixels: eight at a time wait together.
LANES = 8


# Sums may be reordered; NaN and infinity keep their meaning.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def weighted_sums(frames, indptr, pixels, weights, first, last, out):  # type: ignore[no-untyped-def]
    """Write ``weights @ frames`` of the rows `first` to `last` - 1 into `out` (rows, frames), in double precision.

    `LANES` frames at a time; those left over take three times as long, each.
    """
    count = len(frames)
    for row in range(first, last):
        for t in range(0, count - LANES + 1, LANES):
            a, b, c, d = frames[t], frames[t + 1], frames[t + 2], frames[t + 3]
            e, f, g, h = frames[t + 4], frames[t + 5], frames[t + 6], frames[t + 7]
            sum_a = sum_b = sum_c = sum_d = sum_e = sum_f = sum_g = sum_h = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                pixel, weight = pixels[k], weights[k]
                sum_a += weight * a[pixel]
                sum_b += weight * b[pixel]
                sum_c += weight * c[pixel]
                sum_d += weight * d[pixel]
                sum_e += weight * e[pixel]
                sum_f += weight * f[pixel]
                sum_g += weight * g[pixel]
                sum_h += weight * h[pixel]
            out[row, t], out[row, t + 1], out[row, t + 2], out[row, t + 3] = sum_a, sum_b, sum_c, sum_d
            out[row, t + 4], out[row, t + 5], out[row, t + 6], out[row, t + 7] = sum_e, sum_f, sum_g, sum_h
        for t in range(count - count % LANES, count):
            total = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                total += weights[k] * frames[t, pixels[k]]
            out[row, t] = total
