"""Prediction of latents from their past, on the network's device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from napari_calcdyn.models.var import VAR, SteadyVAR
from napari_calcdyn.models.var.moments import lagged
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import InputError


class Predictor:
    """Predicts deviations of the latents from their mean, on the network's device.

    Parameters
    ----------
    model : VARAutoencoder
        Its network encodes.
    var : VAR, SteadyVAR or None
        The steady one, or another point of the model's lasso path; `model.var` by default.
    source : int or None
        Only what comes from this latent; the others are taken to be at their mean.

    Attributes
    ----------
    effects : Tensor (p·d, d)
        What one unit of each latent at each lag adds to every latent: lag 1 of all latents first, then lag
        2, …
    """

    def __init__(self, model: VARAutoencoder, var: VAR | SteadyVAR | None, source: int | None = None) -> None:
        var = var or model.var
        coefficients = torch.from_numpy(var.coefficients).to(model.device)
        if source is not None:
            check_latent(source, var.latents, "source")
            alone = torch.zeros_like(coefficients)
            alone[:, :, source] = coefficients[:, :, source]
            coefficients = alone
        self.order = var.order
        self.effects = coefficients.transpose(1, 2).flatten(0, 1)
        self._network = model.network
        self._mean = torch.from_numpy(var.mean.astype(np.float32)).to(model.device)

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to deviations of the latents from their mean, (n, d)."""
        return self._network.encode(frames) - self._mean

    def past(self, latents: Tensor) -> Tensor:
        """Arrange the past of frames p … n − 1 of latents (n, d) in rows, (n − p, p·d)."""
        return lagged(latents[None], self.order)[0]

    def predict(self, past: Tensor) -> Tensor:
        """Predict latents (n, d), as deviations from their mean, from their past (n, p·d)."""
        return past @ self.effects


def check_latent(number: int, latents: int, name: str) -> None:
    """Raise InputError if there is no latent of this number.

    Raises
    ------
    InputError
        If `number` is not one of 0 … `latents` − 1.
    """
    if not 0 <= number < latents:
        raise InputError(f"There is no {name} {number}: choose one from 0 to {latents - 1}.")
