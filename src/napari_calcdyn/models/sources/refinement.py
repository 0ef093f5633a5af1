"""Footprints and activity of cells and background, fitted to the frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label
from scipy.sparse import csr_array, diags_array, vstack
from scipy.sparse.linalg import splu

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.recording import Movie, ProgressCallback, report
from napari_calcdyn.recording.traces.extraction import weighted_pixels

from .kernels import add_window_products, sweep
from .windows import Stack, Windows

BACKGROUND_SPACING = 3.0
"""Distance between patches of the background, in cell diameters."""
_SWEEPS = 5
_KEPT = 0.2  # part of the maximum of a footprint, below which it ends
_CORE = 0.8  # part of the pixels of a footprint above half its maximum
_ENTIRE = 0.8  # part of another footprint, above which the two are the same
_RIDGE = 1e-6


def background_grid(frame_shape: tuple[int, int], spacing: float) -> csr_array:
    """Return smooth patches on a grid, which add up to 1 everywhere.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels.
    spacing : float
        Distance between neighbouring patches in pixels, about.

    Returns
    -------
    csr_array (b, Y·X), float64
        Each falls linearly from 1 at its place to 0 at its neighbours'.
    """
    parts = []
    for size in frame_shape:
        count = max(2, round(size / spacing) + 1)
        at = np.arange(size) * (count - 1) / max(1, size - 1)
        parts.append(csr_array(np.maximum(1 - np.abs(at - np.arange(count)[:, None]), 0)))
    rows, columns = parts
    patches = [rows[[a]].T @ columns[[b]] for a in range(rows.shape[0]) for b in range(columns.shape[0])]
    return csr_array(vstack([it.reshape(1, -1) for it in patches]))


def activity_of(
    movie: Movie, footprints: csr_array, progress: ProgressCallback | None = None
) -> NDArray[np.float64]:
    """Fit the activity of footprints to every frame by least squares, all footprints together.

    Parameters
    ----------
    movie : Movie
        The recording.
    footprints : csr_array (n, Y·X)
        Of cells and background.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ndarray (n, T), float64
        ``argmin_s ‖x[t] − m − Σ_k s_k f_k‖²``; 0 in frames that are left out.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    usable = movie.valid_pixels & np.isfinite(movie.mean_frame())
    weights = csr_array(footprints @ diags_array(usable.ravel().astype(np.float64)))
    weights.eliminate_zeros()
    sums = weighted_pixels(movie, weights, progress).astype(np.float64)
    sums -= sums[:, movie.valid_frames].mean(1, keepdims=True)
    sums[:, ~movie.valid_frames] = 0
    gram = csr_array(weights @ weights.T)
    ridge = _RIDGE * gram.diagonal()
    activity: NDArray[np.float64] = splu((gram + diags_array(np.where(ridge > 0, ridge, 1.0))).tocsc()).solve(
        sums
    )
    return activity


def refined(
    movie: Movie,
    windows: Windows,
    cells: Stack,
    background: csr_array,
    smoothing: float,
    progress: ProgressCallback | None = None,
) -> tuple[Stack, NDArray[np.float64]]:
    """Fit the activity of all sources to the frames, and then the footprints of the cells.

    Parameters
    ----------
    movie : Movie
        The recording.
    windows : Windows
        Of k cells.
    cells : ndarray (k, w, w)
        Their footprints so far.
    background : csr_array (b, Y·X)
        Footprints that are kept as they are.
    smoothing : float
        Standard deviation in pixels of the Gaussian average over each footprint.
    progress : callable or None
        Called with frames done and in all, in two passes; returns True to stop.

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
    activity = activity_of(movie, csr_array(vstack([windows.sparse(cells), background])), progress)
    gram = activity[:count] @ activity.T
    targets = _window_products(movie, windows, activity[:count].astype(np.float32), progress)
    targets -= windows.products(gram[:, count:], background)
    near = [windows.near(k, np.arange(count)) for k in range(count)]
    starts, gram = np.cumsum([0, *map(len, near)]), np.ascontiguousarray(gram[:, :count])
    fitted = cells.copy()
    for _ in range(_SWEEPS):
        sweep(
            fitted, windows.tops, windows.lefts, targets, gram, starts, np.concatenate(near), windows.inside
        )
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


def _window_products(
    movie: Movie, windows: Windows, activity: NDArray[np.float32], progress: ProgressCallback | None
) -> Stack:
    """Return ``Σ_t activity[k, t] x[t]`` in the windows, (k, w, w)."""
    out = np.zeros(windows.pixels.shape)
    for start, block in movie.blocks():
        frames = np.nan_to_num(block.astype(np.float32)) if block.dtype.kind == "f" else block
        part = np.ascontiguousarray(activity[:, start : start + len(block)])
        over_targets(add_window_products, len(windows), frames, part, windows.tops, windows.lefts, out)
        report(progress, start + len(block), movie.n_frames)
    return out
