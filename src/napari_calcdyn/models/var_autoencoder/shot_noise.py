"""Shot noise of a recording."""

from __future__ import annotations

import torch
from torch import Tensor

from .tiled_frames import TiledFrames

_MOST_FRAMES = 1024


def shot_noise(frames: TiledFrames, count: int) -> tuple[Tensor, float]:
    """Measure how much of each pixel's variance is new in every frame: half the mean square of x[t] − x[t−1].

    Parameters
    ----------
    frames : TiledFrames
        The recording.
    count : int
        Number of first frames to use; of more than 1,024, the first 1,024.

    Returns
    -------
    variance : Tensor (tiles, s²)
        Variance of the noise, normalised as the frames are.
    share : float
        Share of the noise in the variance of all pixels, 0 to 1.
    """
    count = min(count, _MOST_FRAMES)
    noise, squares, total = torch.zeros(3, *frames.used.shape, device=frames.device)
    pairs = 0
    last: Tensor | None = None
    for start, block in frames.batches(0, count):
        joined = block if last is None else torch.cat([last, block], 1)
        first, last = start + block.shape[1] - joined.shape[1], block[:, -1:]
        valid = frames.valid(first, start + block.shape[1])
        steps, later = joined.diff(dim=1), joined[:, 1:]
        if valid is not None:
            both = valid[1:] & valid[:-1]
            steps, later = steps[:, both], later[:, both]
        noise += steps.square().sum(1) / 2
        squares += later.square().sum(1)
        total += later.sum(1)
        pairs += steps.shape[1]
    pairs = max(pairs, 1)
    variance = (squares - total.square() / pairs).sum().clamp_min(1e-12)
    return noise / pairs, float((noise.sum() / variance).clamp(0, 1))
