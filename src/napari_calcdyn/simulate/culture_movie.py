"""Movie of a simulated culture."""

from __future__ import annotations

import numpy as np

from napari_calcdyn.recording import InputError

from .cultures import SimulatedCultures
from .fluorescence import BASELINE
from .movie import movie_of_traces
from .simulated_movie import SimulatedMovie

SOMA_RADIUS = (6.0, 9.0)
"""µm; neurons in culture."""

_MARGIN = 15.0  # µm around the outermost neurons


def movie_of_culture(
    cultures: SimulatedCultures,
    culture: int = 0,
    *,
    pixel_size: float = 4.0,
    noise: str | float = "middle",
    drift: float = 0.0,
    bleaching: float = 0.0,
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate a movie of one culture, with the whole dish in the field of view.

    The neurons have the brightness of their clean traces; the camera adds the noise.

    Parameters
    ----------
    cultures : SimulatedCultures
        From `simulate_cultures`.
    culture : int
        Number of the culture, as in the ``culture`` column of the table.
    pixel_size : float
        µm. 700 neurons at 4 µm make frames of about 480 × 480 pixels, 0.7 GB in 30 s at 50 Hz.
    noise, drift, bleaching : str or float, float, float
        As for `simulate_movie`.
    seed : int
        Of the movie; the culture does not depend on it.

    Returns
    -------
    SimulatedMovie
        Movie and truth, cells in the order of the table, `kind` their type.

    Raises
    ------
    InputError
        If there is no such culture or an argument is out of its range.
    """
    rows = cultures.table["culture"] == culture
    if not rows.any():
        last = cultures.table["culture"].max()
        raise InputError(f"There is no culture {culture}: choose 0 to {last}.")
    if not 0.5 <= pixel_size <= 10:
        raise InputError(f"A pixel size of {pixel_size:g} µm is out of range: choose 0.5 to 10 µm.")
    places = 1000 * np.stack([cultures.table["y_mm"][rows], cultures.table["x_mm"][rows]], axis=1)
    low = places.min(axis=0) - _MARGIN
    height, width = np.ceil((places.max(axis=0) + _MARGIN - low) / pixel_size).astype(int) + 1
    return movie_of_traces(
        cultures.clean[rows],
        (places - low) / pixel_size,
        rest=BASELINE,
        height=int(height),
        width=int(width),
        frame_rate=cultures.frame_rate,
        radius=(SOMA_RADIUS[0] / pixel_size, SOMA_RADIUS[1] / pixel_size),
        kind=cultures.table["type"][rows].tolist(),
        noise=noise,
        drift=drift,
        bleaching=bleaching,
        pixel_size=(pixel_size, pixel_size),
        seed=seed,
    )
