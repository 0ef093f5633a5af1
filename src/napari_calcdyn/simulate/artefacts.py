"""What microscopes and earlier processing do to a recording: motion, fading, flicker, lost frames and pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

_SMOOTH = 20.0  # frames
_FLICKER = 5.0  # frames
_FADING = 0.4  # of the recording

Frames = NDArray[np.uint16]


def smooth_motion(frames: int, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a smooth path of the image, as of an animal that breathes and shifts.

    Parameters
    ----------
    frames : int
        T.
    size : float
        Standard deviation in each direction, px.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray (T, 2), float64
        Displacement (y, x), px, of mean 0; correlated over about 20 frames.
    """
    margin = int(5 * _SMOOTH)
    path = gaussian_filter1d(rng.standard_normal((frames + 2 * margin, 2)), _SMOOTH, axis=0)[margin:-margin]
    path = path - path.mean(0)
    scaled: NDArray[np.float64] = path * (size / path.std(0))
    return scaled


def exponential_bleaching(frames: int, lost: float) -> NDArray[np.float64]:
    """Return how brightness fades, fast at first.

    Parameters
    ----------
    frames : int
        T.
    lost : float
        Part that is lost by the end.

    Returns
    -------
    ndarray (T,), float64
        1 in the first frame; the time constant is 0.4 of the recording.
    """
    faded = -np.expm1(-np.linspace(0, 1 / _FADING, frames))
    brightness: NDArray[np.float64] = 1 - lost * faded / faded[-1]
    return brightness


def lamp_flicker(frames: int, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the brightness of an unsteady lamp.

    Parameters
    ----------
    frames : int
        T.
    size : float
        Standard deviation.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray (T,), float64
        Of mean 1, correlated over 5 frames.
    """
    steps = rng.standard_normal(frames)
    light = lfilter([1.0], [1.0, -np.exp(-1 / _FLICKER)], steps)
    flicker: NDArray[np.float64] = 1 + size * (light - light.mean()) / light.std()
    return flicker


def lamp_light(
    frames: int, bleaching: float, flicker: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the brightness of the light in every frame, (T,); see `exponential_bleaching` and `lamp_flicker`."""
    brightness = exponential_bleaching(frames, bleaching)
    return brightness * lamp_flicker(frames, flicker, rng) if flicker else brightness


def blank_frames(movie: Frames, count: int, rng: np.random.Generator) -> Frames:
    """Return a copy (T, Y, X) in which some frames are 0."""
    spoiled = movie.copy()
    spoiled[rng.choice(len(movie), count, replace=False)] = 0
    return spoiled


def empty_borders(movie: Frames, size: float, rng: np.random.Generator) -> Frames:
    """Return a copy (T, Y, X) with edges of 0, of a random width in each frame, as registration leaves them."""
    spoiled = movie.copy()
    widths = np.rint(np.abs(rng.normal(0, size, (len(movie), 4)))).astype(int)
    for frame, (top, bottom, left, right) in zip(spoiled, widths.tolist(), strict=True):
        frame[:top], frame[len(frame) - bottom :] = 0, 0
        frame[:, :left], frame[:, frame.shape[1] - right :] = 0, 0
    return spoiled


def saturated(movie: Frames, part: float) -> Frames:
    """Return a copy (T, Y, X) with a ceiling that this part of the pixels reaches in their mean."""
    ceiling = np.quantile(movie.mean(0), 1 - part)
    return np.minimum(movie, np.uint16(ceiling))


def shifted_lines(movie: Frames, pixels: int) -> Frames:
    """Return a copy (T, Y, X) whose odd lines are displaced to the right."""
    spoiled = movie.copy()
    spoiled[:, 1::2] = np.roll(movie[:, 1::2], pixels, axis=2)
    return spoiled
