"""Errors on frames that a model was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var.moments import with_past

from .network import PatchAutoencoder
from .tiled_frames import TiledFrames

_AT_ONCE = 256  # frames


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
    mean = latents[var.order :].mean(0, dtype=np.float64, where=whole[:, None])
    sums, shown = np.zeros((4, latents.shape[1])), np.zeros(2)
    for start in range(0, count, _AT_ONCE):
        some, kept = latents[start : start + _AT_ONCE + var.order], whole[start : start + _AT_ONCE]
        actual, predicted = (it[var.order :][kept] - mean for it in (some, var.predict(some)))
        sums += [np.square(it).sum(0) for it in (actual, actual - predicted, predicted)] + [predicted.sum(0)]
        for at, values in enumerate((actual - predicted, actual)):
            part = torch.from_numpy(values.astype(np.float32)).to(frames.device)
            shown[at] += float(network.power(part, corners).sum())
    power, residual, predicted_power = sums[:3].sum(1)
    varies = predicted_power - np.square(sums[3]).sum() / whole.sum()
    return {
        "reconstruction_error": scale**2 * squares / pixels,
        "latent_prediction_error": float(residual / power),
        "picture_prediction_error": float(shown[0] / shown[1]),
        "latent_snr": float(varies / residual),
    }
