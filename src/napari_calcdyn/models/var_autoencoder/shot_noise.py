"""Shot noise of a recording, and footprints that are as smooth as it demands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .network import PatchAutoencoder
from .windows import NormalisedMovie

_MOST_FRAMES = 1024


def shot_noise(frames: NormalisedMovie, count: int) -> tuple[Tensor, float]:
    """Measure how much of each pixel's variance is new in every frame: half the mean square of x[t] − x[t−1].

    Parameters
    ----------
    frames : NormalisedMovie
        The recording.
    count : int
        Number of first frames to use; of more than 1,024, the first 1,024.

    Returns
    -------
    variance : Tensor (Y, X)
        Variance of the noise, normalised as the frames are.
    share : float
        Share of the noise in the variance of all pixels, 0 to 1.
    """
    count = min(count, _MOST_FRAMES)
    noise, squares, total = torch.zeros(3, *frames.frames(0, 1).shape[1:], device=frames.device)
    pairs = 0
    last: Tensor | None = None
    for start, block in frames.batches(0, count):
        joined = block if last is None else torch.cat([last, block])
        first, last = start + len(block) - len(joined), block[-1:]
        valid = frames.valid(first, start + len(block))
        steps, later = joined.diff(dim=0), joined[1:]
        if valid is not None:
            both = valid[1:] & valid[:-1]
            steps, later = steps[both], later[both]
        noise += steps.square().sum(0) / 2
        squares += later.square().sum(0)
        total += later.sum(0)
        pairs += len(steps)
    pairs = max(pairs, 1)
    variance = (squares - total.square() / pairs).sum().clamp_min(1e-12)
    return noise / pairs, float((noise.sum() / variance).clamp(0, 1))


@contextmanager
def smooth_shapes(network: PatchAutoencoder, sigma: float) -> Iterator[None]:
    """Train patch shapes that are a Gaussian average, and leave the averages in the network at the end.

    Nothing that a microscope shows is sharper than about a pixel. Footprints that may be sharper fit the shot noise of
    single pixels.

    Parameters
    ----------
    network : PatchAutoencoder
        The network.
    sigma : float
        Standard deviation of the Gaussian in pixels; hardly anything happens below 0.3.

    Yields
    ------
    None
        Once; the network is to be trained inside the ``with`` block.
    """
    start = network.shapes.detach().clone()
    smooth = _Smooth(2 * network.stride, sigma).to(start.device)
    parametrize.register_parametrization(network, "shapes", smooth, unsafe=True)
    # as strong at the start as they were
    stronger = start * (start.norm() / smooth(start).norm())
    network.parametrizations.shapes.original.data.copy_(stronger)  # type: ignore[union-attr, operator]
    try:
        yield
    finally:
        parametrize.remove_parametrizations(network, "shapes", leave_parametrized=True)


class _Smooth(nn.Module):
    """Gaussian average of square patches (n, side²)."""

    kernel: Tensor

    def __init__(self, side: int, sigma: float) -> None:
        super().__init__()
        at = torch.arange(side)
        kernel = torch.exp(-0.5 * ((at[:, None] - at) / max(sigma, 1e-3)) ** 2)
        self.register_buffer("kernel", kernel / kernel.sum(1).max())

    def forward(self, patches: Tensor) -> Tensor:
        side = len(self.kernel)
        return (self.kernel @ patches.view(-1, side, side) @ self.kernel).flatten(1)
