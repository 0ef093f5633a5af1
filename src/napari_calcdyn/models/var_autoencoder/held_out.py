"""Errors on frames that a model was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var.moments import with_past

from .network import PatchAutoencoder
from .tiled_frames import TiledFrames


@torch.no_grad()
def held_out_errors(
    network: PatchAutoencoder,
    frames: TiledFrames,
    latents: NDArray[np.float32],
    first: int,
    scale: float,
    var: VAR,
) -> dict[str, float]:
    """Measure the errors of reconstruction and prediction on held-out frames.

    Parameters
    ----------
    network : PatchAutoencoder
        The network.
    frames : TiledFrames
        The recording as the network sees it.
    latents : ndarray (n, d)
        Latents of the frames to measure on, and of the `order` frames before them; NaN where left out.
    first : int
        First frame to measure on.
    scale : float
        s, in movie units.
    var : VAR
        Dynamics of the latents.

    Returns
    -------
    dict
        `reconstruction_error` (mean squared error in squared movie units), `latent_prediction_error`
        ``Σ‖z − ẑ‖² / Σ‖z − mean z‖²``, `picture_prediction_error` (the same with the decoder before each norm), and
        `latent_snr`, the variance of ẑ over that of z − ẑ.
    """
    count = len(latents) - var.order
    corners = network.corners_in(frames.used)
    squares = 0.0
    encoded = torch.from_numpy(np.nan_to_num(latents[var.order :])).to(frames.device)
    for start, tiles in frames.batches(first, first + count):
        stop = start + len(tiles)
        error = network.squared_error(tiles, encoded[start - first : stop - first], corners)
        valid = frames.valid(start, stop)
        squares += float((error if valid is None else error[valid]).cpu().double().sum())
    known = torch.from_numpy(np.isfinite(latents).all(1))
    pixels = float(known[var.order :].sum()) * frames.pixels

    whole = with_past(known[None], var.order)[0].numpy()
    actual = latents[var.order :][whole].astype(np.float64)
    predicted = var.predict(latents)[var.order :][whole].astype(np.float64)
    residual = np.square(actual - predicted).sum()
    shown = [
        sum(float(network.power(part, corners).sum()) for part in torch.split(values.to(frames.device), 256))
        for values in (
            torch.from_numpy(it.astype(np.float32)) for it in (actual - predicted, actual - actual.mean(0))
        )
    ]
    return {
        "reconstruction_error": scale**2 * squares / pixels,
        "latent_prediction_error": float(residual / np.square(actual - actual.mean(0)).sum()),
        "picture_prediction_error": shown[0] / shown[1],
        "latent_snr": float(np.square(predicted - predicted.mean(0)).sum() / residual),
    }
