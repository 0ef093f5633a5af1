"""Compiled product of footprints and frames: each pixel is read where it lies, in the movie's own dtype."""

from __future__ import annotations

from numba import njit


# Sums may be reordered; NaN and infinity keep their meaning.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def weighted_sums(frames, indptr, pixels, weights, first, last, out):  # type: ignore[no-untyped-def]
    """Write ``weights @ frames`` of the rows `first` to `last` - 1 into `out` (rows, frames), in double precision.

    Four frames at a time, so that a pixel's place and weight are looked up once for all of them.
    """
    count = len(frames)
    for row in range(first, last):
        for frame in range(0, count - 3, 4):
            a, b, c, d = frames[frame], frames[frame + 1], frames[frame + 2], frames[frame + 3]
            sum_a = sum_b = sum_c = sum_d = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                pixel, weight = pixels[k], weights[k]
                sum_a += weight * a[pixel]
                sum_b += weight * b[pixel]
                sum_c += weight * c[pixel]
                sum_d += weight * d[pixel]
            out[row, frame] = sum_a
            out[row, frame + 1] = sum_b
            out[row, frame + 2] = sum_c
            out[row, frame + 3] = sum_d
        for frame in range(count - count % 4, count):
            total = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                total += weights[k] * frames[frame, pixels[k]]
            out[row, frame] = total
