"""Five maps that need no model, for comparison with the contribution maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Movie, ProgressCallback, report
from napari_calcdyn.recording.movies.smooth_autocovariance import SmoothAutocovariance
from napari_calcdyn.recording.movies.statistics import refuse_bad_pixels

_BLOCK_BYTES = 4 << 20  # as stored; a few times that in double precision


@dataclass(frozen=True, eq=False)
class CheapMaps:
    """Standard deviation, correlation and autocovariance of every pixel.

    Attributes
    ----------
    std : ndarray, shape (Y, X), float32
        Standard deviation over time, in movie units.
    std_over_sqrt_mean : ndarray, shape (Y, X), float32
        Standard deviation over the square root of the mean, constant where there is only shot noise; 0 where
        the mean is not positive.
    local_correlation : ndarray, shape (Y, X), float32
        Mean correlation with the pixels above, below, left and right, as far as they exist; 0 for a
        constant pixel.
    lag1_autocovariance : ndarray, shape (Y, X), float32
        Mean over t of ``(x[t] - m) (x[t+1] - m)``, in squared movie units.
    smooth_autocovariance : ndarray, shape (Y, X), float32
        The same of frames smoothed by a Gaussian of 1 px, and over all pairs of frames 1 to 5 frames apart.
    """

    std: NDArray[np.float32]
    std_over_sqrt_mean: NDArray[np.float32]
    local_correlation: NDArray[np.float32]
    lag1_autocovariance: NDArray[np.float32]
    smooth_autocovariance: NDArray[np.float32]


def cheap_maps(movie: Movie, progress: ProgressCallback | None = None) -> CheapMaps:
    """Compute the five maps in one pass over the movie.

    Parameters
    ----------
    movie : Movie
        The movie.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    CheapMaps
        Accumulated in double precision.

    Raises
    ------
    InputError
        If a pixel is NaN or infinite; names the first such frame.
    Cancelled
        If `progress` asked to stop.
    """
    height, width = movie.frame_shape
    frames = movie.n_frames
    total, squares, lagged = np.zeros((3, height, width))
    beside, below = np.zeros((height, width - 1)), np.zeros((height - 1, width))
    # Values are taken relative to the first frame: with the raw offset of a camera, the sums of squares
    # below would cancel to nothing.
    smooth = SmoothAutocovariance(movie.frame_shape)
    first = movie.frames(0, 1)[0].astype(np.float64)
    last = np.zeros((1, height, width))  # the frame before the block; the first frame relative to itself
    for start, block in movie.blocks(_BLOCK_BYTES):
        value = block - first
        block_total = value.sum(0)
        if not np.isfinite(block_total).all():
            refuse_bad_pixels(movie, start, block)
        total += block_total
        squares += _sum_of_products(value, value)
        beside += _sum_of_products(value[:, :, 1:], value[:, :, :-1])
        below += _sum_of_products(value[:, 1:], value[:, :-1])
        lagged += _sum_of_products(value[1:], value[:-1]) + last[0] * value[0]
        last = value[-1:].copy()
        smooth.add(block)
        report(progress, start + len(block), frames)

    shift = total / frames  # mean relative to the first frame
    mean = first + shift
    variance = np.maximum(squares / frames - shift**2, 0)
    std = np.sqrt(variance)
    # Σ (v[t] - μ)(v[t+1] - μ) with the two sums over v written as the total without its last or first frame.
    lagged += (frames - 1) * shift**2 - shift * (total - last[0]) - shift * total
    correlation, neighbours = np.zeros((2, height, width))
    for sums, one, other in (
        (beside, np.s_[:, 1:], np.s_[:, :-1]),
        (below, np.s_[1:, :], np.s_[:-1, :]),
    ):
        scale = std[one] * std[other]
        pair = np.divide(
            sums / frames - shift[one] * shift[other], scale, out=np.zeros_like(scale), where=scale > 0
        )
        for place in (one, other):
            correlation[place] += pair
            neighbours[place] += 1
    return CheapMaps(
        std=std.astype(np.float32),
        std_over_sqrt_mean=np.divide(
            std, np.sqrt(np.maximum(mean, 0)), out=np.zeros_like(std), where=mean > 0
        ).astype(np.float32),
        local_correlation=(correlation / np.maximum(neighbours, 1)).astype(np.float32),
        lag1_autocovariance=(lagged / (frames - 1)).astype(np.float32),
        smooth_autocovariance=smooth.result(),
    )


def _sum_of_products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over time of a product, without a copy of it; (n, Y, X) twice to (Y, X)."""
    return np.asarray(np.einsum("tyx,tyx->yx", a, b))
