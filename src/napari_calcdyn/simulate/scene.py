"""Simulated cells in their neuropil, and their recording by the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.recording import InputError

from .activity import slow_fluctuations
from .artefacts import lamp_light, smooth_motion
from .camera import GAIN, Scene, record_scene
from .footprints import draw_background, draw_neuropil_modes

NOISE_LEVELS = {"low": 60.0, "middle": 25.0, "high": 6.0}
"""Photons per pixel and frame from the brightest pixel of a typical cell at rest."""

_NEUROPIL = 0.4  # brightness of the resting neuropil relative to a typical cell
_NEUROPIL_FLUCTUATION = 0.02  # standard deviation of one mode relative to the neuropil
_NEUROPIL_MODES = 4
_ARTEFACTS = 1  # the random numbers of motion and light are no others' numbers


def resting_counts(noise: str | float) -> float:
    """Return the brightness of a typical cell at rest for a level of shot noise.

    Parameters
    ----------
    noise : {"low", "middle", "high"} or float
        Level, or photons per pixel and frame at the brightest pixel of that cell.

    Returns
    -------
    float
        Counts at that pixel.

    Raises
    ------
    InputError
        If the level is unknown.
    """
    if isinstance(noise, str):
        if noise not in NOISE_LEVELS:
            raise InputError(
                f"The noise level {noise!r} is not known: choose low, middle, high or a number of photons."
            )
        return NOISE_LEVELS[noise] * GAIN
    if not 0.5 <= noise <= 500:
        raise InputError(f"{noise:g} photons per pixel and frame is out of range: choose 0.5 to 500.")
    return float(noise) * GAIN


def record_cells(
    weights: csr_array,
    traces: NDArray[np.float32],
    shape: tuple[int, int],
    *,
    brightness: float,
    drift: float,
    motion: float,
    bleaching: float,
    lamp: float,
    frame_rate: float,
    seed: int,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Put cells into uneven, slowly varying neuropil and record them.

    Parameters
    ----------
    weights : csr_array, shape (N, Y·X), float32
        Footprints, maximum 1.
    traces : ndarray, shape (N, T), float32
        Counts above the background.
    shape : tuple of int
        Height and width (Y, X), px.
    brightness : float
        Counts of a typical cell at rest; the neuropil is dimmer by a fixed factor.
    drift : float
        Pixels by which the image moves over the recording, along a line.
    motion : float
        Standard deviation of a smooth motion beside that, px.
    bleaching : float
        Part of the brightness that is lost by its end.
    lamp : float
        Standard deviation of the brightness of the lamp.
    frame_rate : float
        Frames per second.
    seed : int
        Of the camera's noise.
    rng : numpy.random.Generator
        Source of randomness for everything else.

    Returns
    -------
    ndarray, shape (T, Y, X), uint16
        Counts.
    """
    frames = traces.shape[1]
    background = _NEUROPIL * brightness * draw_background(*shape, rng)
    modes = _NEUROPIL_FLUCTUATION * background * draw_neuropil_modes(_NEUROPIL_MODES, *shape, rng)
    swell = slow_fluctuations(_NEUROPIL_MODES, frames, frame_rate, rng)
    heading = rng.uniform(0, 2 * np.pi)
    artefacts = np.random.default_rng([seed, _ARTEFACTS])
    scene = Scene(
        patterns=weights.T.tocsr(),
        traces=traces,
        modes=modes.reshape(_NEUROPIL_MODES, -1),
        swell=swell.astype(np.float32),
        background=background,
        path=np.outer(np.linspace(-0.5, 0.5, frames), drift * np.array([np.sin(heading), np.cos(heading)]))
        + smooth_motion(frames, motion, artefacts),
        dimming=lamp_light(frames, bleaching, lamp, artefacts).astype(np.float32),
    )
    return record_scene(scene, seed)
