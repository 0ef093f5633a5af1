"""Outlines along the edges of pixels, from which the same pixels can be filled again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TURNS = {(0, 1): (1, 0), (1, 0): (0, -1), (0, -1): (-1, 0), (-1, 0): (0, 1)}  # to the right of a step (y, x)


def trace_mask(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Follow the edges of the pixels of a mask.

    Parameters
    ----------
    mask : ndarray (Y, X), bool
        Pixels of one ROI.

    Returns
    -------
    list of ndarray (n, 2), int64
        Corners (y, x) of closed outlines, the outer ones and those of holes; pixel (y, x) reaches from its own corner
        (y, x) to (y + 1, x + 1), as in ImageJ. By the even-odd rule they hold exactly the pixels of the mask.
    """
    there = np.pad(mask, 1)
    inside = there[1:-1, 1:-1]
    # Each pixel's edges to others, clockwise: where it begins, and the step along it.
    edges = (
        (there[:-2, 1:-1], (0, 0), (0, 1)),
        (there[1:-1, 2:], (0, 1), (1, 0)),
        (there[2:, 1:-1], (1, 1), (0, -1)),
        (there[1:-1, :-2], (1, 0), (-1, 0)),
    )
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for beyond, (down, right), step in edges:
        for y, x in np.argwhere(inside & ~beyond).tolist():
            steps.setdefault((y + down, x + right), []).append(step)
    return [_follow(steps, start) for start in sorted(steps) for _ in range(len(steps[start]))]


def _follow(steps: dict[tuple[int, int], list[tuple[int, int]]], start: tuple[int, int]) -> NDArray[np.int64]:
    """Take one outline out of the steps, and return where it turns."""
    at, last = start, (0, 0)
    corners = []
    while steps[at]:
        # Where two pixels touch at a corner, it turns to the right and stays with its pixel.
        wanted = _TURNS.get(last, steps[at][0])
        step = wanted if wanted in steps[at] else steps[at][0]
        steps[at].remove(step)
        if step != last:
            corners.append(at)
        at, last = (at[0] + step[0], at[1] + step[1]), step
    return np.array(corners)
