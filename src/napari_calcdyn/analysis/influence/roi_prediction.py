"""Traces of ROIs as the dynamics predict them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.roi_var import RoiVAR, encoded_footprints
from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet, Traces, delta_f_over_f
from napari_calcdyn.recording.traces.baseline import Baseline
from napari_calcdyn.recording.traces.traces import PARTS


@torch.no_grad()
def predicted_traces(
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    footprints: Any,
    *,
    var: VAR | None = None,
    between: tuple[RoiVAR, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Predict the traces of some ROIs one frame ahead, without decoding a frame.

    The decoder is linear, and the encoder is its transpose: the mean of a decoded frame in a footprint is the
    footprint, encoded, times the latents. With ``e_r`` the encoded footprint ``f_r``, this is
    ``⟨f_r, m⟩ + s e_r · ẑ[t]``, the mean in the footprint of what `contribution_movie` and the mean frame add up to.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.encode` returns them.
    footprints : scipy.sparse array or ndarray (N, Y·X)
        Pixel weights of each ROI, of any sign.
    var : VAR, optional
        Another point of the model's lasso path; its own by default.
    between : tuple of RoiVAR and ndarray (T, M), float32, optional
        A VAR between ROIs of the recording, and their activity, to predict by in place of the model's own.

    Returns
    -------
    ndarray (N, T), float32
        In movie units; NaN in the first p frames, which have no past.

    Raises
    ------
    InputError
        If the footprints belong to frames of another size.
    """
    var = var or model.var
    encoded, still = encoded_footprints(model, footprints), footprints @ np.nan_to_num(model.offset.ravel())
    if between is not None:
        fitted, activity = between
        added = fitted.predict_readout(latents, activity, encoded)
        return added + np.asarray(still, np.float32)[:, None]
    mean = var.mean.astype(np.float32)
    predicted = np.full((len(encoded), len(latents)), np.nan, np.float32)
    predicted[:, var.order :] = (still + encoded @ mean)[:, None]
    deviation = latents - mean
    for lag, table in enumerate(var.tables, 1):
        effect = encoded @ table  # of one unit of each latent, so many frames later
        predicted[:, var.order :] += effect @ deviation[var.order - lag : len(latents) - lag].T
    return predicted


def trace_weights(rois: RoiSet, traces: Traces) -> Any:
    """Return the pixel weights behind traces: footprints, less the neuropil where it was subtracted.

    Parameters
    ----------
    rois : RoiSet
        All ROIs of the recording.
    traces : Traces
        Theirs; only how they were made is looked at.

    Returns
    -------
    scipy.sparse array (N, Y·X), float32
        One row for each ROI.

    Raises
    ------
    InputError
        If there is no neuropil round an ROI.
    """
    subtracted = traces.provenance.get("neuropil")
    if not subtracted:
        return rois.footprints
    return rois.footprints - np.float32(subtracted["coefficient"]) * rois.neuropil().footprints


def predicted_like(predicted: NDArray[np.float32], traces: Traces) -> NDArray[np.float32]:
    """Bring predicted fluorescence to the unit of traces, with the same baseline method.

    Parameters
    ----------
    predicted : ndarray (n, T), float32
        Made by `predicted_traces`.
    traces : Traces
        Fluorescence, or ΔF/F with its baseline in the provenance.

    Returns
    -------
    ndarray (n, T), float32
        As it is, or divided by its own baseline, found with the same method.
    """
    baseline = traces.provenance.get("baseline")
    if not baseline:
        return predicted
    fluorescence = Traces(
        predicted,
        np.arange(len(predicted)),
        frame_rate=traces.frame_rate,
        provenance={name: it for name, it in traces.provenance.items() if name == PARTS},
    )
    return delta_f_over_f(fluorescence, Baseline(**baseline)).values
