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
    noise, squares, total, step = torch.zeros(4, *frames.used.shape, device=frames.device)
    valid = frames.valid(0, count)
    usable = [True] * count if valid is None else valid.tolist()
    pairs = 0
    last: Tensor | None = None
    for start, block in frames.batches(0, count):
        for at, frame in enumerate(
            block.dense().unbind(1), start
        ):  # one frame stays in the processor's cache
            if last is not None and usable[at - 1] and usable[at]:
                torch.sub(frame, last, out=step)
                noise.addcmul_(step, step, value=0.5)
                squares.addcmul_(frame, frame)
                total += frame
                pairs += 1
            last = frame
    pairs = max(pairs, 1)
    variance = (squares - total.square() / pairs).sum().clamp_min(1e-12)
    return noise / pairs, float((noise.sum() / variance).clamp(0, 1))
