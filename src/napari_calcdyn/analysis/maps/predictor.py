"""Prediction of latents from their past, on the network's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
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
    sources : sequence of int or None
        Only what comes from these latents; the others are taken to be at their mean.

    Attributes
    ----------
    effects : csr_array (d, p·d), float32
        What each latent gets from one unit of each predictor: lag 1 of all latents first, then lag 2, …
    source : ndarray (p·d,), int64
        Latent that each predictor is the past of.
    """

    def __init__(
        self, model: VARAutoencoder, var: VAR | SteadyVAR | None, sources: Sequence[int] | None = None
    ) -> None:
        var = var or model.var
        self.order = var.order
        self.effects, self.source = effects_of(var), source_of(var)
        if sources is not None:
            for source in sources:
                check_latent(source, var.latents, "source")
            self.effects = from_sources(self.effects, sources)
        self._network = model.network
        self._mean = torch.from_numpy(var.mean.astype(np.float32)).to(model.device)
        self._effects = as_tensor(self.effects).to(model.device)

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to deviations of the latents from their mean, (n, d)."""
        return self.centred(self._network.encode(frames))

    def centred(self, latents: Tensor) -> Tensor:
        """Return deviations of latents (n, d) from their mean."""
        return latents - self._mean

    def past(self, latents: Tensor, first: int) -> Tensor:
        """Arrange the past of frames p … n − 1 of latents (n, d) in rows, (n − p, p·d).

        The number of the first frame is for predictors that know more of the recording.
        """
        return lagged(latents[None], self.order)[0]

    def predict(self, past: Tensor) -> Tensor:
        """Predict latents (n, d), as deviations from their mean, from their past (n, p·d)."""
        return predict(self._effects, past)

    def mean_derivative(self, predicted: Tensor) -> Callable[[Tensor], Tensor]:
        """Return what takes a part (n, d) of predicted latents (n, d) to its contribution (n, Y, X), normalised."""
        return self._network.mean_derivative(self._mean, predicted)


def effects_of(var: VAR | SteadyVAR) -> csr_array:
    """Write the tables of all lags side by side, (d, p·d)."""
    return csr_array(hstack([csr_array(table) for table in var.tables], format="csr"))


def source_of(var: VAR | SteadyVAR) -> NDArray[np.int64]:
    """Return the latent that each column of `effects_of` is the past of, (p·d,)."""
    return np.tile(np.arange(var.latents), var.order)


def as_tensor(effects: csr_array) -> Tensor:
    """Return the same sparse matrix as a tensor."""
    entries = effects.tocoo()
    at, values = np.stack([entries.row, entries.col]).astype(np.int64), torch.from_numpy(entries.data)
    return torch.sparse_coo_tensor(torch.from_numpy(at), values, entries.shape, check_invariants=True)


def predict(effects: Tensor, past: Tensor) -> Tensor:
    """Predict latents (n, d) from their past (n, p·d) with effects (d, p·d) as from `as_tensor`."""
    predicted: Tensor = torch.sparse.mm(effects, past.T).T
    return predicted


def from_sources(effects: csr_array, sources: Sequence[int]) -> csr_array:
    """Return the effects of some latents only."""
    chosen = np.isin(effects.indices % effects.shape[0], sources)
    some = csr_array((effects.data * chosen, effects.indices, effects.indptr), shape=effects.shape)
    some.eliminate_zeros()
    return some


def check_latent(number: int, latents: int, name: str) -> None:
    """Raise InputError if there is no latent of this number.

    Raises
    ------
    InputError
        If `number` is not one of 0 … `latents` − 1.
    """
    if not 0 <= number < latents:
        raise InputError(f"There is no {name} {number}: choose one from 0 to {latents - 1}.")
