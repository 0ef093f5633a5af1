"""Five maps that need no model, for comparison with the contribution maps."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.movies.smooth_autocovariance import SmoothAutocovariance
from napari_calcdyn.recording.movies.statistics import refuse_bad_pixels, valid_blocks

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
        Of the valid frames, accumulated in double precision; NaN at masked pixels.

    Raises
    ------
    InputError
        If a valid pixel is NaN or infinite; names the first such frame.
    Cancelled
        If `progress` asked to stop.
    """
    height, width = movie.frame_shape
    total, squares, lagged, earlier, later = np.zeros((5, height, width))
    beside, below = np.zeros((height, width - 1)), np.zeros((height - 1, width))
    smooth = SmoothAutocovariance(movie.frame_shape)
    frames = pairs = 0
    first: NDArray[np.float64] | None = None
    last, reached = np.zeros((0, height, width)), -1
    for numbers, block in valid_blocks(movie, _BLOCK_BYTES):
        # Values are taken relative to the first frame: with the raw offset of a camera, the sums of squares
        # below would cancel to nothing.
        if first is None:
            first = block[0].astype(np.float64)
        value = block - first
        block_total = value.sum(0)
        if not np.isfinite(block_total).all():
            refuse_bad_pixels(movie, numbers, block)
        total += block_total
        squares += _sum_of_products(value, value)
        beside += _sum_of_products(value[:, :, 1:], value[:, :, :-1])
        below += _sum_of_products(value[:, 1:], value[:, :-1])
        for start, stop in pairwise([0, *(np.flatnonzero(np.diff(numbers) > 1) + 1).tolist(), len(numbers)]):
            if numbers[start] != reached + 1:
                last = last[:0]
                smooth.new_stretch()
            run = np.concatenate([last, value[start:stop]])
            lagged += _sum_of_products(run[1:], run[:-1])
            earlier += run[:-1].sum(0)
            later += run[1:].sum(0)
            pairs += len(run) - 1
            smooth.add(block[start:stop])
            last, reached = run[-1:].copy(), int(numbers[stop - 1])
        frames += len(block)
        report(progress, int(numbers[-1]) + 1, movie.n_frames)
    if first is None or pairs == 0:
        raise InputError(f"{movie.name} has no two frames in a row that can be used: check the recording.")

    shift = total / frames  # mean relative to the first frame
    mean = first + shift
    variance = np.maximum(squares / frames - shift**2, 0)
    std = np.sqrt(variance)
    lagged += pairs * shift**2 - shift * (earlier + later)
    valid = movie.valid_pixels
    correlation, neighbours = np.zeros((2, height, width))
    for sums, one, other in (
        (beside, np.s_[:, 1:], np.s_[:, :-1]),
        (below, np.s_[1:, :], np.s_[:-1, :]),
    ):
        scale = std[one] * std[other]
        pair = np.divide(
            sums / frames - shift[one] * shift[other], scale, out=np.zeros_like(scale), where=scale > 0
        )
        for place, beyond in ((one, other), (other, one)):
            correlation[place] += pair
            neighbours[place] += valid[beyond]
    maps = CheapMaps(
        std=std.astype(np.float32),
        std_over_sqrt_mean=np.divide(
            std, np.sqrt(np.maximum(mean, 0)), out=np.zeros_like(std), where=mean > 0
        ).astype(np.float32),
        local_correlation=(correlation / np.maximum(neighbours, 1)).astype(np.float32),
        lag1_autocovariance=(lagged / pairs).astype(np.float32),
        smooth_autocovariance=smooth.result(),
    )
    for field in fields(maps):
        getattr(maps, field.name)[~valid] = np.nan
    return maps


def _sum_of_products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over time of a product, without a copy of it; (n, Y, X) twice to (Y, X)."""
    return np.asarray(np.einsum("tyx,tyx->yx", a, b))
