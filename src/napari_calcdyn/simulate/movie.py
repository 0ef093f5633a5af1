"""Simulated two-photon movies with known cells, dynamics and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.errors import check_range

from .activity import simulate_activity, sparse_coefficients
from .footprints import RADIUS, draw_footprints, place_cells
from .scene import record_cells, resting_counts
from .simulated_movie import PIXEL_SIZE, SimulatedMovie

__all__ = ["SimulatedMovie", "movie_of_traces", "simulate_movie"]


def simulate_movie(
    *,
    frames: int = 1000,
    height: int = 128,
    width: int = 128,
    dynamic: int | None = None,
    silent: int | None = None,
    flicker: int | None = None,
    noise: str | float = "middle",
    order: int = 1,
    drift: float = 0.0,
    motion: float = 0.0,
    bleaching: float = 0.0,
    lamp: float = 0.0,
    frame_rate: float = 10.0,
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate a two-photon recording with known cells, dynamics and noise.

    Three kinds of cells lie in uneven, slowly varying neuropil. *Dynamic* cells follow a sparse, stable
    VAR with sparse positive innovations. *Flicker* cells have the values of a dynamic cell in random order: the
    same brightness and variance, but no memory. *Silent* cells are bright and constant, so they have the
    strongest shot noise.

    Parameters
    ----------
    frames, height, width : int
        Shape of the movie.
    dynamic, silent, flicker : int, optional
        Number of cells of each kind. The default density is that of 20, 15 and 15 cells in 128 × 128 pixels,
        with at most 100, 75 and 75 cells.
    noise : {"low", "middle", "high"} or float
        Level of shot noise, or the photons per pixel and frame that a typical cell at rest gives at its
        brightest pixel (fewer photons, more noise).
    order : int
        Number of lags of the VAR; from 2 on, transients have a rise time too.
    drift : float
        Pixels by which the image moves over the recording; footprints are those at half time.
    motion : float
        Standard deviation of a smooth motion of the image in each direction, px.
    bleaching : float
        Part of the brightness that is lost by the end of the recording, 0 to 0.9; the traces do not include it.
    lamp : float
        Standard deviation of the brightness of the lamp, 0 to 0.2; the traces do not include it.
    frame_rate : float
        Frames per second.
    seed : int
        The same seed and arguments give the same movie.

    Returns
    -------
    SimulatedMovie
        Movie and truth.

    Raises
    ------
    InputError
        If an argument is out of its range or the cells do not fit into the field of view.
    """
    brightness = resting_counts(noise)
    _check_ranges(
        {"frames": frames, "height": height, "width": width, "order": order, "frame_rate": frame_rate}
        | {"drift": drift, "motion": motion, "bleaching": bleaching, "lamp": lamp, "seed": seed}
    )
    numbers = [
        _cell_number(name, number, per_field, height * width)
        for name, number, per_field in (
            ("dynamic", dynamic, 20),
            ("silent", silent, 15),
            ("flicker", flicker, 15),
        )
    ]
    dynamic, silent, flicker = numbers
    if sum(numbers) == 0:
        raise InputError("A simulated movie needs at least one cell: raise dynamic, silent or flicker.")
    rng = np.random.default_rng(seed)
    centres, radii = place_cells(sum(numbers), height, width, rng)
    weights = draw_footprints(centres, radii, height, width, rng)

    # Flicker cells copy dynamic ones, so at least one dynamic cell is simulated even if none is shown.
    modelled = max(dynamic, 1)
    activity = simulate_activity(
        sparse_coefficients(modelled, order, frame_rate, rng), frames, frame_rate, rng
    )
    resting = brightness * rng.lognormal(0.0, 0.25, modelled)
    # Standard deviation of ΔF/F; peaks are about three times that. Few cells are strong, many are weak.
    size = resting * np.exp(rng.uniform(np.log(0.1), np.log(0.8), modelled))
    active = resting[:, None] + size[:, None] * activity.values
    coefficients = activity.coefficients * size[None, :, None] / size[None, None, :]
    constant = brightness * rng.uniform(1.2, 1.8, silent)
    shuffled = [rng.permutation(active[cell % modelled]) for cell in range(flicker)]
    traces = np.concatenate(
        [
            active[:dynamic],
            np.repeat(constant[:, None], frames, axis=1),
            np.reshape(shuffled, (flicker, frames)),
        ]
    ).astype(np.float32)

    return SimulatedMovie(
        movie=record_cells(
            weights,
            traces,
            (height, width),
            brightness=brightness,
            drift=drift,
            motion=motion,
            bleaching=bleaching,
            lamp=lamp,
            frame_rate=frame_rate,
            seed=seed,
            rng=rng,
        ),
        weights=weights,
        traces=traces,
        kind=np.repeat(["dynamic", "silent", "flicker"], numbers),
        coefficients=coefficients[:, :dynamic, :dynamic],
        frame_rate=float(frame_rate),
    )


