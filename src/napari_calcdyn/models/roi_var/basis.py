"""Latents, split into the activity of ROIs, their surroundings, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet

from .encoding import encoded_footprints

_SURROUNDINGS = 10
_RIDGE = 0.01
_ROUNDING = 1e-9
_FEW = 64  # latents, of which all components are found as fast as the first
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class RoiBasis:
    """Split of latents: ``z[t] − μ = Σ_r a_r[t] b_r + rest[t]``.

    An ROI r that is lit up by one unit is the picture ``f_r/‖f_r‖²``, whose latents are ``b_r``, the footprint encoded.
    Activities solve the ridge regression of ``z[t] − μ`` on them, all ROIs together: light that falls into several ROIs
    is shared out, where the mean over an ROI would count it in each. What is left over is neuropil, and activity that
    belongs to no ROI; its strongest principal components stand for the surroundings.

    Attributes
    ----------
    mean : ndarray (d,), float64
        μ.
    pictures : csr_array (N, Y·X), float32
        What one unit of each ROI adds to a normalised frame, ``f_r/‖f_r‖²/s``.
    encoded : ndarray (N, d), float64
        b, their latents; zeros for an ROI that no latent reaches.
    readout : ndarray (N, d), float64
        ``a[t] = readout (z[t] − μ)``, in movie units.
    axes : ndarray (K, d), float64
        Orthonormal; the surroundings are ``axes · rest``. K is at most 10.
    """

    mean: NDArray[np.float64]
    pictures: csr_array
    encoded: NDArray[np.float64]
    readout: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, model: VARAutoencoder, latents: NDArray[np.float32], rois: RoiSet) -> RoiBasis:
        """Make the split for a recording.

        Parameters
        ----------
        model : VARAutoencoder
            The fitted model.
        latents : ndarray (T, d), float32
            Of the recording, as `VARAutoencoder.encode` returns them; NaN in frames that are left out.
        rois : RoiSet
            Of the recording. With about as many ROIs as latents, or more, they cannot be told apart well.

        Returns
        -------
        RoiBasis
            For these ROIs.

        Raises
        ------
        InputError
            If the ROIs belong to frames of another size.
        """
        rois = rois.within(np.isfinite(model.offset))
        footprints = rois.footprints
        power = np.asarray(footprints.multiply(footprints).sum(axis=1), np.float64)
        pictures = csr_array(footprints * (1 / (power * model.scale))[:, None], dtype=np.float32)
        encoded = encoded_footprints(model, pictures).astype(np.float64) / model.scale
        norm = np.linalg.norm(encoded, axis=1)
        reached = norm > 0
        unit = encoded[reached] / norm[reached, None]
        gram = unit @ unit.T
        gram[np.diag_indices(len(gram))] += _RIDGE
        readout = np.zeros_like(encoded)
        readout[reached] = np.linalg.solve(gram, unit) / norm[reached, None]
        mean: NDArray[np.float64] = np.asarray(np.nanmean(latents, 0, dtype=np.float64))
        split = cls(mean, pictures, encoded, readout, np.empty((0, latents.shape[1])))
        return replace(split, axes=_strongest(map(split.rest, in_chunks(latents)), latents.shape[1]))

    def activity(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the activity of each ROI.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents.

        Returns
        -------
        ndarray (T, N), float64
            Deviations from the mean, in movie units; 0 for an ROI that no latent reaches.
        """
        return (latents - self.mean) @ self.readout.T

    def rest(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the latents without what belongs to ROIs.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents.

        Returns
        -------
        ndarray (T, d), float64
            Deviations from the mean.
        """
        rest: NDArray[np.float64] = latents - self.mean
        rest -= (rest @ self.readout.T) @ self.encoded
        return rest

    def columns(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the activity of ROIs and surroundings side by side.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents.

        Returns
        -------
        ndarray (T, N + K), float64
            NaN as the latents.
        """
        parts = [
            np.hstack([self.activity(some), self.rest(some) @ self.axes.T]) for some in in_chunks(latents)
        ]
        columns = np.concatenate(parts)
        columns[np.isnan(columns).any(1)] = np.nan
        return columns


def in_chunks(latents: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    """Yield some frames of latents (T, d) at a time, so that copies in double precision stay small."""
    for start in range(0, len(latents), _CHUNK):
        yield latents[start : start + _CHUNK]


def _strongest(parts: Iterable[NDArray[np.float64]], latents: int) -> NDArray[np.float64]:
    """Return the axes (K, d) of most variance of columns, without those that are rounding errors."""
    products = np.zeros((latents, latents))
    for part in parts:
        known = part[np.isfinite(part).all(1)]
        products += known.T @ known
    if latents <= _FEW:
        values, axes = np.linalg.eigh(products)
    else:
        start = np.random.default_rng(0).standard_normal(latents)
        values, axes = eigsh(products, _SURROUNDINGS, v0=start)
    kept = np.flatnonzero(values > _ROUNDING * max(float(values[-1]), 1e-300))[-_SURROUNDINGS:]
    strongest: NDArray[np.float64] = axes[:, kept[::-1]].T.copy()
    return strongest
