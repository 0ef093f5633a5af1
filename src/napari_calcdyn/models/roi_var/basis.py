"""What a network encodes, split into ROIs and the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet

from .encoding import encoded_footprints


def pictures_of(model: VARAutoencoder, rois: RoiSet) -> csr_array:
    """Return what one unit of each ROI adds to a normalised frame, (N, Y·X), float32."""
    return csr_array(rois.within(np.isfinite(model.offset)).footprints / model.scale, dtype=np.float32)


def encoded_pictures(model: VARAutoencoder, pictures: csr_array) -> NDArray[np.float64]:
    """Return the latents of such pictures, (N, d)."""
    return encoded_footprints(model, pictures).astype(np.float64) / model.scale


@dataclass(frozen=True, eq=False)
class RoiBasis:
    """Split of latents: ``z[t] − μ = Σ_r a_r[t] b_r + rest[t]``, where a are the activities of ROIs.

    An ROI's picture ``f_r`` has the latents ``b_r``. The network is linear, so the rest is what it encodes of the
    frames once the ROIs are taken out: neuropil, and activity that belongs to no ROI.

    Attributes
    ----------
    mean : ndarray (d,), float64
        μ.
    resting : ndarray (N,), float64
        Mean of the activities.
    pictures : csr_array (N, Y·X), float32
        What one unit of each ROI adds to a normalised frame, ``f_r/s``.
    encoded : ndarray (N, d), float64
        b.
    """

    mean: NDArray[np.float64]
    resting: NDArray[np.float64]
    pictures: csr_array
    encoded: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        model: VARAutoencoder,
        latents: NDArray[np.float32],
        activity: NDArray[np.float32],
        rois: RoiSet,
    ) -> RoiBasis:
        """Make the split for a recording.

        Parameters
        ----------
        model : VARAutoencoder
            The fitted model.
        latents : ndarray (T, d), float32
            Of the recording, as `VARAutoencoder.encode` returns them; NaN in frames that are left out.
        activity : ndarray (T, N), float32
            Of the ROIs, as from `roi_activity`.
        rois : RoiSet
            Of the recording.

        Returns
        -------
        RoiBasis
            For these ROIs.

        Raises
        ------
        InputError
            If the ROIs belong to frames of another size.
        """
        pictures = pictures_of(model, rois)
        encoded = encoded_pictures(model, pictures)
        mean, resting = (np.asarray(np.nanmean(it, 0, dtype=np.float64)) for it in (latents, activity))
        return cls(mean, resting, pictures, encoded)

    def rest(self, latents: NDArray[np.floating], activity: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the latents without what belongs to ROIs.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents.
        activity : ndarray (T, N)
            Of the ROIs.

        Returns
        -------
        ndarray (T, d), float64
            Deviations from the mean.
        """
        rest: NDArray[np.float64] = latents - self.mean
        rest -= (activity - self.resting) @ self.encoded
        return rest
