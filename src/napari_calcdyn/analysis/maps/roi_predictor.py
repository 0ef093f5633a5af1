"""Prediction of latents by a VAR between ROIs, its own past and what comes from elsewhere told apart."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, hstack
from torch import Tensor

from napari_calcdyn.models.roi_var import RoiVAR
from napari_calcdyn.models.var.steady import FRAMES
from napari_calcdyn.models.var_autoencoder import VARAutoencoder

from .predictor import as_tensor, predict


class RoiPredictor:
    """Predicts deviations of the latents from their mean, as `Predictor` does, by a VAR between ROIs.

    Its predictors are the mean of the last five frames of each ROI and of each latent's rest; then, lag by lag, the
    ROIs and the surroundings.

    Parameters
    ----------
    model : VARAutoencoder
        Its network encodes.
    fitted : RoiVAR
        The VAR.

    Attributes
    ----------
    own, driven : csr_array (d, q), float32
        What each latent gets from one unit of each predictor: from the place's own past and surroundings, and from
        other ROIs.
    effects : csr_array (d, q), float32
        The sum of the two.
    source : ndarray (q,), int64
        Number of the ROI that each predictor belongs to; N for the rest.
    order : int
        Frames that it looks back.
    """

    def __init__(self, model: VARAutoencoder, fitted: RoiVAR) -> None:
        basis, count, latents = fitted.basis, len(fitted.rois), model.network.latents
        self.order = max(FRAMES, fitted.lags)
        self._lags = fitted.lags
        pictures = csr_array(basis.pictures.T)
        recent = [pictures @ diags_array(fitted.steady), diags_array(fitted.steady_rest)]
        lags = zip(fitted.connections, fitted.from_surroundings, strict=True)
        own, driven = recent, [csr_array((latents, count + latents))]
        for between, beside in lags:
            own += [csr_array((latents, count)), pictures @ beside]
            driven += [pictures @ between, csr_array((latents, len(basis.axes)))]
        self.own, self.driven = (
            csr_array(hstack(it, format="csr"), dtype=np.float32) for it in (own, driven)
        )
        self.effects = csr_array(self.own + self.driven)
        rois = np.arange(count)
        rest = np.full(latents, count)
        self.source = np.concatenate([rois, rest, *[rois, rest[: len(basis.axes)]] * fitted.lags])
        self._network = model.network

        def on_device(values: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(model.device)

        self._mean = on_device(basis.mean)
        self._readout, self._pictures, self._axes = map(
            on_device, (basis.readout, basis.pictures, basis.axes)
        )
        self._effects = as_tensor(self.effects).to(model.device)

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to deviations of the latents from their mean, (n, d)."""
        return self._network.encode(frames) - self._mean

    def past(self, latents: Tensor) -> Tensor:
        """Arrange the past of frames `order` … n − 1 of latents (n, d) in rows, (n − order, q)."""
        activity = latents @ self._readout.T
        rest = latents - activity @ self._pictures
        surroundings = rest @ self._axes.T
        first, last = self.order, len(latents)

        def before(values: Tensor, lag: int) -> Tensor:
            return values[first - lag : last - lag]

        recent = [
            sum((before(it, lag) for lag in range(2, FRAMES + 1)), before(it, 1)) / FRAMES
            for it in (activity, rest)
        ]
        lags = range(1, self._lags + 1)
        return torch.cat(recent + [before(it, lag) for lag in lags for it in (activity, surroundings)], 1)

    def predict(self, past: Tensor) -> Tensor:
        """Predict latents (n, d), as deviations from their mean, from their past (n, q)."""
        return predict(self._effects, past)
