"""What the dynamics predict of an ROI's trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..models.var import VAR
from ..models.var_autoencoder import VARAutoencoder
from ..recording import InputError


@torch.no_grad()
def predicted_traces(
    model: VARAutoencoder, latents: NDArray[np.float32], footprints: Any, *, var: VAR | None = None
) -> NDArray[np.float32]:
    """Predict the traces of some ROIs one frame ahead, without decoding a frame.

    The decoder is linear, and the encoder is its transpose: the mean of a decoded frame in a footprint is the
    footprint, encoded, times the latents. With ``e_r`` the encoded footprint ``f_r``, this is
    ``⟨f_r, m⟩ + s e_r · ẑ[t]``, the mean in the footprint of what `contribution_movie` and the mean frame add up to.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.latents` returns them.
    footprints : scipy.sparse array or ndarray (N, Y·X)
        Pixel weights of each ROI, of any sign.
    var : VAR, optional
        Another point of the model's lasso path; its own by default.

    Returns
    -------
    ndarray (N, T), float32
        In movie units; NaN in the first p frames, which have no past.

    Raises
    ------
    InputError
        If the footprints belong to frames of another size.
    """
    height, width = model.frame_shape
    n_rois, pixels = footprints.shape
    if pixels != height * width:
        raise InputError(
            f"The ROIs have {pixels:,} pixels, but the model was trained on frames of {height} × {width}: "
            "choose the ROIs of this recording."
        )
    var = var or model.var
    dense = footprints.toarray() if hasattr(footprints, "toarray") else np.asarray(footprints)
    images = torch.from_numpy(dense.astype(np.float32).reshape(n_rois, height, width))
    encoded = model.network.encode(images.to(model.device)).cpu().numpy() * np.float32(model.scale)
    mean = var.mean.astype(np.float32)
    predicted = np.full((n_rois, len(latents)), np.nan, np.float32)
    predicted[:, var.order :] = (footprints @ model.offset.ravel() + encoded @ mean)[:, None]
    deviation = latents - mean
    for lag, coefficients in enumerate(var.coefficients, 1):
        effect = encoded @ coefficients.astype(np.float32)  # of one unit of each latent, so many frames later
        predicted[:, var.order :] += effect @ deviation[var.order - lag : len(latents) - lag].T
    return predicted
