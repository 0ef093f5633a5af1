"""Footprints of ROIs, as latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import InputError

_ROIS_AT_ONCE = 64


@torch.no_grad()
def encoded_footprints(model: VARAutoencoder, footprints: Any) -> NDArray[np.float32]:
    """Encode footprints: what one unit of each latent adds to the trace of each ROI, ``s e_r``.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    footprints : scipy.sparse array or ndarray (N, Y·X)
        Pixel weights of each ROI, of any sign.

    Returns
    -------
    ndarray (N, d), float32
        In movie units. A row of zeros is an ROI that no latent reaches.

    Raises
    ------
    InputError
        If the footprints belong to frames of another size, or the model's network is convolutional.
    """
    network = model.footprint_network
    height, width = model.frame_shape
    n_rois, pixels = footprints.shape
    if pixels != height * width:
        raise InputError(
            f"The ROIs have {pixels:,} pixels, but the model was trained on frames of {height} × {width}: "
            "choose the ROIs of this recording."
        )
    encoded = np.empty((n_rois, network.latents), np.float32)
    for start in range(0, n_rois, _ROIS_AT_ONCE):  # as images they take a hundred times the memory
        rows = footprints[start : start + _ROIS_AT_ONCE]
        dense = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
        images = torch.from_numpy(dense.astype(np.float32).reshape(-1, height, width))
        encoded[start : start + len(images)] = network.encode(images.to(model.device)).cpu().numpy()
    return encoded * np.float32(model.scale)
