"""Footprints that training begins with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, pad

from napari_calcdyn.recording import ProgressCallback, report

from .network import PatchAutoencoder
from .smoothness import Smooth
from .tiles import Tiles

REACH = 5
"""Frames before and after a frame that its picture is compared with."""
_ITERATIONS = 16
_MOST_COARSE = 12  # coarse pixels along a tile


@torch.no_grad()
def first_footprints(
    network: PatchAutoencoder,
    tiles: Tiles,
    used: Tensor,
    smooth: Smooth,
    seed: int,
    progress: ProgressCallback | None = None,
) -> Tensor:
    r"""Find, in the window of each place, the picture that neighbouring frames agree on most.

    It is the footprint f of length 1, ``f = smooth(v)``, with the largest covariance
    $\sum_t \langle f, x[t] \rangle \langle f, \bar x[t] \rangle$, where $\bar x[t]$ is the mean of the five frames
    before t and the five after it, without t itself. Shot noise is new in every frame and adds nothing to it, and
    activity without memory adds nothing either, so that weak cells are found that the largest variance would pass over.
    Places are taken in reading order, those of one row in two turns, and what a footprint explains is taken away before
    the next: a cell between two places is found once.

    Parameters
    ----------
    network : PatchAutoencoder
        Places and windows.
    tiles : Tiles
        Normalised frames in time order, 0 where there is nothing to use.
    used : Tensor (tiles, s²)
        1 at pixels that count, 0 at masked ones and beyond the edge.
    smooth : Smooth
        Average that makes footprints smooth.
    seed : int
        Of the random pictures that the search begins with.
    progress : callable or None
        Called with rows of places done and in all; returns True to stop.

    Returns
    -------
    Tensor (d, (2·stride)²)
        v, the footprints before `smooth` is applied.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    rows, columns = network.rows, network.columns
    search = _CoarseSearch(network.stride, smooth, seed, used.device)
    found = used.new_empty(rows, columns, (2 * network.stride) ** 2)
    taken = used.new_zeros(rows * columns).index_fill_(0, network.places, 1).view(rows, columns, 1, 1)
    inside = used.view(rows + 1, columns + 1, 1, -1)
    upper = _row(tiles, 0, columns + 1)
    upper_coarse = search.pool(upper)
    for row in range(rows):
        lower = _row(tiles, row + 1, columns + 1)
        lower_coarse = search.pool(lower)
        for turn in range(min(2, columns)):
            part = slice(turn, turn + (columns + 1 - turn) // 2 * 2)
            halves, coarse = (upper[part], lower[part]), (upper_coarse[part], lower_coarse[part])
            around = _twice(_around(search.traces(*coarse)))
            sharp = smooth(_joined(*((half.mT @ around)[..., 0] for half in halves)))
            length = smooth(sharp).norm(dim=1, keepdim=True).clamp_min(1e-12)
            found[row, turn::2] = sharp / length
            pictures = [it[:, None] for it in _cut(smooth(sharp) / length)]
            trace = sum(
                _pairs(half @ picture.mT).sum(1) for half, picture in zip(halves, pictures, strict=True)
            )
            # an empty place takes nothing away, and no pixel that does not count gets a value
            trace = _twice(trace * taken[row, turn::2])
            for at, picture in enumerate(pictures):
                removed = picture * inside[row + at, part]
                halves[at].baddbmm_(trace, removed, alpha=-1)
                coarse[at].baddbmm_(trace, search.pool(removed), alpha=-1)
        upper, upper_coarse = lower, lower_coarse
        report(progress, row + 1, rows)
    return found.flatten(0, 1)[network.places]


def coarse_side(stride: int) -> int:
    """Return how many coarse pixels, in which pictures are searched for, lie along a tile."""
    return min(stride // min(3, max(1, stride // 4)), _MOST_COARSE)


class _CoarseSearch:
    """Search for pictures on pixels of 1 to 3 pixels, which is enough for cells."""

    def __init__(self, stride: int, smooth: Smooth, seed: int, device: torch.device) -> None:
        side = coarse_side(stride)
        pool = adaptive_avg_pool1d(torch.eye(stride)[None], side)[0]
        self._pool = torch.kron(pool, pool).to(device)  # (s², c²)
        smooth = Smooth(2 * side, smooth.sigma * side / stride)
        units = torch.eye(4 * side**2).view(-1, 2, 2, side**2)
        halves = _cut(smooth(_joined(units[:, 0].flatten(0, 1), units[:, 1].flatten(0, 1))))
        # averages a picture whose four tiles follow each other, (4·c², 4·c²)
        self._smooth = torch.cat([_pairs(it).flatten(1) for it in halves], 1).to(device)
        self._draw = torch.Generator().manual_seed(seed)

    def pool(self, tiles: Tensor) -> Tensor:
        """Average the pixels of tiles (…, s²) to coarse ones, (…, c²)."""
        return tiles @ self._pool

    def traces(self, upper: Tensor, lower: Tensor) -> Tensor:
        """Return the trace (windows, n, 1) of the picture that neighbouring frames agree on, by power iteration.

        The upper tiles of all windows and the lower ones are given in coarse pixels, (2·windows, n, c²).
        """
        windows = torch.cat([_pairs(upper), _pairs(lower)], 1).transpose(1, 2)
        windows = windows.flatten(2) @ self._smooth  # (windows, n, 4·c²)
        agreement = windows.mT @ _around(windows)
        shapes = torch.randn(agreement.shape[:2], generator=self._draw).to(windows.device)[..., None]
        for _ in range(_ITERATIONS):
            shapes = agreement @ shapes
            shapes = shapes / shapes.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return windows @ shapes


def _row(tiles: Tiles, row: int, columns: int) -> Tensor:
    """Return a row of tiles, (columns, n, s²), to be changed."""
    dense = tiles.dense(slice(row * columns, (row + 1) * columns))
    return dense.clone() if tiles.units is None else dense


def _joined(upper: Tensor, lower: Tensor) -> Tensor:
    """Join the upper tiles of windows and the lower ones, (2·windows, s²), to windows (windows, (2s)²)."""
    side = round(upper.shape[1] ** 0.5)
    tiles = torch.stack([it.view(-1, 2, side, side) for it in (upper, lower)], 1)
    return tiles.transpose(2, 3).flatten(1)


def _cut(windows: Tensor) -> tuple[Tensor, Tensor]:
    """Cut windows (windows, (2s)²) into their upper tiles and their lower ones, each (2·windows, s²)."""
    side = round(windows.shape[1] ** 0.5) // 2
    upper, lower = windows.view(-1, 2, side, 2, side).transpose(2, 3).unbind(1)
    return upper.reshape(-1, side**2), lower.reshape(-1, side**2)


def _pairs(tiles: Tensor) -> Tensor:
    """Group what belongs to two neighbouring tiles (2·windows, …), (windows, 2, …)."""
    return tiles.view(len(tiles) // 2, 2, *tiles.shape[1:])


def _twice(values: Tensor) -> Tensor:
    """Repeat what belongs to a window (windows, …) for its two neighbouring tiles, (2·windows, …)."""
    return values.repeat_interleave(2, 0)


def _around(traces: Tensor) -> Tensor:
    """Average the frames before and after each frame, (places, n, k); what lies beyond the ends counts as 0."""
    total = pad(traces, (0, 0, REACH + 1, REACH)).cumsum(1)
    return (total[:, 2 * REACH + 1 :] - total[:, : traces.shape[1]] - traces) / (2 * REACH)
