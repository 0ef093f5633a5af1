"""Own past of ROIs, and of what is in the latents and belongs to no ROI."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.var.steady import FRAMES, own_past_sums
from napari_calcdyn.recording.ranges import stretches

from .basis import RoiBasis
from .own_past import LAGS, OwnPastSums

_CHUNK = 1024
_REACH = max(FRAMES, LAGS)


def fit_rest(
    latents: NDArray[np.floating], activity: NDArray[np.floating], basis: RoiBasis
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

    Returns
    -------
    steady : ndarray (d,), float64
        What is left of the mean of the last five frames, at least 0; see `SteadyVAR`.
    lags : ndarray (LAGS, d), float64
        Of each of the last frames; see `OwnPastSums`.
    """
    width = latents.shape[1]
    product, power = np.zeros((2, width))
    sums = OwnPastSums(width)
    for some in _chunks(np.asarray(np.isfinite(latents.sum(1)) & np.isfinite(activity.sum(1))), _REACH):
        rest = basis.rest(latents[some], activity[some])
        some_product, some_power = own_past_sums(rest, (), _REACH)
        product += some_product
        power += some_power
        sums.add(rest, rest[LAGS:])
    steady: NDArray[np.float64] = np.zeros(width)
    np.divide(product, power, out=steady, where=power > 0)
    return np.maximum(steady, 0), sums.coefficients()


def fit_own(
    activity: NDArray[np.floating], resting: NDArray[np.float64], connections: Sequence[csr_array] = ()
) -> NDArray[np.float64]:
    """Estimate how the activity of each ROI follows from its own past, beside what others add.

    Parameters
    ----------
    activity : ndarray (T, N)
        In time order; NaN where frames are left out.
    resting : ndarray (N,), float64
        Mean of each.
    connections : sequence of csr_array (N, N)
        What others add at each lag, as [target, source].

    Returns
    -------
    ndarray (LAGS, N), float64
        See `OwnPastSums`.
    """
    sums, reach = OwnPastSums(activity.shape[1]), max(LAGS, len(connections))
    for some in _chunks(np.asarray(np.isfinite(activity.sum(1))), reach):
        centred = activity[some] - resting
        left = centred[reach:].copy()
        for lag, table in enumerate(connections, start=1):
            left -= centred[reach - lag : len(centred) - lag] @ table.T
        sums.add(centred[reach - LAGS :], left)
    return sums.coefficients()


def _chunks(known: NDArray[np.bool_], reach: int) -> list[slice]:
    """Cut the stretches of known frames into pieces, each with so many frames before it."""
    return [
        slice(start - reach, min(start + _CHUNK, piece.stop))
        for piece in stretches(known)
        for start in range(piece.start + reach, piece.stop, _CHUNK)
    ]
