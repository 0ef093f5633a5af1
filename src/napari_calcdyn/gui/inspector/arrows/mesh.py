"""Arrows as one mesh: bent ribbons with heads, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEPS = 10  # pieces of a ribbon
_BEND = 0.14  # of its length, to the side: there and back are two arrows
_HEAD = 2.6  # width of the head, of the ribbon's widest

INCOMING, OUTGOING, OUTLINE = 0.0, 0.5, 1.0
"""Values of corners, for a colormap: an outline tells arrows apart from any picture below, and from each other."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in the plane, each corner with a value; those further back in the list lie on top.

    Attributes
    ----------
    vertices : ndarray (V, 2), float32
        Corners (y, x).
    faces : ndarray (F, 3), int32
        Indices of corners.
    values : ndarray (V,), float32
        `INCOMING`, `OUTGOING` or `OUTLINE`.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    values: NDArray[np.float32]


NOTHING = Mesh(np.zeros((3, 2), np.float32), np.array([[0, 1, 2]], np.int32), np.zeros(3, np.float32))
"""What a layer without arrows holds: one triangle without extent."""


def arrow_mesh(
    tails: ArrayLike, tips: ArrayLike, widths: ArrayLike, values: ArrayLike, blunt: ArrayLike, gap: float
) -> Mesh:
    """Draw arrows.

    Parameters
    ----------
    tails, tips : array_like (n, 2)
        Where they come from and go to, (y, x).
    widths : array_like (n,)
        Of the ribbons, in the same unit.
    values : array_like (n,)
        Of each arrow, `INCOMING` or `OUTGOING`.
    blunt : array_like of bool (n,)
        Which end in a bar across instead of a point.
    gap : float
        What is left free at both ends, in the same unit; at most a quarter of the way.

    Returns
    -------
    Mesh
        In the order given, the last on top; `NOTHING` where there are none.
    """
    tail, tip = np.asarray(tails, float).reshape(-1, 2), np.asarray(tips, float).reshape(-1, 2)
    if not len(tail):
        return NOTHING
    width = np.asarray(widths, float)
    along = tip - tail
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    along /= length
    free = np.minimum(gap, length / 4)
    start, end = tail + free * along, tip - free * along
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1)
    middle = (start + end) / 2 + _BEND * length * aside
    value, is_blunt = np.asarray(values, float), np.asarray(blunt, bool)
    rim = 0.5 + 0.15 * width
    outline = np.full_like(value, OUTLINE)
    parts = [
        _bodies(start, middle, end, width + 2 * rim, rim, outline, is_blunt),
        _bodies(start, middle, end, width, np.zeros_like(rim), value, is_blunt),
    ]
    # Outline and body of each arrow together, so that arrows cover each other as wholes.
    vertices, faces, painted = (np.stack([part[i] for part in parts], axis=1) for i in range(3))
    count = vertices.shape[2]
    first = count * np.arange(2 * len(tail)).reshape(len(tail), 2, 1, 1)
    return Mesh(
        vertices.reshape(-1, 2).astype(np.float32),
        (faces + first).reshape(-1, 3).astype(np.int32),
        painted.reshape(-1).astype(np.float32),
    )


def _bodies(
    start: NDArray[np.float64],
    middle: NDArray[np.float64],
    end: NDArray[np.float64],
    width: NDArray[np.float64],
    rim: NDArray[np.float64],
    value: NDArray[np.float64],
    blunt: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return vertices (n, V, 2), faces (n, F, 3) counted from each arrow's first vertex, and values (n, V)."""
    body = width - 2 * rim
    head = np.maximum(_HEAD * body, 3.0)  # length of a point
    forward = end - middle
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-9)
    across = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    neck = end - np.where(blunt, 0.0, 0.9 * head)[:, None] * forward

    at = np.linspace(0, 1, _STEPS + 1)[None, :, None]
    control = middle + 0.5 * (neck - end)
    curve = (1 - at) ** 2 * start[:, None] + 2 * at * (1 - at) * control[:, None] + at**2 * neck[:, None]
    slope = 2 * (1 - at) * (control - start)[:, None] + 2 * at * (neck - control)[:, None]
    slope /= np.maximum(np.linalg.norm(slope, axis=2, keepdims=True), 1e-9)
    side = np.stack([-slope[..., 1], slope[..., 0]], axis=2)
    # Thin where it begins: the way it goes is seen without looking for the head.
    taper = (0.45 + 0.55 * at) * body[:, None, None] / 2 + rim[:, None, None]
    left, right = curve + taper * side, curve - taper * side

    half = (0.5 * head + rim)[:, None]
    back = (rim[:, None]) * forward
    bar = (np.maximum(0.45 * body, 0.8) + rim)[:, None] * forward
    point = np.stack(
        [neck - back + half * across, neck - back - half * across, end + 2 * back, end + 2 * back], 1
    )
    block = np.stack(
        [
            end - bar + half * across,
            end - bar - half * across,
            end + bar - half * across,
            end + bar + half * across,
        ],
        1,
    )
    top = np.where(blunt[:, None, None], block, point)

    vertices = np.concatenate([left, right, top], axis=1)
    here = np.arange(_STEPS)
    other = here + _STEPS + 1
    ribbon = np.concatenate([np.stack([here, here + 1, other], 1), np.stack([here + 1, other + 1, other], 1)])
    last = 2 * (_STEPS + 1)
    faces = np.concatenate([ribbon, [[last, last + 1, last + 2], [last, last + 2, last + 3]]])
    count = len(vertices)
    return (
        vertices,
        np.broadcast_to(faces, (count, *faces.shape)),
        np.broadcast_to(value[:, None], vertices.shape[:2]),
    )
