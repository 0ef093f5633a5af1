"""Footprints as smooth as a microscope's picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .network import PatchAutoencoder


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
