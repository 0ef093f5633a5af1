"""Latents of a few pieces of a recording, one after the other, with no prediction from one to the next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .autoencoder import Autoencoder
from .tiled_frames import TiledFrames


def encode_pieces(
    network: Autoencoder,
    frames: TiledFrames,
    within: Tensor,
    gap: int,
    pieces: Sequence[range],
    *,
    measured: bool = False,
) -> tuple[Tensor, Tensor | None, float]:
    """Encode pieces of a recording.

    Parameters
    ----------
    network : Autoencoder
        The network.
    frames : TiledFrames
        The recording as the network sees it.
    within : Tensor
        From `network.within`.
    gap : int
        Frames of zeros between any two pieces, which cannot be used.
    pieces : sequence of range
        Of the frames.
    measured : bool
        Whether to decode them, too.

    Returns
    -------
    latents : Tensor (1, n, d)
        Of all pieces, with the gaps.
    valid : Tensor (1, n), bool, or None
        Which of them can be used; None where all can.
    squares : float
        Sum of the squared errors of the frames that can be used; 0 if it is not `measured`.
    """
    latents: list[Tensor] = []
    valid: list[Tensor] = []
    squares, all_valid = 0.0, len(pieces) == 1
    for piece in pieces:
        if latents:
            latents.append(latents[-1].new_zeros(gap, network.latents))
            valid.append(torch.zeros(gap, dtype=torch.bool, device=frames.device))
        for start, tiles in frames.batches(piece.start, piece.stop):
            latents.append(network.encode_tiles(tiles, within))
            usable = frames.valid(start, start + len(tiles))
            if usable is None:
                usable = torch.ones(len(tiles), dtype=torch.bool, device=frames.device)
            else:
                all_valid = False
            valid.append(usable)
            if measured:
                squares += float(network.squared_error(tiles, latents[-1], within)[usable].sum())
    return torch.cat(latents)[None], None if all_valid else torch.cat(valid)[None], squares
