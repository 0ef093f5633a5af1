"""Footprints of cells and their activity, fitted to the frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.recording import ProgressCallback

from .activity import ActivityFit
from .background import Background
from .frames import UsedFrames
from .kernels import add_window_products, sweep
from .windows import Stack, Windows

_SWEEPS = 5
_KEPT = 0.2  # part of the maximum of a footprint, below which it ends
_CORE = 0.8  # part of the pixels of a footprint above half its maximum
_LEAST_RELIABLE = 0.2
_FEW = 0.1  # part of a window
_ENTIRE = 0.8  # part of another footprint, above which the two are the same


@dataclass(frozen=True, eq=False)
class Refined:
    """Cells as the frames show them.

    Attributes
    ----------
    cells : ndarray (k, w, w)
        Footprints, not negative, and each in one piece.
    activity : ndarray (k, n)
        Activity that they were fitted to, in the n valid frames.
    reliability : ndarray (k,)
        Part of the variance of this activity that is not shot noise, or less.
    surroundings : ndarray (k,)
        How much of the activity is in the pixels around, where there is no cell, relative to the footprint.
    """

    cells: Stack
    activity: NDArray[np.float64]
    reliability: NDArray[np.float64]
    surroundings: NDArray[np.float64]


def refined(
    used: UsedFrames,
    windows: Windows,
    cells: Stack,
    background: Background,
    noise: NDArray[np.float32],
    smoothing: float,
    progress: ProgressCallback | None = None,
) -> Refined:
    """Fit the activity of all sources to the frames, and then the footprints of the cells.

    Parameters
    ----------
    used : UsedFrames
        Of the recording.
    windows : Windows
        Of k cells.
    cells : ndarray (k, w, w)
        Their footprints so far.
    background : Background
        Footprints that are kept as they are.
    noise : ndarray (Y, X)
        Variance of the shot noise of the pixels.
    smoothing : float
        Standard deviation in pixels of the Gaussian average over each footprint.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    Refined
        The cells.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    count = len(windows)
    fit = ActivityFit(used, windows.sparse(cells), background)
    activity: NDArray[np.float64] = np.empty((fit.count, used.movie.n_frames))
    targets = np.zeros(windows.pixels.shape)  # Σ_t s[k, t] (x[t] − m)
    for start, block, valid in used.blocks(progress):
        part = activity[:, start : start + len(block)] = fit.of(start, block, valid)
        frames, theirs = (block, part) if valid.all() else (block[valid], part[:, valid])
        own = np.ascontiguousarray(theirs[:count], np.float32)
        over_targets(add_window_products, count, frames, own, windows.tops, windows.lefts, targets)
    usable = windows.inside & windows.of(used.used)
    targets = np.where(usable, targets - activity[:count].sum(1)[:, None, None] * windows.of(used.mean), 0)
    gram = activity[:count] @ activity.T
    targets -= windows.products(gram[:, count:], background.footprints)
    near = [windows.near(k, np.arange(count)) for k in range(count)]
    starts, gram = np.cumsum([0, *map(len, near)]), np.ascontiguousarray(gram[:, :count])
    fitted, free = cells.copy(), np.empty_like(cells)
    for _ in range(_SWEEPS):
        sweep(fitted, free, windows.tops, windows.lefts, targets, gram, starts, np.concatenate(near), usable)
    apart = taken_apart(windows, fitted, near)
    trimmed = np.stack([_trimmed(it, smoothing) for it in apart])
    counted: NDArray[np.float64] = activity[:count, used.movie.valid_frames]
    reliability = _reliability(windows, cells, counted, noise)
    return Refined(trimmed, counted, reliability, _surroundings(windows, trimmed, free, usable))


def _reliability(
    windows: Windows, cells: Stack, activity: NDArray[np.float64], noise: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the part of the variance of activities that the noise of the pixels does not explain.

    The noise comes from steps between frames, where cells that flicker have a part: theirs is taken for too large.
    """
    squares = np.square(cells)
    spread = (squares * windows.of(noise)).sum((1, 2)) / np.maximum(squares.sum((1, 2)), 1e-30) ** 2
    reliability: NDArray[np.float64] = 1 - spread / np.maximum(activity.var(1), 1e-30)
    return reliability.clip(_LEAST_RELIABLE)


def _surroundings(
    windows: Windows, cells: Stack, free: Stack, usable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compare what the activity has in pixels without a cell with the upper half of its footprint."""
    empty = windows.of(windows.sparse(cells).sum(0) == 0) & usable
    around = np.zeros(len(windows))
    for k, (cell, there) in enumerate(zip(cells, empty, strict=True)):
        core = free[k][cell > cell.max() / 2]
        if there.sum() > _FEW * there.size and core.size and core.mean() > 0:
            around[k] = np.median(free[k][there]) / core.mean()
    return around


def taken_apart(windows: Windows, cells: Stack, near: list[NDArray[np.int64]]) -> Stack:
    """Take out of each footprint what it holds of others.

    Footprints ``f + c·g`` and g, with activities s and ``u − c·s``, fit the frames as well as f and g do with s and u.
    So c is what can be taken away from nearly all pixels of g without one becoming negative.

    Parameters
    ----------
    windows : Windows
        Of k cells.
    cells : ndarray (k, w, w)
        Their footprints.
    near : list of ndarray of int64
        Numbers of the cells that each shares pixels with.

    Returns
    -------
    ndarray (k, w, w)
        Not negative.
    """
    apart = cells.copy()
    for k, others in enumerate(near):
        for j in others[others != k]:
            there, here = windows.shared(j, k)
            core = cells[j][there] > cells[j].max() / 2
            if core.sum() < _CORE * np.count_nonzero(cells[j] > cells[j].max() / 2):
                continue
            part = float(np.quantile(cells[k][here][core] / cells[j][there][core], 1 - _CORE))
            if part * cells[j].max() < _ENTIRE * cells[k].max():
                apart[k][here] -= part * cells[j][there]
    return np.maximum(apart, 0)


def _trimmed(footprint: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Smooth a footprint, and end it below a part of its maximum."""
    smooth = gaussian_filter(footprint, smoothing, mode="constant")
    parts, _ = label(smooth > _KEPT * smooth.max())
    middle = len(smooth) // 2
    part = parts[middle, middle] or parts.flat[smooth.argmax()]
    trimmed: NDArray[np.float64] = np.where((parts == part) & (part > 0), smooth, 0)
    return trimmed
