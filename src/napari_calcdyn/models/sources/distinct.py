"""Which footprints are cells, each its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from .refinement import Refined
from .windows import Windows

_ONE_PIECE = 0.8  # part of its pixels that hang together
_ROUND = 0.28  # spread of a disc of the same area over that of the pixels
_RAGGED = 3.5  # square of the number of pixels around, relative to that of a disc of the same area
_SURROUNDINGS = 0.1  # activity around a cell, relative to the cell
_SAME = 0.75  # overlap, relative to the smaller one, of two sources that cannot be told apart
_OVERLAP = 0.5  # overlap of a cell and what is left of it, or a part of it
_PART = 0.7  # correlation of a cell and a part of it
_REMAINDER = 0.05  # contrast of what is left of a cell, relative to the cell's
# Of a cell and a piece of it: distance in cell diameters, correlation without shot noise, and relative power.
_BESIDE, _ALIKE, _WEAKER = 1.75, 0.92, 0.75


def distinct(windows: Windows, refined: Refined, contrast: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose the cells that are compact and end, and are no part and no remainder of a stronger one.

    Parameters
    ----------
    windows : Windows
        Of k cells; as far to each side as a cell is wide.
    refined : Refined
        The cells.
    contrast : ndarray (k,)
        How clear each was when it was found.

    Returns
    -------
    ndarray of int64
        Numbers of the cells that are kept, in order.
    """
    cells = refined.cells
    half = cells > cells.max((1, 2), keepdims=True) / 2
    masks = windows.sparse(half)
    areas = half.sum((1, 2))
    shared = (masks @ masks.T).todok()
    deviation = refined.activity - refined.activity.mean(1, keepdims=True)
    unit = deviation / np.maximum(np.linalg.norm(deviation, axis=1, keepdims=True), 1e-30)
    power = np.square(cells).sum((1, 2)) * np.square(deviation).sum(1)
    kept: list[int] = []
    for k in np.argsort(-power):
        if refined.surroundings[k] > _SURROUNDINGS or not _is_compact(half[k]):
            continue
        for j in windows.near(k, kept):
            overlap = shared[k, j] / min(areas[k], areas[j])
            alike = float(unit[k] @ unit[j])
            without_noise = alike / np.sqrt(refined.reliability[k] * refined.reliability[j])
            distance = np.hypot(*(windows.middles[k] - windows.middles[j])) / windows.reach
            if (
                overlap > _SAME
                or (overlap > _OVERLAP and (alike > _PART or contrast[k] < _REMAINDER * contrast[j]))
                or (distance < _BESIDE and without_noise > _ALIKE and power[k] < _WEAKER * power[j])
            ):
                break
        else:
            kept.append(int(k))
    return np.sort(np.array(kept, np.int64))


def _is_compact(mask: NDArray[np.bool_]) -> bool:
    """Tell whether pixels are about in one piece and as round as a cell."""
    area = np.count_nonzero(mask)
    parts, _ = label(mask, np.ones((3, 3)))
    if not area or np.bincount(parts.ravel())[1:].max() < _ONE_PIECE * area:
        return False
    spread = np.argwhere(mask).var(0).sum()  # that of a disc is area / 2π
    padded = np.pad(mask, 1)
    around = np.count_nonzero(binary_dilation(padded) & ~padded)
    return bool(area / (2 * np.pi) >= _ROUND * spread and around**2 <= _RAGGED * 4 * np.pi * area)