def movie_of_traces(
    traces: ArrayLike,
    centres: ArrayLike,
    *,
    rest: float,
    height: int,
    width: int,
    frame_rate: float,
    radius: tuple[float, float] = RADIUS,
    kind: Sequence[str] | None = None,
    noise: str | float = "middle",
    drift: float = 0.0,
    motion: float = 0.0,
    bleaching: float = 0.0,
    lamp: float = 0.0,
    pixel_size: tuple[float, float] = PIXEL_SIZE,
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate a movie of cells with given traces, with the neuropil and the camera of `simulate_movie`.

    Besides the movie, 2 bytes per pixel and frame, it needs the memory of one block of frames.

    Parameters
    ----------
    traces : array_like, shape (N, T)
        Fluorescence of every cell, not negative.
    centres : array_like, shape (N, 2)
        Row and column of every cell, px; cells may overlap.
    rest : float
        Value of a trace that is as bright as a typical cell at rest.
    height, width : int
        Frame size, px.
    frame_rate : float
        Frames per second.
    radius : tuple of float
        Smallest and largest radius of a cell, px.
    kind : sequence of str, optional
        A label for every cell, saved with the truth; ``given`` by default.
    noise, drift, motion, bleaching, lamp : str or float, float, float, float, float
        As for `simulate_movie`.
    pixel_size : tuple of float
        µm, (y, x).
    seed : int
        The same seed and arguments give the same movie.

    Returns
    -------
    SimulatedMovie
        Movie and truth; its traces are the given ones in counts.

    Raises
    ------
    InputError
        If an argument is out of its range, or traces and centres do not match.
    """
    values, places = np.asarray(traces, np.float32), np.asarray(centres, np.float64)
    words = np.full(len(places), "given") if kind is None else np.asarray(kind, str)
    if values.ndim != 2 or places.shape != (len(values), 2) or len(words) != len(values) or not len(values):
        raise InputError(
            f"Traces {values.shape}, centres {places.shape} and {len(words)} kinds do not match: give N traces of T "
            "samples, N rows of row and column, and N kinds."
        )
    if not (np.isfinite(values).all() and values.min() >= 0 and rest > 0):
        raise InputError(
            "Traces must be fluorescence, finite and not negative, with a positive value at rest."
        )
    if not ((places >= 0) & (places <= [height - 1, width - 1])).all():
        raise InputError(
            f"A cell lies outside the frame of {height} × {width} pixels: move it or enlarge the frame."
        )
    if not 0.5 <= radius[0] <= radius[1] <= 100:
        raise InputError(
            f"Cell radii from {radius[0]:g} to {radius[1]:g} px are out of range: choose 0.5 to 100."
        )
    brightness = resting_counts(noise)
    _check_ranges(
        {"frames": values.shape[1], "height": height, "width": width, "frame_rate": frame_rate}
        | {"drift": drift, "motion": motion, "bleaching": bleaching, "lamp": lamp, "seed": seed}
    )
    rng = np.random.default_rng(seed)
    weights = draw_footprints(places, rng.uniform(*radius, len(places)), height, width, rng)
    counts: NDArray[np.float32] = values * np.float32(brightness / rest)
    return SimulatedMovie(
        movie=record_cells(
            weights,
            counts,
            (height, width),
            brightness=brightness,
            drift=drift,
            motion=motion,
            bleaching=bleaching,
            lamp=lamp,
            frame_rate=frame_rate,
            seed=seed,
            rng=rng,
        ),
        weights=weights,
        traces=counts,
        kind=words,
        coefficients=np.empty((0, 0, 0)),
        frame_rate=float(frame_rate),
        pixel_size=pixel_size,
    )


def _check_ranges(values: dict[str, float]) -> None:
    shorter = min(values["height"], values["width"])
    ranges: dict[str, tuple[float, float]] = {
        "frames": (4, 10_000_000),
        "height": (16, 4096),
        "width": (16, 4096),
        "order": (1, 10),
        "drift": (0, shorter / 4),
        "motion": (0, shorter / 16),
        "bleaching": (0, 0.9),
        "lamp": (0, 0.2),
        "frame_rate": (0.5, 500),
        "seed": (0, 2**63),
    }
    for name, value in values.items():
        check_range(name, value, *ranges[name])


def _cell_number(name: str, number: int | None, per_field: int, pixels: int) -> int:
    """Scale a default number of cells, meant for 128 × 128 pixels, to the field of view."""
    if number is None:
        return min(max(round(per_field * pixels / 128**2), 1), 5 * per_field)
    if number < 0:
        raise InputError(f"The number of {name} cells is {number}: choose 0 or more.")
    return number
