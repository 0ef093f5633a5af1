"""Impulse responses: how a push of an ROI or a latent spreads.

The dynamics are linear. With deviations ``z̃ = z − μ`` of the variables (activities of ROIs, or latents) from their
mean, a roll-out goes on by ``z̃[t] = Σ_l A_l z̃[t−l]``. Two of them that differ by a push b at t = 0 differ later by
``r[0] = b`` and ``r[n] = Σ_{l ≤ n} A_l r[n−l]``, whatever came before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.maps.predictor import check_latent
from napari_calcdyn.models.roi_var import RoiVAR, encoded_footprints
from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.errors import size_text

from .decoders import decoder_of, drawn

_RUNAWAY = 1e6  # times as large as what a roll-out began with


def roll_out(
    var: VAR, past: NDArray[np.floating], frames: int, *, push: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Continue the dynamics from given frames, without noise.

    Parameters
    ----------
    var : VAR
        The fitted dynamics: ``RoiVAR.var`` between ROIs, or that of a model between its latents.
    past : ndarray (p, d)
        The variables in the p frames before, in time order: the last row is the latest.
    frames : int
        How many frames to go on for, n.
    push : ndarray (d,), optional
        Added to the variables in the first of these frames, before it goes on.

    Returns
    -------
    ndarray (n, d), float64
        The variables.

    Raises
    ------
    InputError
        If there are fewer or more than p frames before, no frame to compute, or the dynamics run away.
    """
    past = np.asarray(past, np.float64)
    if past.shape != (var.order, var.latents):
        raise InputError(
            f"A model of order {var.order} with {var.latents} latents goes on from as many frames of as many"
            f" latents, and {size_text(past.shape)} were given: take the {var.order} frames before."
        )
    return var.mean + _go_on(var, past - var.mean, frames, push)


def impulse_response(var: VAR, push: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """Compute what a push adds to the variables from its frame on.

    Parameters
    ----------
    var : VAR
        The fitted dynamics: ``RoiVAR.var`` between ROIs, or that of a model between its latents.
    push : ndarray (d,)
        What is added to the variables in the first frame.
    frames : int
        Number of frames n, that of the push included.

    Returns
    -------
    ndarray (n, d), float64
        Deviations of the variables; the first row is the push. The difference of two roll-outs, with and without it.

    Raises
    ------
    InputError
        If there is no frame to compute, or the dynamics run away.
    """
    return _go_on(var, np.zeros((var.order, var.latents)), frames, push)


def source_push(var: VAR, source: int, size: float = 1.0) -> NDArray[np.float64]:
    """Return a push of one source: of an ROI's activity, or of a latent.

    Parameters
    ----------
    var : VAR
        The fitted dynamics: ``RoiVAR.var`` between ROIs, or that of a model between its latents.
    source : int
        Position of the ROI, or number of the latent.
    size : float
        In standard deviations of its activity; negative pushes down.

    Returns
    -------
    ndarray (d,), float64
        Deviation of the variables.

    Raises
    ------
    InputError
        If there is no such source.
    """
    check_latent(source, var.latents, "source")
    push = np.zeros(var.latents)
    push[source] = size * var.std[source]
    return push


def roi_push(
    model: VARAutoencoder, latents: NDArray[np.float32], footprint: Any, size: float = 1.0
) -> NDArray[np.float64]:
    """Return the smallest push of the latents that raises the decoded trace of an ROI by so much.

    With ``g = s e_r`` what the latents add to the trace, ``y[t] = g · z[t]``, it is ``size · sd(y) · g / ‖g‖²``.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.encode` returns them.
    footprint : ndarray (Y·X,) or scipy.sparse array (1, Y·X)
        Pixel weights of the ROI.
    size : float
        In standard deviations of the ROI's decoded trace; negative pushes down.

    Returns
    -------
    ndarray (d,), float64
        Deviation of the latents.

    Raises
    ------
    InputError
        If the footprint is of another frame size, or no latent that changes reaches the ROI.
    """
    row = footprint if hasattr(footprint, "toarray") else np.asarray(footprint)[None]
    encoded = encoded_footprints(model, row)[0]
    spread = float(np.nanstd(latents @ encoded, dtype=np.float64))
    readout = encoded.astype(np.float64)
    power = float(readout @ readout)
    if not spread or not power:
        raise InputError(
            "The model shows no activity in this ROI: choose another one, or train with more latents so that they"
            " reach it."
        )
    push: NDArray[np.float64] = size * spread / power * readout
    return push


def impulse_movie(
    model: VARAutoencoder, response: NDArray[np.floating], *, fitted: RoiVAR | None = None
) -> Any:
    """Return what a push adds to the picture.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    response : ndarray (n, d)
        Made by `impulse_response`.
    fitted : RoiVAR, optional
        The VAR between ROIs that it was made with; by default it was made between latents.

    Returns
    -------
    ndarray or dask array (n, Y, X), float32
        In movie units; a dask array of one frame a chunk where it is large.
    """
    return drawn(decoder_of(model, fitted), response, deviation=True)


def _go_on(
    var: VAR, past: NDArray[np.float64], frames: int, push: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """Roll out deviations (n, d) from those before, (p, d)."""
    if frames < 1:
        raise InputError(f"{frames} frames are none: ask for at least one.")
    tables = [table.astype(np.float64) for table in var.tables]
    series = np.concatenate([past, np.zeros((frames, var.latents))])
    begun = 0.0
    for at in range(var.order, len(series)):
        for lag, table in enumerate(tables, 1):
            series[at] += table @ series[at - lag]
        if at == var.order and push is not None:
            series[at] += push
        largest = float(np.abs(series[at]).max())
        if at == var.order:
            begun = max(largest, float(np.abs(past).max()))
        elif largest > _RUNAWAY * begun:
            raise InputError(
                f"These dynamics run away, {at - var.order} frames on they are a million times as large:"
                " choose a sparser point in the Dynamics panel, or ask for fewer frames."
            )
    return series[var.order :]
