"""Fluorescence of GCaMP6s from spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from napari_calcdyn.recording import InputError

from .spiking import Spikes

BASELINE = 42.0  # F0, at rest
AMPLITUDE = 0.113  # A, relative change of fluorescence after one spike
DECAY = 1.82  # τ, s
P2, P3 = 0.81, -0.056  # of the polynomial that makes the decay of the indicator non-linear


def fluorescence(
    spikes: Spikes, frame_rate: float = 50.0, *, onset: float = 0.0, frames: int | None = None
) -> NDArray[np.float32]:
    """Return the fluorescence of spikes: Eq. 2 of the AVAE paper (after Deneux et al. 2016).

    ``f(t) = F0 + Σ_s F0 A (κ + p2 (κ² − κ) + p3 (κ³ − κ))`` over spikes at times s before t, with
    ``κ = exp(−(t − s)/τ)``.

    Parameters
    ----------
    spikes : Spikes
        Spikes at steps of 1 ms.
    frame_rate : float
        Samples per second.
    onset : float
        Time of the first sample, s; the remaining fluorescence of earlier spikes is included.
    frames : int, optional
        Number of samples T. By default as many as fit into the simulated time.

    Returns
    -------
    ndarray, shape (N, T), float32
        Fluorescence without noise; F0 = 42 at rest.

    Raises
    ------
    InputError
        If the simulated time is too short for these samples.
    """
    if not 0.5 <= frame_rate <= 1000:
        raise InputError(f"A frame rate of {frame_rate:g} Hz is out of range: choose 0.5 to 1000 Hz.")
    available = int(round((spikes.seconds - onset) * frame_rate, 6))
    frames = available if frames is None else frames
    if onset < 0 or not 1 <= frames <= available:
        raise InputError(
            f"{frames} frames at {frame_rate:g} Hz from {onset:g} s on do not fit into {spikes.seconds:g} s: "
            "simulate longer or ask for fewer frames."
        )
    # The first frame after a spike, and the time between them.
    position = (spikes.steps / 1000 - onset) * frame_rate
    first = np.maximum(np.floor(np.round(position, 6)).astype(np.int64) + 1, 0)
    inside = first < frames
    delay = (first - position)[inside] / frame_rate
    cell = spikes.neurons[inside] * frames + first[inside]
    trace = np.full((spikes.number, frames), BASELINE)
    # κ, κ² and κ³ are exponentials, so each is one recursive filter.
    for power, share in ((1, 1 - P2 - P3), (2, P2), (3, P3)):
        left = np.exp(-power * delay / DECAY)
        arriving = np.bincount(cell, left, minlength=trace.size).reshape(trace.shape)
        keep = np.exp(-power / (DECAY * frame_rate))
        trace += BASELINE * AMPLITUDE * share * lfilter([1.0], [1.0, -keep], arriving, axis=1)
    return trace.astype(np.float32)
