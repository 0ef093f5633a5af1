"""Blocks of time that are long enough to be shuffled: nearly independent of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_STRONGEST = 64  # columns looked at
_TIMES = 3.0  # of the autocorrelation time in a block
_LEAST_BLOCKS = 20  # in a recording, however slow it is


def autocorrelation_time(values: NDArray[np.floating]) -> float:
    """Estimate how many frames of a recording count as one independent sample.

    The integrated autocorrelation time ``τ = 1 + 2 Σ_l ρ(l)``, summed up to the first lag of at least ``5 τ``
    (Sokal 1997, Functional Integration, 131): beyond that there is nothing but noise to sum.

    Parameters
    ----------
    values : ndarray (T, k)
        Columns in time order, such as latents; rows of NaN are left out. The columns with the largest variance are
        looked at, at most 64, each less a straight line.

    Returns
    -------
    float
        In frames, at least 1: the upper quartile over columns, so that some slow ones do count and a single
        one does not.
    """
    values = values[np.isfinite(values).all(1)]
    frames = len(values)
    chosen = np.argsort(values.var(0))[::-1][:_STRONGEST]
    strongest = np.asarray(values[:, chosen], np.float64)
    time = np.linspace(-1, 1, frames)[:, None]
    strongest = strongest - strongest.mean(0)
    strongest -= time * (time * strongest).sum(0) / np.square(time).sum()
    power = np.abs(np.fft.rfft(strongest, 2 * frames, axis=0)) ** 2
    covariance = np.fft.irfft(power, axis=0)[:frames]
    varying = covariance[0] > 1e-12 * max(float(covariance[0].max(initial=0)), 1e-300)
    if not varying.any():
        return 1.0
    integrated = 2 * np.cumsum(covariance[:, varying] / covariance[0, varying], 0) - 1
    enough = np.arange(frames)[:, None] >= 5 * integrated
    enough[-1] = True
    times = np.take_along_axis(integrated, enough.argmax(0)[None], 0)[0]
    return max(1.0, float(np.quantile(times, 0.75)))


def automatic_block_length(values: NDArray[np.floating], order: int) -> int:
    """Choose a block length from the autocorrelation time.

    Parameters
    ----------
    values : ndarray (T, k)
        Columns in time order, such as latents.
    order : int
        Number of lags p of the model behind.

    Returns
    -------
    int
        In frames: three autocorrelation times, at least ``2 (p + 1)``; shorter where less than 20 of them would fit
        into the recording.
    """
    wanted = max(math.ceil(_TIMES * autocorrelation_time(values)), 2 * (order + 1))
    return max(1, min(wanted, len(values) // _LEAST_BLOCKS))


def cut_blocks(ranges: Sequence[range], length: int, order: int) -> list[range]:
    """Cut stretches of a recording into blocks of nearly one length, without leaving out frames.

    Parameters
    ----------
    ranges : sequence of range
        Stretches of frames, start included and stop excluded.
    length : int
        Least number of frames in a block, except in stretches that are shorter.
    order : int
        Number of lags p. The first p frames of a stretch are predictors only, so that no block is predicted from
        frames outside its stretch.

    Returns
    -------
    list of range
        Frames that are predicted, in the order of `ranges`. What is left over is spread over the blocks of a stretch,
        so that their lengths differ by at most one frame; a stretch without a frame to predict gives no block.
    """
    blocks = []
    for stretch in ranges:
        first = stretch.start + order
        frames = stretch.stop - first
        if frames <= 0:
            continue
        edges = np.linspace(first, stretch.stop, max(1, frames // length) + 1).round().astype(int)
        blocks += [
            range(start, stop) for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        ]
    return blocks


def equal_blocks(ranges: Sequence[range], length: int, order: int) -> list[range]:
    """Cut stretches of a recording into blocks of exactly one length, leaving out what is left over.

    Parameters
    ----------
    ranges : sequence of range
        Stretches of frames, start included and stop excluded.
    length : int
        Frames in every block.
    order : int
        Number of lags p. The first p frames of a stretch are predictors only, so that no block is predicted from
        frames outside its stretch.

    Returns
    -------
    list of range
        Frames that are predicted, in the order of `ranges`. What is left over is left out: half of it before the first
        block of its stretch, half after the last.
    """
    blocks = []
    for stretch in ranges:
        count, over = divmod(max(0, len(stretch) - order), length)
        first = stretch.start + order + over // 2
        blocks += [range(first + i * length, first + (i + 1) * length) for i in range(count)]
    return blocks
