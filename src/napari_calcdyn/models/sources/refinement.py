"""Footprints of cells and their activity, fitted to the frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from napari_calcdyn.models.lasso.cpu import over_targets
from napari_calcdyn.recording import ProgressCallback

from .activity import ActivityFit
from .background import Background
from .frames import UsedFrames
from .kernels import add_window_products, sweep
from .windows import Stack, Windows

_SWEEPS = 5
_KEPT = 0.2  # part of the maximum of a footprint, below which it ends
_CORE = 0.8  # part of the pixels of a footprint above half its maximum
_ENTIRE = 0.8  # part of another footprint, above which the two are the same


def refined(
    used: UsedFrames,
    windows: Windows,
    cells: Stack,
    background: Background,
    smoothing: float,
    progress: ProgressCallback | None = None,
) -> tuple[Stack, NDArray[np.float64]]:
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
    smoothing : float
        Standard deviation in pixels of the Gaussian average over each footprint.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    cells : ndarray (k, w, w)
        Not negative, and each in one piece.
    activity : ndarray (k, T)
        Activity that they were fitted to.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    count = len(windows)
    fit = ActivityFit(used, windows.sparse(cells), background)
    activity = np.empty((fit.count, used.movie.n_frames))
    targets = np.zeros(windows.pixels.shape)  # Σ_t s[k, t] (x[t] − m)
    for start, block, valid in used.blocks(progress):
        part = activity[:, start : start + len(block)] = fit.of(start, block, valid)
        frames, theirs = (block, part) if valid.all() else (block[valid], part[:, valid])
        own = np.ascontiguousarray(theirs[:count], np.float32)
        over_targets(add_window_products, count, frames, own, windows.tops, windows.lefts, targets)
    usable = windows.inside & windows.of(used.used)
    targets = np.where(
        usable, targets - activity[:count].sum(1)[:, None, None] * windows.of(used.mean), 0
    )
    gram = activity[:count] @ activity.T
    targets -= windows.products(gram[:, count:], background.footprints)
    near = [windows.near(k, np.arange(count)) for k in range(count)]
    starts, gram = np.cumsum([0, *map(len, near)]), np.ascontiguousarray(gram[:, :count])
    fitted = cells.copy()
    for _ in range(_SWEEPS):
        sweep(fitted, windows.tops, windows.lefts, targets, gram, starts, np.concatenate(near), usable)
    apart = taken_apart(windows, fitted, near)
    return np.stack([_trimmed(it, smoothing) for it in apart]), activity[:count]


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
