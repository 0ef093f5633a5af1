"""Footprints as smooth as a microscope's picture, and those that training begins with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, interpolate, pad
from torch.nn.utils import parametrize

from napari_calcdyn.recording import ProgressCallback, report

from .network import PatchAutoencoder

REACH = 5
"""Frames before and after a frame that its picture is compared with."""
_ITERATIONS = 16
_MOST_COARSE = 24


class Smooth(nn.Module):
    """Gaussian average of square patches (n, side²).

    Nothing that a microscope shows is sharper than about a pixel. Footprints that may be sharper fit the shot noise of
    single pixels.

    Parameters
    ----------
    side : int
        Height and width of a patch.
    sigma : float
        Standard deviation of the Gaussian in pixels; hardly anything happens below 0.3.
    """

    kernel: Tensor

    def __init__(self, side: int, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        at = torch.arange(side)
        kernel = torch.exp(-0.5 * ((at[:, None] - at) / max(sigma, 1e-3)) ** 2)
        self.register_buffer("kernel", kernel / kernel.sum(1).max())

    def forward(self, patches: Tensor) -> Tensor:
        """Average."""
        side = len(self.kernel)
        return (self.kernel @ patches.view(-1, side, side) @ self.kernel).flatten(1)


@contextmanager
def smoothed(network: PatchAutoencoder, smooth: Smooth) -> Iterator[None]:
    """Train patch shapes that are averages of the network's, and leave the averages in the network at the end.

    Parameters
    ----------
    network : PatchAutoencoder
        The network.
    smooth : Smooth
        The average, on the device of the network.

    Yields
    ------
    None
        Once; the network is to be trained inside the ``with`` block.
    """
    parametrize.register_parametrization(network, "shapes", smooth, unsafe=True)
    try:
        yield
    finally:
        parametrize.remove_parametrizations(network, "shapes", leave_parametrized=True)


@torch.no_grad()
def first_footprints(
    network: PatchAutoencoder,
    tiles: Tensor,
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
    tiles : Tensor (tiles, n, s²)
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
    draw = torch.Generator().manual_seed(seed)
    found = tiles.new_empty(rows, columns, (2 * network.stride) ** 2)
    taken = tiles.new_zeros(rows * columns).index_fill_(0, network.places, 1).view(rows, columns, 1, 1)
    grid = tiles.view(rows + 1, columns + 1, *tiles.shape[1:])
    inside = used.view(rows + 1, columns + 1, 1, -1)
    upper = grid[0].clone()
    for row in range(rows):
        lower = grid[row + 1].clone()
        for turn in range(min(2, columns)):
            rest = _windows(upper, lower, turn)
            sharp = _search(rest, smooth, draw)
            length = smooth(sharp).norm(dim=1, keepdim=True).clamp_min(1e-12)
            found[row, turn::2] = sharp / length
            footprint = (smooth(sharp) / length)[..., None]
            # an empty place takes nothing away, and no pixel that does not count gets a value
            removed = footprint.mT * _windows(inside[row], inside[row + 1], turn) * taken[row, turn::2]
            rest -= (rest @ footprint) @ removed
            _put_back(rest, upper, lower, turn)
        upper = lower
        report(progress, row + 1, rows)
    return found.flatten(0, 1)[network.places]


def _windows(upper: Tensor, lower: Tensor, turn: int) -> Tensor:
    """Join the tiles of two rows, (columns + 1, n, s²), to every other window, (places, n, (2s)²)."""
    places, s = (len(upper) - turn) // 2, math.isqrt(upper.shape[2])
    corners = [half[turn:][: 2 * places].view(places, 2, -1, s, s) for half in (upper, lower)]
    return torch.stack(corners, 1).permute(0, 3, 1, 4, 2, 5).reshape(places, -1, (2 * s) ** 2)


def _put_back(windows: Tensor, upper: Tensor, lower: Tensor, turn: int) -> None:
    """Write windows into the tiles that they were joined from."""
    places, s = len(windows), math.isqrt(upper.shape[2])
    corners = windows.view(places, -1, 2, s, 2, s).permute(2, 0, 4, 1, 3, 5)
    for half, tiles in zip((upper, lower), corners, strict=True):
        half[turn:][: 2 * places] = tiles.reshape(2 * places, -1, s * s)


def _search(windows: Tensor, smooth: Smooth, draw: torch.Generator) -> Tensor:
    """Find the pictures that neighbouring frames agree on in windows (places, n, (2s)²), before `smooth` is applied.

    By power iteration on pixels of 1 to 3 pixels, which is enough for cells, and once more on the pixels themselves.
    """
    places, side = len(windows), len(smooth.kernel)
    coarse = min(side // min(3, max(1, side // 8)), _MOST_COARSE)
    smooth_coarse = Smooth(coarse, smooth.sigma * coarse / side).to(windows.device)
    pool = adaptive_avg_pool1d(torch.eye(side)[None], coarse)[0].to(windows.device)  # (side, coarse)
    pooled = (pool.T @ windows.view(places, -1, side, side) @ pool).flatten(2)
    agreement = pooled.mT @ _around(pooled)
    shapes = torch.randn(places, coarse**2, generator=draw).to(windows.device)
    for _ in range(_ITERATIONS):
        shapes = smooth_coarse((agreement @ smooth_coarse(shapes)[..., None])[..., 0])
        shapes = shapes / shapes.norm(dim=1, keepdim=True).clamp_min(1e-12)
    shapes = interpolate(shapes.view(places, 1, coarse, coarse), (side, side), mode="bilinear").flatten(1)
    found: Tensor = smooth((windows.mT @ _around(windows @ smooth(shapes)[..., None]))[..., 0])
    return found


def _around(traces: Tensor) -> Tensor:
    """Average the frames before and after each frame, (places, n, k); what lies beyond the ends counts as 0."""
    total = pad(traces, (0, 0, REACH + 1, REACH)).cumsum(1)
    return (total[:, 2 * REACH + 1 :] - total[:, : traces.shape[1]] - traces) / (2 * REACH)
