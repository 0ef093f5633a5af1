"""Statistics of a trace that say how large and how fast its events are, and not when they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError, ProgressCallback, Traces, denoise

LAGS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Times over which the rise of a trace is taken, s."""
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Of the rises over each of them; events are rare, so most are high ones."""
STATISTICS = len(LAGS) * len(QUANTILES)
"""How many numbers describe a trace."""

_USUAL_RATE = 20.0  # samples per second where it is not known; noise is that of samples at this rate
_OF_RANGE = 0.05  # of a trace's range: takes the place of its noise where each trace is scaled by itself
_LEAST = 0.3  # standard deviations of the noise; rises below are no events
_FEWEST = 4  # times the longest lag that a window must last


def standard_traces(
    traces: Traces, scaling: str = "noise", *, progress: ProgressCallback | None = None
) -> NDArray[np.float64]:
    """Denoise traces and give them a unit of their own.

    Parameters
    ----------
    traces : Traces
        N traces.
    scaling : {"noise", "trace"}
        The unit: the noise of the trace, as it is at 20 samples per second, or a part of its range.
    progress : callable or None
        Called with steps done and in all; returns True to stop.

    Returns
    -------
    ndarray (N, T), float64
        NaN for traces that cannot be used.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    denoised = denoise(traces, progress=progress)
    if scaling == "noise":
        unit = denoised.noise * np.sqrt(_USUAL_RATE / (traces.frame_rate or _USUAL_RATE))
    else:
        unit = _OF_RANGE * (denoised.values.max(axis=1) - denoised.values.min(axis=1))
    smallest = float(np.finfo(np.float32).tiny)
    standard: NDArray[np.float64] = denoised.values / np.maximum(unit, smallest).astype(np.float64)[:, None]
    return standard


def trace_statistics(
    standard: NDArray[np.floating], frame_rate: float | None, *, windows: int = 1
) -> NDArray[np.float32]:
    """Describe each trace by quantiles of its rises.

    A rise is the trace at one time less that at an earlier one. The quantiles over time of rises over 0.05 to 1.6 s say
    how large events are, how many of them there are, and how fast they rise and fall. They are logarithms, as a trace
    with twice the events differs from one with half of them.

    Parameters
    ----------
    standard : ndarray (N, T)
        From `standard_traces`.
    frame_rate : float or None
        Samples per second; 20 where it is not known.
    windows : int
        In how many parts of equal length a trace is cut, each of which is described.

    Returns
    -------
    ndarray (windows, N, STATISTICS), float32
        NaN for traces that cannot be used.

    Raises
    ------
    InputError
        If the traces are too short.
    """
    rate = frame_rate or _USUAL_RATE
    length = standard.shape[1] // windows
    if length < _FEWEST * LAGS[-1] * rate:
        raise InputError(
            f"A recording of {standard.shape[1] / rate:.3g} s is too short to see what kinds of neurons there are: at"
            f" least {windows * _FEWEST * LAGS[-1]:.3g} s are needed."
        )
    parts = [standard[:, at * length : (at + 1) * length] for at in range(windows)]
    return np.stack([_statistics(part, rate) for part in parts]).astype(np.float32)


def _statistics(standard: NDArray[np.floating], rate: float) -> NDArray[np.float64]:
    """Return the statistics (N, STATISTICS) of traces in units of their noise."""
    found = [_quantiles(_rises(standard, lag * rate)) for lag in LAGS]
    statistics: NDArray[np.float64] = np.log(np.maximum(np.concatenate(found, axis=1), _LEAST))
    return statistics


def _rises(standard: NDArray[np.floating], lag: float) -> NDArray[np.floating]:
    """Return the differences over `lag` samples, which need not be whole: the trace is straight between samples."""
    whole = int(lag)
    rest = lag - whole
    later = standard[:, whole:]
    if rest:
        later = (1 - rest) * later[:, :-1] + rest * later[:, 1:]
    return later - standard[:, : later.shape[1]]


def _quantiles(rises: NDArray[np.floating]) -> NDArray[np.float64]:
    quantiles: NDArray[np.float64] = np.quantile(rises, QUANTILES, axis=1).T
    return quantiles
