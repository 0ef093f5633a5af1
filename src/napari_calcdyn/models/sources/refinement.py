"""Footprints on the pixels, and the activity that belongs to them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label
from scipy.sparse import csr_array, diags_array, vstack
from scipy.sparse.linalg import splu

from napari_calcdyn.recording import Movie, ProgressCallback, report
from napari_calcdyn.recording.traces.extraction import weighted_pixels

from .kernels import add_window_products, sweep

_SWEEPS = 5
_ONE_PIECE, _ROUND = 0.8, 0.4
_KEPT = 0.2
_RIDGE = 1e-6


class Windows:
    """Footprints (k, w, w), each in a window of its own.

    Parameters
    ----------
    middles : ndarray (k, 2)
        Pixels in the middle of the windows.
    reach : int
        Pixels from there to the edge.
    frame_shape : tuple of int
        Height and width of a frame.
    """

    def __init__(self, middles: NDArray[np.int64], reach: int, frame_shape: tuple[int, int]) -> None:
        self.middles, self.reach, self.frame_shape = middles, reach, frame_shape
        self.tops, self.lefts = (np.ascontiguousarray(it) for it in (middles - reach).T)
        side = np.arange(2 * reach + 1)
        rows, columns = self.tops[:, None] + side, self.lefts[:, None] + side
        self.inside = ((rows >= 0) & (rows < frame_shape[0]))[:, :, None] & (
            (columns >= 0) & (columns < frame_shape[1])
        )[:, None]
        self.pixels = rows[:, :, None] * frame_shape[1] + columns[:, None]

    def __len__(self) -> int:
        return len(self.middles)

    def chosen(self, which: NDArray[np.int64]) -> Windows:
        """Return some of them."""
        return Windows(self.middles[which], self.reach, self.frame_shape)

    def sparse(self, values: NDArray[np.float64]) -> csr_array:
        """Return footprints in windows as rows of pixels, (k, Y·X)."""
        kept = self.inside & (values > 0)
        ends = np.cumsum([0, *kept.sum((1, 2))])
        return csr_array(
            (values[kept], self.pixels[kept], ends), shape=(len(self), self.frame_shape[0] * self.frame_shape[1])
        )

    def of(self, pictures: csr_array, first: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``first @ pictures``, (k, Y·X), in the windows only."""
        out = np.zeros(self.pixels.shape)
        columns = pictures.tocsc()
        for k in range(len(self)):
            inside = self.inside[k]
            part = columns[:, self.pixels[k][inside]]
            out[k][inside] = first[k] @ part
        return out

    @property
    def overlapping(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the list of each window begins, (k + 1,), and the windows that overlap with it."""
        lists = [np.flatnonzero(np.abs(self.middles - it).max(1) <= 2 * self.reach) for it in self.middles]
        return np.cumsum([0, *map(len, lists)]), np.concatenate(lists)


def background_grid(frame_shape: tuple[int, int], spacing: float) -> csr_array:
    """Return smooth patches on a grid that add up to 1 everywhere, (b, Y·X)."""
    parts = []
    for size in frame_shape:
        count = max(2, round(size / spacing) + 1)
        at = np.arange(size) * (count - 1) / (size - 1)
        parts.append(np.maximum(1 - np.abs(at - np.arange(count)[:, None]), 0))
    patches = [csr_array(np.outer(a, b).ravel()[None]) for a in parts[0] for b in parts[1]]
    return csr_array(vstack(patches))


def activity_of(
    movie: Movie, footprints: csr_array, progress: ProgressCallback | None = None
) -> NDArray[np.float64]:
    """Return the activity (n, T) of footprints (n, Y·X) that comes closest to each frame's deviation from the mean."""
    usable = movie.valid_pixels.ravel() & np.isfinite(movie.mean_frame()).ravel()
    weights = csr_array(footprints @ diags_array(usable.astype(np.float64)))
    weights.eliminate_zeros()
    sums = weighted_pixels(movie, weights, progress).astype(np.float64)
    sums -= sums[:, movie.valid_frames].mean(1, keepdims=True)
    sums[:, ~movie.valid_frames] = 0
    gram = (weights @ weights.T).tocsc()
    gram += diags_array(_RIDGE * gram.diagonal() + 1e-30)
    activity: NDArray[np.float64] = splu(gram.tocsc()).solve(sums)
    return activity


def refined(
    movie: Movie,
    windows: Windows,
    cells: NDArray[np.float64],
    background: csr_array,
    smoothing: float,
    progress: ProgressCallback | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regress the frames on the activity of cells and background, and return new footprints of the cells."""
    count = len(windows)
    activity = activity_of(movie, csr_array(vstack([windows.sparse(cells), background])), progress)
    targets = _window_products(movie, windows, activity[:count].astype(np.float32))
    gram = activity[:count] @ activity.T
    targets -= windows.of(background, gram[:, count:])
    starts, near = windows.overlapping
    values = cells.copy()
    for _ in range(_SWEEPS):
        sweep(values, windows.tops, windows.lefts, targets, gram[:, :count].copy(), starts, near, windows.inside)
    return np.stack([_trimmed(it, smoothing) for it in values]) if count else values, activity[:count]


def distinct(
    windows: Windows, cells: NDArray[np.float64], activity: NDArray[np.float64], contrast: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the cells that are no part and no remainder of a stronger one."""
    masks = windows.sparse(np.where(cells > cells.max((1, 2), keepdims=True) / 2, 1.0, 0.0))
    areas = masks.sum(1)
    shared = (masks @ masks.T).todok()
    compact = [_is_compact(it) for it in cells]
    unit = activity / np.maximum(np.linalg.norm(activity, axis=1, keepdims=True), 1e-30)
    power = np.square(cells).sum((1, 2)) * np.square(activity).sum(1)
    kept: list[int] = []
    for k in np.argsort(-power):
        if compact[k] and not any(
            _belongs(
                shared[k, j] / min(areas[k], areas[j]),
                np.hypot(*(windows.middles[k] - windows.middles[j])) / windows.reach,
                float(unit[k] @ unit[j]),
                power[k] / power[j],
                contrast[k] / contrast[j],
            )
            for j in kept
            if np.abs(windows.middles[k] - windows.middles[j]).max() <= 2.5 * windows.reach
        ):
            kept.append(int(k))
    return np.sort(kept).astype(np.int64)


def _is_compact(footprint: NDArray[np.float64]) -> bool:
    """Tell whether a footprint is in one piece and about as round as a cell."""
    inside = footprint > footprint.max() / 2
    area = np.count_nonzero(inside)
    parts, _ = label(inside, np.ones((3, 3)))
    if not area or np.bincount(parts.ravel())[1:].max() < _ONE_PIECE * area:
        return False
    spread = np.argwhere(inside).var(0).sum()  # that of a disc is area / 2π
    return bool(area / (2 * np.pi) >= _ROUND * spread)


def _belongs(overlap: float, distance: float, correlation: float, power: float, contrast: float) -> bool:
    """Tell whether a source is a part or a remainder of a stronger one."""
    piece = distance < 1.5 and correlation > 0.85 and power < 0.5
    return overlap > 0.75 or piece or (overlap > 0.5 and (correlation > 0.7 or contrast < 0.05))


def _trimmed(footprint: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Smooth a footprint, and end it below a part of its maximum."""
    smooth = gaussian_filter(footprint, smoothing, mode="constant")
    parts, _ = label(smooth > _KEPT * smooth.max())
    middle = len(smooth) // 2
    part = parts[middle, middle] or parts.flat[smooth.argmax()]
    return np.where((parts == part) & (part > 0), smooth, 0)


def _window_products(
    movie: Movie, windows: Windows, activity: NDArray[np.float32]
) -> NDArray[np.float64]:
    workers = min(4, os.cpu_count() or 1)
    out = np.zeros(windows.pixels.shape)
    bounds = np.linspace(0, len(windows), workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        for start, block in movie.blocks():
            frames = np.nan_to_num(block.astype(np.float32)) if block.dtype.kind == "f" else block
            part = np.ascontiguousarray(activity[:, start : start + len(block)])
            list(
                pool.map(
                    lambda some: add_window_products(frames, part, windows.tops, windows.lefts, *some, out),  # noqa: B023
                    pairwise(bounds),
                )
            )
    return out
