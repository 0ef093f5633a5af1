"""Footprints as smooth as a microscope's picture, and those that training begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils import parametrize

from napari_calcdyn.recording import ProgressCallback, report

from .network import PatchAutoencoder

REACH = 5
"""Frames before and after a frame that its picture is compared with."""
_ITERATIONS = 16


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
    frames: Tensor,
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
    frames : Tensor (n, Y, X)
        Normalised frames in time order, 0 where there is nothing to use.
    smooth : Smooth
        Average that makes footprints smooth.
    seed : int
        Of the random pictures that the search begins with.
    progress : callable or None
        Called with rows of places done and in all; returns True to stop.

    Returns
    -------
    Tensor (d, (2·stride)²)
        v, the footprints before they are averaged.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    s, rows, columns = network.stride, network.rows, network.columns
    draw = torch.Generator().manual_seed(seed)
    found = torch.randn(rows, columns, (2 * s) ** 2, generator=draw).to(frames.device)
    band = torch.cat([_strip(network, frames, row) for row in (0, 0)], 1)
    for row in range(rows):
        band = torch.cat([band[:, s:], _strip(network, frames, row + 1)], 1)
        for turn in (0, 1):
            windows = band[:, :, s * turn :].unfold(2, 2 * s, 2 * s)  # (n, 2s, places, 2s)
            rest = windows.permute(2, 0, 1, 3).flatten(2)
            sharp = found[row, turn::2]
            for _ in range(_ITERATIONS):
                time = rest @ smooth(sharp)[..., None]
                sharp = smooth((rest.mT @ _around(time))[..., 0])
                sharp = sharp / sharp.norm(dim=1, keepdim=True).clamp_min(1e-12)
            length = smooth(sharp).norm(dim=1, keepdim=True).clamp_min(1e-12)
            found[row, turn::2] = sharp / length
            footprint = (smooth(sharp) / length)[..., None]
            rest -= (rest @ footprint) @ footprint.mT
            windows.copy_(rest.unflatten(2, (2 * s, 2 * s)).permute(1, 2, 0, 3))
        report(progress, row + 1, rows)
    return found.flatten(0, 1)[network.places]


def _strip(network: PatchAutoencoder, frames: Tensor, row: int) -> Tensor:
    """Cut one row of tiles out of the padded frames, (n, s, (columns + 1)·s)."""
    left, right, top, _ = network.padding
    first, last = row * network.stride - top, (row + 1) * network.stride - top
    inside = frames[:, max(first, 0) : last]
    return pad(inside, (left, right, max(0, -first), network.stride - max(0, -first) - inside.shape[1]))


def _around(traces: Tensor) -> Tensor:
    """Average the frames before and after each frame, (places, n, 1); what lies beyond the ends counts as 0."""
    total = pad(traces[..., 0], (REACH + 1, REACH)).cumsum(1)
    mean = (total[:, 2 * REACH + 1 :] - total[:, : traces.shape[1]] - traces[..., 0]) / (2 * REACH)
    return mean[..., None]
