"""Errors on frames that a model was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var.gain import gain_from_others
from napari_calcdyn.models.var.moments import with_past

from .autoencoder import Autoencoder
from .tiled_frames import TiledFrames

ERRORS = (
    "reconstruction_error",
    "frame_prediction_error",
    "latent_prediction_error",
    "own_past_error",
    "persistence_error",
    "picture_prediction_error",
    "latent_snr",
    "gain_from_others",
    "gain_from_others_low",
    "gain_from_others_high",
)
"""Names of what `held_out_errors` measures."""

Guess = Callable[[slice], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Latents (n, d) that are predicted for some of the frames from those before them; and from each one's own past."""


def guess_by(var: VAR, latents: NDArray[np.float32]) -> Guess:
    """Return the predictions of a VAR for latents (T, d)."""
    return lambda some: (var.predict(latents[some]), var.predict_from_own_past(latents[some]))


@torch.no_grad()
def held_out_errors(
    network: Autoencoder,
    frames: TiledFrames,
    latents: NDArray[np.float32],
    first: int,
    scale: float,
    order: int,
    guess: Guess,
) -> dict[str, float | None]:
    """Measure the errors of reconstruction and prediction on held-out frames.

    Parameters
    ----------
    network : Autoencoder
        The network.
    frames : TiledFrames
        The recording as the network sees it.
    latents : ndarray (n, d)
        Latents of the frames to measure on, and of the `order` frames before them; NaN where left out.
    first : int
        First frame to measure on.
    scale : float
        s, in movie units.
    order : int
        How many frames a prediction looks back.
    guess : callable
        Predicts a slice of these latents; the first `order` of what it returns are not looked at.

    Returns
    -------
    dict of str to float or None
        `reconstruction_error` and `frame_prediction_error`, the mean squared error of D(z) and of D(ẑ), in squared
        movie units; `latent_prediction_error` ``Σ‖z − ẑ‖² / Σ‖z − mean z‖²``, `own_past_error` and
        `persistence_error`, the same where every latent is predicted from its own past by least squares, and as it was
        one frame ago; `picture_prediction_error`, the same as the first with the decoder before each norm;
        `latent_snr`, the variance of ẑ over that of z − ẑ; `gain_from_others`, the part of the own past's error that
        goes away, with the ends `gain_from_others_low` and `gain_from_others_high` of its interval, as from
        `gain_from_others`.
    """
    count = len(latents) - order
    within = network.within(frames.used)
    known = np.asarray(np.isfinite(latents).all(1))
    whole = with_past(torch.from_numpy(known)[None], order)[0].numpy()
    mean = latents[order:].mean(0, dtype=np.float64, where=whole[:, None])
    pictures, shown, sums = np.zeros(2), np.zeros(2), np.zeros((2, latents.shape[1]))
    errors: list[NDArray[np.float64]] = []

    def on_device(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(frames.device)

    for start, tiles in frames.batches(first, first + count):
        at = start - first
        here, kept = slice(at, at + order + len(tiles)), whole[at : at + len(tiles)]
        some = latents[here]
        actual, (expected, own) = some[order:], (it[order:] for it in guess(here))
        encoded, guessed = on_device(np.nan_to_num(actual)), on_device(expected)
        squares = tiles.squares()
        seen = network.squared_error(tiles, encoded, within, squares=squares)
        ahead = network.prediction_error(tiles, encoded, guessed, within, squares=squares)
        pictures += [
            float(seen.cpu().double().numpy()[known[order:][at : at + len(tiles)]].sum()),
            float(ahead.cpu().double().numpy()[kept].sum()),
        ]
        deviation = actual[kept] - mean
        off = [deviation - (it[kept] - mean) for it in (expected, own, some[order - 1 : -1])]
        errors.append(np.array([np.square(it).sum(1) for it in (deviation, *off)]))
        compared = (expected[kept], np.broadcast_to(mean, deviation.shape))
        shown += [
            float(network.distance(on_device(actual[kept]), on_device(it), within).sum()) for it in compared
        ]
        predicted = expected[kept] - mean
        sums += [predicted.sum(0), np.square(predicted).sum(0)]
    power, residual, own_past, persistence = np.concatenate(errors, 1)
    varies = float((sums[1] - np.square(sums[0]) / whole.sum()).sum())
    gain, low, high = gain_from_others(residual, own_past)
    measured = (
        scale**2 * pictures[0] / (float(known[order:].sum()) * frames.pixels),
        scale**2 * pictures[1] / (float(whole.sum()) * frames.pixels),
        float(residual.sum() / power.sum()),
        float(own_past.sum() / power.sum()),
        float(persistence.sum() / power.sum()),
        float(shown[0] / shown[1]),
        varies / float(residual.sum()),
        gain,
        low,
        high,
    )
    return dict(zip(ERRORS, measured, strict=True))
