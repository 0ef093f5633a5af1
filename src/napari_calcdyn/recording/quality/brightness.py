"""Brightness of every frame: slow trend and fast flicker, and whether light or activity is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

_DIM = 0.05  # tiles with less than this part of the brightest one's light tell little
_SLOW = 201  # frames
_STEADY = 15  # frames
_FEWEST = 5


@dataclass(frozen=True, eq=False)
class Brightness:
    """Brightness of every frame relative to the mean frame, and what it is made of.

    Attributes
    ----------
    values : ndarray (T,), float32
        b, of mean 1.
    slow : ndarray (T,), float32
        Its slow part, over about 200 frames, of mean 1.
    trend : float
        Largest less smallest value of the slow part.
    flicker : float
        Standard deviation of the rest.
    trend_unevenness, flicker_unevenness : float
        How differently the parts of the picture follow: 0 where each gets brighter by the same factor, as with
        the lamp or bleaching; 1 where they differ by as much as they follow on average, as with neuropil.
    """

    values: NDArray[np.float32]
    slow: NDArray[np.float32]
    trend: float
    flicker: float
    trend_unevenness: float
    flicker_unevenness: float


def relative_brightness(
    tiles: NDArray[np.float32], usual: NDArray[np.float32], dark: float
) -> NDArray[np.float32]:
    """Return the light of frames relative to the usual picture.

    The median over tiles of ``(x − o) / (m − o)``, with m the mean frame and o the dark level, weighted with
    ``m − o``: cells that are active, which are a minority of the light, do not count.

    Parameters
    ----------
    tiles : ndarray (n, K), float32
        Mean of each tile in each frame, in movie units.
    usual : ndarray (K,), float32
        Mean of each tile in the mean frame.
    dark : float
        Value of a pixel without light.

    Returns
    -------
    ndarray (n,), float32
        1 is as bright as the mean frame.
    """
    relative, light = _relative(tiles, usual, dark)
    return weighted_median(relative, light) if relative.shape[1] else np.ones(len(tiles), np.float32)


def split_brightness(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    kept: NDArray[np.int64],
    tiles: NDArray[np.float32],
    usual: NDArray[np.float32],
    dark: float,
    shifts: NDArray[np.float32],
) -> Brightness:
    """Split the brightness into trend and flicker, and tell whether the whole picture follows them alike.

    Parameters
    ----------
    values : ndarray (T,), float32
        From `relative_brightness`, for all frames.
    valid : ndarray (T,), bool
        Frames to use; the others are interpolated.
    kept : ndarray (n,), int64
        Frames whose tiles are known.
    tiles : ndarray (n, K), float32
        Their tiles.
    usual : ndarray (K,), float32
        Mean of each tile in the mean frame.
    dark : float
        Value of a pixel without light.
    shifts : ndarray (T, 2), float32
        Displacement of each frame, px: tiles that follow it are not uneven for that.

    Returns
    -------
    Brightness
        Of all frames.
    """
    every = np.arange(len(values))
    if not valid.any():
        valid = np.ones_like(valid)
    filled = np.interp(every, every[valid], values[valid].astype(np.float64))
    filled /= max(float(filled.mean()), 1e-6)
    window = min(_SLOW, max(3, len(filled) // 4) | 1)
    slow = slow_part(filled, window)
    slow /= slow.mean()
    fast = filled - slow
    chosen = valid[kept]
    relative, moved = _relative(tiles[chosen], usual, dark)[0], shifts[kept][chosen].astype(np.float64)
    return Brightness(
        filled.astype(np.float32),
        slow.astype(np.float32),
        float(np.ptp(slow)),
        float(fast[valid].std()),
        _unevenness(relative, slow[kept][chosen], moved),
        _unevenness(relative, fast[kept][chosen], moved),
    )


def _relative(
    tiles: NDArray[np.float32], usual: NDArray[np.float32], dark: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the relative light of tiles (n, K) that are lit, and their usual light (K,)."""
    light = usual - np.float32(dark)
    lit = light > _DIM * max(float(light.max(initial=0)), 1e-12)
    return (tiles[:, lit] - np.float32(dark)) / light[lit], light[lit]


def slow_part(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return what is left of values (T,) after a running median over `window` frames, smoothed.

    Beyond its ends the recording is turned round the end, so that a slope goes on there.
    """
    steady = median_filter(values, min(_STEADY, len(values)), mode="nearest")
    margin = min(window, len(values) - 1)
    longer = np.pad(steady, margin, mode="reflect", reflect_type="odd")
    smooth = gaussian_filter1d(median_filter(longer, window), window / 8)
    inner: NDArray[np.float64] = smooth[margin : margin + len(values)]
    return inner


def weighted_median(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weighted median of each row of values (n, K), (n,)."""
    order = np.argsort(values, axis=1)
    total = np.cumsum(weights[order], axis=1)
    middle = (total >= total[:, -1:] / 2).argmax(1)
    found: NDArray[np.float32] = values[np.arange(len(values)), order[np.arange(len(values)), middle]]
    return found


def _unevenness(tiles: NDArray[np.float32], part: NDArray[np.float64], shifts: NDArray[np.float64]) -> float:
    """Return the spread over tiles of their regression on a part of the brightness, less the noise in it."""
    if len(part) < 4 * _FEWEST or tiles.shape[1] < _FEWEST:
        return 0.0
    slopes = [_follow(tiles[start::2], part[start::2], shifts[start::2]) for start in (0, 1)]
    follow = [it for it in slopes if it is not None]
    if len(follow) < 2:
        return 0.0
    both = np.mean(follow, axis=0)
    spread = np.subtract(*np.quantile(both, [0.75, 0.25])) / 1.349
    noise = np.subtract(*np.quantile(follow[0] - follow[1], [0.75, 0.25])) / 1.349 / 2
    return float(np.sqrt(max(spread**2 - noise**2, 0)) / max(abs(float(np.median(both))), 0.1))


def _follow(
    tiles: NDArray[np.float32], part: NDArray[np.float64], shifts: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return by how much each tile (n, K) changes where the brightness changes by one and nothing moves, (K,)."""
    causes = np.column_stack([part, shifts])
    causes -= causes.mean(0)
    if not causes[:, 0].any():
        return None
    slopes: NDArray[np.float64] = np.linalg.lstsq(causes, tiles - tiles.mean(0), rcond=1e-9)[0][0]
    return slopes
