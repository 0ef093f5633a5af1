"""Prediction of latents by a VAR between ROIs, its own past and what comes from elsewhere told apart."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, hstack, vstack
from torch import Tensor

from napari_calcdyn.models.roi_var import RoiVAR
from napari_calcdyn.models.var.steady import FRAMES
from napari_calcdyn.models.var_autoencoder import VARAutoencoder

from .canvas import RoiCanvas
from .predictor import as_tensor, predict


class RoiPredictor:
    """Predicts what `Predictor` does by a VAR between ROIs, which have footprints of their own.

    Its predictors are the mean of the last five frames of each latent's rest and of each ROI; then, lag by lag, the
    ROIs.

    Parameters
    ----------
    model : VARAutoencoder
        Its network encodes.
    fitted : RoiVAR
        The VAR.
    activity : ndarray (T, N), float32
        Of the ROIs, in all frames of the recording.

    Attributes
    ----------
    canvas : RoiCanvas
        Where the d latents, without what belongs to ROIs, and the N ROIs show.
    own, driven : csr_array (d + N, q), float32
        What each of them gets from one unit of each predictor: from its own past, and from other ROIs.
    effects : csr_array (d + N, q), float32
        The sum of the two.
    source : ndarray (q,), int64
        Number of the ROI that each predictor belongs to; N for the rest.
    order : int
        Frames that it looks back.
    """

    def __init__(self, model: VARAutoencoder, fitted: RoiVAR, activity: NDArray[np.float32]) -> None:
        basis, count, latents = fitted.basis, len(fitted.rois), model.network.latents
        self.canvas = RoiCanvas(model.footprint_network, basis.pictures)
        self.order, self._lags = max(FRAMES, fitted.lags), fitted.lags
        steady = diags_array(np.concatenate([fitted.steady_rest, fitted.steady]))
        nothing = csr_array(steady.shape)
        lagged = [vstack([csr_array((latents, count)), it]) for it in fitted.connections]
        self.own = csr_array(hstack([steady, *(csr_array(it.shape) for it in lagged)]), dtype=np.float32)
        self.driven = csr_array(hstack([nothing, *lagged]), dtype=np.float32)
        self.effects = csr_array(self.own + self.driven)
        rois, rest = np.arange(count), np.full(latents, count)
        self.source = np.concatenate([rest, rois, *[rois] * fitted.lags])
        self._network = model.network

        def on_device(values: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(model.device)

        self._mean = on_device(basis.mean)
        self._activity = activity - basis.resting
        self._encoded = on_device(basis.encoded)
        self._effects = as_tensor(self.effects).to(model.device)

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to deviations of the latents from their mean, (n, d)."""
        return self.centred(self._network.encode(frames))

    def centred(self, latents: Tensor) -> Tensor:
        """Return deviations of latents (n, d) from their mean."""
        return latents - self._mean

    def past(self, latents: Tensor, first: int) -> Tensor:
        """Arrange the past of frames `order` … n − 1 of latents (n, d) in rows, (n − order, q).

        They are those of the recording from `first` on.
        """
        some = self._activity[first : first + len(latents)]
        activity = torch.from_numpy(some.astype(np.float32)).to(latents)
        rest = latents - activity @ self._encoded
        reach, last = self.order, len(latents)

        def before(values: Tensor, lag: int) -> Tensor:
            return values[reach - lag : last - lag]

        recent = [
            sum((before(it, lag) for lag in range(2, FRAMES + 1)), before(it, 1)) / FRAMES
            for it in (rest, activity)
        ]
        lags = range(1, self._lags + 1)
        return torch.cat(recent + [before(activity, lag) for lag in lags], 1)

    def predict(self, past: Tensor) -> Tensor:
        """Predict the rest of the latents, and the ROIs, (n, d + N), from their past (n, q)."""
        return predict(self._effects, past)
