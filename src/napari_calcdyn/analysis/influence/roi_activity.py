"""Activity of each ROI, separated from its neighbours and from its surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet

from .roi_prediction import encoded_footprints

_SURROUNDINGS = 10
_RIDGE = 0.01


def roi_activity(
    model: VARAutoencoder, latents: NDArray[np.float32], rois: RoiSet
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split latents into the activity of ROIs and the rest.

    An ROI r that is lit up by one unit is the picture ``f_r/‖f_r‖²``, whose latents are ``b_r``, the footprint encoded.
    Activities solve the ridge regression ``z[t] − mean z ≈ Σ_r a_r[t] b_r``, all ROIs together: light that falls into
    several ROIs is shared out, where the mean over an ROI would count it in each. What is left over is neuropil and
    activity between the ROIs; its strongest principal components stand for it.

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
    activity : ndarray (T, N), float64
        Deviations from the mean, in movie units; 0 for an ROI that no latent reaches, NaN as the latents.
    surroundings : ndarray (T, K), float64
        Principal components of the rest, K at most 10.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size.
    """
    rois = rois.within(np.isfinite(model.offset))
    pictures = encoded_footprints(model, rois.footprints).astype(np.float64)
    power = np.asarray(rois.footprints.multiply(rois.footprints).sum(axis=1), np.float64)
    pictures /= power[:, None] * model.scale**2
    norm = np.linalg.norm(pictures, axis=1)
    reached = norm > 0
    unit = pictures[reached] / norm[reached, None]
    deviation = latents - np.nanmean(latents, 0, dtype=np.float64)
    gram = unit @ unit.T
    gram[np.diag_indices(len(gram))] += _RIDGE
    shares = np.linalg.solve(gram, unit @ deviation.T).T
    activity = np.zeros((len(latents), len(rois)))
    activity[np.isnan(shares).any(1)] = np.nan
    activity[:, reached] = shares / norm[reached]
    deviation -= shares @ unit
    return activity, _components(deviation)


def _components(rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the strongest principal components of columns (T, d), without those that are rounding errors."""
    known = rest[np.isfinite(rest).all(1)]
    values, axes = np.linalg.eigh(known.T @ known)
    kept = np.flatnonzero(values > 1e-9 * max(float(values[-1]), 1e-300))[-_SURROUNDINGS:]
    components: NDArray[np.float64] = rest @ axes[:, kept[::-1]]
    return components
