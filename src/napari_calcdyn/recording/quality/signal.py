"""How strong activity is against shot noise, and how large the cells are."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.progress import ProgressCallback

from .sample import Sample, draw_sample

_BRIGHTEST = 0.99  # quantile of pixels
_FARTHEST = 40  # px
_MOST = 256  # px of the middle of the picture, which tell enough
_HALF = 0.404  # at this part of its diameter, two copies of a disc share half of their area
_measured: WeakKeyDictionary[Movie, float | None] = WeakKeyDictionary()


def signal_to_noise(sample: Sample, valid: NDArray[np.bool_]) -> float:
    """Compare what lasts from one frame to the next with shot noise.

    Parameters
    ----------
    sample : Sample
        Of the recording.
    valid : ndarray (Y, X), bool
        Pixels to use.

    Returns
    -------
    float
        The 99th percentile over pixels of the lag-1 autocovariance over the variance of the noise.
    """
    lagged = np.zeros(sample.mean.shape)
    for run in sample.runs:
        deviation = run - sample.mean
        lagged += np.einsum("tyx,tyx->yx", deviation[1:], deviation[:-1])
    lagged /= sample.runs.shape[0] * (sample.runs.shape[1] - 1)
    noise = sample.noise_variance
    usable = valid & (noise > 0)
    return float(np.quantile(lagged[usable] / noise[usable], _BRIGHTEST)) if usable.any() else 0.0


def measure_cell_diameter(movie: Movie, progress: ProgressCallback | None = None) -> float | None:
    """Estimate the diameter of the cells of a recording from some of its frames; once for each `Movie`.

    Parameters
    ----------
    movie : Movie
        The recording.
    progress : callable or None
        Called with runs of frames read and in all; returns True to stop.

    Returns
    -------
    float or None
        As from `cell_diameter`.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    if movie not in _measured:
        _measured[movie] = cell_diameter(draw_sample(movie, progress).valid_in(movie), movie.valid_pixels)
    return _measured[movie]


def cell_diameter(sample: Sample, valid: NDArray[np.bool_]) -> float | None:
    """Estimate the diameter of the cells from how far activity reaches.

    Each frame's deviation from the mean frame is correlated, in space, with that of the next frame, which has other
    shot noise. The correlation of a disc with itself falls to a half at 0.4 of its diameter. What is left at far
    distances is neuropil, and is taken off first.

    Parameters
    ----------
    sample : Sample
        Of the recording.
    valid : ndarray (Y, X), bool
        Pixels to use.

    Returns
    -------
    float or None
        px; None where no activity stands out.
    """
    middle = tuple(slice(max(0, (size - _MOST) // 2), (size + _MOST) // 2) for size in sample.mean.shape)
    mean, usable = sample.mean[middle], valid[middle]
    far = min(_FARTHEST, min(mean.shape) // 4)
    total = np.zeros((mean.shape[0], mean.shape[1] // 2 + 1), np.complex64)
    for run in sample.runs:
        deviation = np.where(usable, run[:, *middle] - mean, 0).astype(np.float32)
        deviation -= deviation.mean((1, 2), keepdims=True)
        spectra = scipy.fft.rfft2(deviation, workers=-1)
        total += (spectra[1:] * np.conj(spectra[:-1])).sum(0)
    shared = scipy.fft.irfft2(total, mean.shape)
    reach = np.arange(-far, far + 1)
    near = shared[reach[:, None], reach]
    distance = np.hypot(reach[:, None], reach)
    rings = np.array([near[(distance >= d - 0.5) & (distance < d + 0.5)].mean() for d in range(far)])
    rings = rings - rings[far // 2 :].mean()
    below = np.flatnonzero(rings < rings[0] / 2)
    if rings[0] <= 0 or not len(below) or below[0] == 0:
        return None
    at = below[0]
    half = at - (rings[0] / 2 - rings[at]) / (rings[at - 1] - rings[at])
    return float(half / _HALF)
