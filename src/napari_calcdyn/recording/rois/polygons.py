"""Pixels inside outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text


def fill_outline(
    paths: Sequence[NDArray[np.float64]], frame_shape: tuple[int, int]
) -> tuple[NDArray[np.int64], bool]:
    """Find the pixels whose centres lie inside closed outlines.

    Even-odd rule, so an outline within another one is a hole. The centre of pixel (y, x) is at (y, x), as in
    napari, so the image reaches from -0.5 to Y - 0.5. A centre exactly on an edge belongs to the left and upper
    edges, so that polygons side by side share no pixel.

    Parameters
    ----------
    paths : sequence of ndarray of shape (n, 2)
        Corners (y, x) of each outline; the last one is joined to the first.
    frame_shape : tuple of int
        Height and width of the image.

    Returns
    -------
    pixels : ndarray of int64
        Flat indices (y · width + x) in the image, ascending.
    cut : bool
        Whether the outlines reach out of the image.
    """
    start = np.concatenate(paths)
    end = np.concatenate([np.roll(path, -1, axis=0) for path in paths])
    height, width = frame_shape
    low, high = start.min(axis=0), start.max(axis=0)
    cut = bool((low < -0.5).any() or (high > np.array([height, width]) - 0.5).any())
    rows = np.arange(max(0, int(np.ceil(low[0]))), min(height - 1, int(np.floor(high[0]))) + 1)
    found = [np.empty(0, np.int64)]
    for row in rows:
        crossed = (start[:, 0] <= row) != (end[:, 0] <= row)
        a, b = start[crossed], end[crossed]
        x = np.sort(a[:, 1] + (row - a[:, 0]) * (b[:, 1] - a[:, 1]) / (b[:, 0] - a[:, 0]))
        columns = np.ceil(np.clip(x, 0, width)).astype(np.int64)
        found += [
            row * width + np.arange(first, last)
            for first, last in zip(columns[::2], columns[1::2], strict=True)
        ]
    return np.concatenate(found), cut


def fill_outlines(
    outlines: Sequence[Sequence[NDArray[np.float64]]],
    frame_shape: tuple[int, int],
    ids: NDArray[np.int64],
    name: str,
) -> tuple[list[NDArray[np.int64]], int]:
    """Find the pixels of several ROIs by `fill_outline`.

    Parameters
    ----------
    outlines : sequence of sequences of ndarray of shape (n, 2)
        Of each ROI.
    frame_shape : tuple of int
        Height and width of the image.
    ids : ndarray of shape (N,), int64
        Numbers of the ROIs, for messages.
    name : str
        Where they came from, for messages.

    Returns
    -------
    pixels : list of ndarray of int64
        Of each ROI.
    n_cut : int
        How many ROIs reach out of the image.

    Raises
    ------
    InputError
        If one is no area, lies outside the image, or covers no pixel's centre.
    """
    pixels: list[NDArray[np.int64]] = []
    n_cut = 0
    for number, paths in zip(ids, outlines, strict=True):
        for path in paths:
            if path.ndim != 2 or path.shape[1] != 2 or len(path) < 3 or not np.isfinite(path).all():
                raise InputError(f"ROI {number} of {name} is no area: give at least three corners (y, x).")
        inside, cut = fill_outline(paths, frame_shape)
        if not len(inside):
            where = "lies outside the image" if cut else "covers no pixel's centre"
            raise InputError(
                f"ROI {number} of {name} {where} ({size_text(frame_shape)} pixels): delete it or draw it again."
            )
        n_cut += cut
        pixels.append(inside)
    return pixels, n_cut
