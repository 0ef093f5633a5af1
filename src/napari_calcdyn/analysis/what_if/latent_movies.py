"""Movie of a series of latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording.movies.lazy import lazy_frames

MOST_BYTES = 64 * 2**20  # of a movie that is decoded at once


def latent_movie(
    model: VARAutoencoder, latents: NDArray[np.floating], *, deviation: bool, most_bytes: int = MOST_BYTES
) -> Any:
    """Decode latents frame by frame.

    Parameters
    ----------
    model : VARAutoencoder
        Its network decodes.
    latents : ndarray (n, d)
        Latents in time order.
    deviation : bool
        Whether they are deviations, which add to a picture; else they are a picture by themselves.
    most_bytes : int
        Of a movie that is decoded at once.

    Returns
    -------
    ndarray or dask array (n, Y, X), float32
        ``s D z`` or ``m + s D z``, in movie units; a dask array of one frame a chunk where it is large.
    """
    latents = np.asarray(latents, np.float32)

    @torch.no_grad()
    def decode(start: int, stop: int) -> NDArray[np.float32]:
        if not deviation:
            return model.decode(latents[start:stop])
        decoded = model.network.decode(torch.from_numpy(latents[start:stop]).to(model.device))
        frames: NDArray[np.float32] = decoded.cpu().numpy()
        return np.float32(model.scale) * frames

    shape = (len(latents), *model.frame_shape)
    if 4 * np.prod(shape) <= most_bytes:
        return decode(0, len(latents))
    return lazy_frames(decode, shape, np.float32, frames_per_chunk=1)
