"""What the variables of a VAR look like: latents by the network, the activities of ROIs by their footprints."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.roi_var import RoiVAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording.movies.lazy import lazy_frames

MOST_BYTES = 64 * 2**20  # of a movie that is decoded at once


class Decoder(Protocol):
    """Draws variables; linear, but for the picture of all zeros."""

    frame_shape: tuple[int, int]

    def draw(self, values: NDArray[np.float32], *, deviation: bool) -> NDArray[np.float32]:
        """Draw variables (n, k) as pictures (n, Y, X) in movie units: what they add to a picture, or all of it."""

    def overlap(self) -> csr_array:
        """Return the products of the pictures of all variables, (k, k), in any unit."""


class LatentDecoder:
    """Draws latents.

    Parameters
    ----------
    model : VARAutoencoder
        Its network decodes.
    """

    def __init__(self, model: VARAutoencoder) -> None:
        self._model = model
        self.frame_shape = model.frame_shape

    @torch.no_grad()
    def draw(self, values: NDArray[np.float32], *, deviation: bool) -> NDArray[np.float32]:
        """Return ``s (D(μ + z) − D(μ))``, of a linear network ``s D z``, or ``m + s D z``."""
        model = self._model
        if not deviation:
            return model.decode(values)
        mean, moved = (
            torch.from_numpy(it.astype(np.float32)).to(model.device) for it in (model.var.mean, values)
        )
        decoded = model.network.change(mean, moved)
        frames: NDArray[np.float32] = decoded.cpu().numpy()
        return np.float32(model.scale) * frames

    @torch.no_grad()
    def overlap(self) -> csr_array:
        """Return ``DᵀD``: footprints overlap where they meet in a tile."""
        network = self._model.footprint_network
        inside = network.cut(torch.ones(1, *network.frame_shape, device=self._model.device))[:, 0]
        corners = network.within(inside).double()
        products = (corners @ corners.mT).cpu().numpy()
        latents = network.tile_latents.cpu().numpy()
        pairs = np.broadcast_arrays(latents[:, :, None], latents[:, None])
        known = (pairs[0] >= 0) & (pairs[1] >= 0)
        one, other = (it[known] for it in pairs)
        return csr_array((products[known], (one, other)), shape=(network.latents, network.latents))


class RoiDecoder:
    """Draws activities of ROIs; what belongs to none of them stays as in the mean frame.

    Parameters
    ----------
    model : VARAutoencoder
        Its mean frame is the picture while nothing is active.
    fitted : RoiVAR
        Whose ROIs they are.
    """

    def __init__(self, model: VARAutoencoder, fitted: RoiVAR) -> None:
        self.frame_shape = model.frame_shape
        self._still = model.offset.ravel()
        self._footprints = csr_array(fitted.basis.pictures * np.float32(model.scale))

    def draw(self, values: NDArray[np.float32], *, deviation: bool) -> NDArray[np.float32]:
        """Return ``Σ_r a_r f_r`` or ``m + Σ_r a_r f_r``."""
        frames = np.asarray(values @ self._footprints, np.float32)
        if not deviation:
            frames += self._still
        return frames.reshape(-1, *self.frame_shape)

    def overlap(self) -> csr_array:
        """Return ``⟨f_r, f_q⟩``."""
        footprints = self._footprints.astype(np.float64)
        return csr_array(footprints @ footprints.T)


def decoder_of(model: VARAutoencoder, fitted: RoiVAR | None) -> Decoder:
    """Return what draws the variables of ``fitted.var``, or without one those of ``model.var``."""
    return LatentDecoder(model) if fitted is None else RoiDecoder(model, fitted)


def drawn(
    decoder: Decoder, values: NDArray[np.floating], *, deviation: bool, most_bytes: int = MOST_BYTES
) -> Any:
    """Draw variables frame by frame.

    Parameters
    ----------
    decoder : Decoder
        Of these variables.
    values : ndarray (n, k)
        In time order.
    deviation : bool
        Whether they are deviations, which add to a picture; else they are a picture by themselves.
    most_bytes : int
        Of a movie that is drawn at once.

    Returns
    -------
    ndarray or dask array (n, Y, X), float32
        In movie units; a dask array of one frame a chunk where it is large.
    """
    values = np.asarray(values, np.float32)
    shape = (len(values), *decoder.frame_shape)
    if 4 * np.prod(shape) <= most_bytes:
        return decoder.draw(values, deviation=deviation)

    def some(start: int, stop: int) -> NDArray[np.float32]:
        return decoder.draw(values[start:stop], deviation=deviation)

    return lazy_frames(some, shape, np.float32, frames_per_chunk=1)
