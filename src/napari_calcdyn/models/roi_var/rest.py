"""Own past of what is in the latents and belongs to no ROI."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.var.steady import FRAMES, own_past_sums
from napari_calcdyn.recording.ranges import stretches

from .basis import RoiBasis

_CHUNK = 1024
_RIDGE = 1e-9


def fit_rest(
    latents: NDArray[np.floating], activity: NDArray[np.floating], basis: RoiBasis, order: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate how the rest of each latent follows from its own past.

    Parameters
    ----------
    latents : ndarray (T, d)
        Latents in time order; NaN where frames are left out.
    activity : ndarray (T, N)
        Of the ROIs.
    basis : RoiBasis
        What belongs to ROIs.
    order : int
        Lags of the second estimate.

    Returns
    -------
    steady : ndarray (d,), float64
        What is left of the mean of the last five frames, at least 0; see `SteadyVAR`.
    lags : ndarray (order, d), float64
        Least squares on each of the last frames.
    """
    reach, width = max(FRAMES, order), latents.shape[1]
    product, power = np.zeros((2, width))
    gram, cov = np.zeros((width, order, order)), np.zeros((width, order))
    for piece in stretches(np.isfinite(latents.sum(1)) & np.isfinite(activity.sum(1))):
        for start in range(piece.start + reach, piece.stop, _CHUNK):
            some = slice(start - reach, min(start + _CHUNK, piece.stop))
            rest = basis.rest(latents[some], activity[some])
            some_product, some_power = own_past_sums(rest, (), reach)
            product += some_product
            power += some_power
            now, past = rest[reach:], [rest[reach - lag : len(rest) - lag] for lag in range(1, order + 1)]
            for a in range(order):
                cov[:, a] += (past[a] * now).sum(0)
                for b in range(order):
                    gram[:, a, b] += (past[a] * past[b]).sum(0)
    size = np.trace(gram, axis1=1, axis2=2)
    gram += np.where(size > 0, _RIDGE * size, 1.0)[:, None, None] * np.eye(order)
    steady: NDArray[np.float64] = np.zeros(width)
    np.divide(product, power, out=steady, where=power > 0)
    lags = np.linalg.solve(gram, cov[..., None])[..., 0].T
    return np.maximum(steady, 0), np.asarray(lags, np.float64)
