"""Peak, signal-to-noise ratio and event rate of a neuron, from its trace alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Traces

_MAD_TO_STD = 1.4826  # of a Gaussian
_EVENT = 4.0  # noise standard deviations above the baseline


def trace_features(traces: Traces) -> dict[str, NDArray[np.float64]]:
    """Compute peak, signal-to-noise ratio and event rate of every trace.

    The baseline is the median of a trace. Its noise is the standard deviation of Gaussian noise with the same median
    difference between successive samples. Events are rare, and hardly change either.

    Parameters
    ----------
    traces : Traces
        N traces.

    Returns
    -------
    dict of str to ndarray (N,), float64
        ``peak``, the highest sample above the baseline, in the traces' unit; ``snr``, the peak over the noise
        (noise alone reaches 3 to 4); ``events_per_minute``, or ``events`` in all where the frame rate is not
        known: how often a trace that was down at its baseline rises 4 noise standard deviations above it. NaN where
        a trace cannot be used, and in ``snr`` where there is no noise.
    """
    frequency = "events" if traces.frame_rate is None else "events_per_minute"
    features = {name: np.full(len(traces), np.nan) for name in ("peak", "snr", frequency)}
    for position in np.flatnonzero(traces.usable):
        trace = traces.values[position].astype(np.float64)
        steps = np.abs(np.diff(trace))
        steps = steps[np.isfinite(steps)]
        noise = _MAD_TO_STD * np.median(steps) / np.sqrt(2) if len(steps) else 0.0
        valid = trace[np.isfinite(trace)]
        above = valid - np.median(valid)
        features["peak"][position] = above.max()
        if noise > 0:
            features["snr"][position] = above.max() / noise
        minutes = 1.0 if traces.frame_rate is None else len(valid) / traces.frame_rate / 60
        features[frequency][position] = _events(above, noise) / minutes
    return features


def _events(above: NDArray[np.float64], noise: float) -> int:
    """Count events; noise on a falling trace is no new event."""
    state = np.where(above > _EVENT * noise, 1, np.where(above <= 0, 0, -1))
    decided = state[state >= 0]  # samples in between stay what they were before
    return int((np.diff(decided, prepend=0) == 1).sum())
