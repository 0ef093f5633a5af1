"""A two-photon movie whose cells, dynamics and noise are known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ..recording.errors import InputError
from .activity import simulate_activity, slow_fluctuations, sparse_coefficients
from .camera import GAIN, Scene, record_scene
from .footprints import draw_background, draw_footprints, draw_neuropil_modes, place_cells

NOISE_LEVELS = {"low": 60.0, "middle": 25.0, "high": 6.0}
"""Photons per pixel and frame from the brightest pixel of a typical cell at rest."""

PIXEL_SIZE = (1.0, 1.0)
"""Size of a pixel in µm, (y, x)."""

_NEUROPIL = 0.4  # brightness of the resting neuropil relative to a typical cell
_NEUROPIL_FLUCTUATION = 0.02  # standard deviation of one mode relative to the neuropil
_NEUROPIL_MODES = 4


@dataclass(frozen=True, eq=False)
class SimulatedMovie:
    """A movie and the truth it was made from.

    Noise and slow changes apart,
    ``movie[t] = camera.OFFSET + background + Σ_i footprints[i] · traces[i, t]``.

    Attributes
    ----------
    movie : ndarray, shape (T, Y, X), uint16
        Counts.
    footprints : ndarray, shape (N, Y, X), float32
        Weights of every cell, maximum 1; dynamic cells come first, then silent, then flicker.
    traces : ndarray, shape (N, T), float32
        Fluorescence of every cell in counts above the background, before noise.
    kind : ndarray, shape (N,), str
        ``dynamic``, ``silent`` or ``flicker``.
    coefficients : ndarray, shape (p, Nd, Nd), float64
        VAR of the dynamic cells' traces as [lag, target, source]: deviations from the mean follow
        ``x[t] = Σ_l A_l x[t-l] + innovation``.
    frame_rate : float
        Frames per second.
    pixel_size : tuple of float
        µm, (y, x).
    """

    movie: NDArray[np.uint16]
    footprints: NDArray[np.float32]
    traces: NDArray[np.float32]
    kind: NDArray[np.str_]
    coefficients: NDArray[np.float64]
    frame_rate: float
    pixel_size: tuple[float, float] = PIXEL_SIZE

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Number of the cell (from 1, 0 is none) that each pixel belongs to, shape (Y, X).

        A pixel belongs to a cell where its weight exceeds half of that cell's maximum. Where cells
        overlap, a dynamic one goes first.
        """
        labels = np.zeros(self.footprints.shape[1:], np.int32)
        for cell in reversed(range(len(self.footprints))):  # dynamic cells come first, so are drawn last
            weight = self.footprints[cell]
            labels[weight > weight.max() / 2] = cell + 1
        return labels

    @property
    def dynamic_mask(self) -> NDArray[np.bool_]:
        """Pixels of dynamic cells, shape (Y, X)."""
        return (self.labels > 0) & (self.labels <= len(self.coefficients[0]))

    @property
    def cell_mask(self) -> NDArray[np.bool_]:
        """Pixels of any cell, shape (Y, X)."""
        return self.labels > 0

    def save(self, folder: str | Path) -> None:
        """Write ``movie.tif`` (OME-TIFF with frame rate and pixel size) and ``truth.npz``.

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist; files of these names in it are replaced.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        folder = Path(folder)
        metadata = {
            "axes": "TYX",
            "PhysicalSizeY": self.pixel_size[0],
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeX": self.pixel_size[1],
            "PhysicalSizeXUnit": "µm",
            "TimeIncrement": 1 / self.frame_rate,
            "TimeIncrementUnit": "s",
        }
        # Written beside and renamed, so that a crash never leaves half a file under the final name.
        movie_part, truth_part = folder / "movie.part.tif", folder / "truth.part.npz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(movie_part, self.movie, ome=True, photometric="minisblack", metadata=metadata)
            np.savez_compressed(
                truth_part,
                footprints=self.footprints,
                traces=self.traces,
                kind=self.kind,
                coefficients=self.coefficients,
            )
            os.replace(movie_part, folder / "movie.tif")
            os.replace(truth_part, folder / "truth.npz")
        except OSError as error:
            raise InputError(
                f"The folder {folder} cannot be written ({error.strerror or error}): choose another one."
            ) from error


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
    bleaching: float = 0.0,
    frame_rate: float = 10.0,
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate a two-photon recording with known cells, dynamics and noise.

    Three kinds of cells lie in uneven, slowly breathing neuropil. *Dynamic* cells follow a sparse, stable
    VAR driven by sparse positive events. *Flicker* cells hold a dynamic cell's values in random order: the
    same brightness and variance, no memory. *Silent* cells are bright and constant, so they carry the
    strongest shot noise.

    Parameters
    ----------
    frames, height, width : int
        Shape of the movie.
    dynamic, silent, flicker : int, optional
        Number of cells of each kind. By default as dense as 20, 15 and 15 in 128 × 128 pixels, at most
        100, 75 and 75.
    noise : {"low", "middle", "high"} or float
        Level of shot noise, or the photons per pixel and frame that a typical cell at rest gives at its
        brightest pixel (fewer photons, more noise).
    order : int
        Number of lags of the VAR; from 2 on, transients have a rise time too.
    drift : float
        Pixels by which the image moves over the recording; footprints are those at half time.
    bleaching : float
        Part of the brightness that is lost by the end of the recording, 0 to 0.9; traces are those without.
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
    photons = _photons(noise)
    _check_ranges(frames, height, width, order, drift, bleaching, frame_rate, seed)
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
    footprints = draw_footprints(centres, radii, height, width, rng)
    brightness = photons * GAIN  # counts of a typical cell at rest

    # Flicker cells copy dynamic ones, so one dynamic cell is simulated even where none is shown.
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

    background = _NEUROPIL * brightness * draw_background(height, width, rng)
    modes = _NEUROPIL_FLUCTUATION * background * draw_neuropil_modes(_NEUROPIL_MODES, height, width, rng)
    swell = slow_fluctuations(_NEUROPIL_MODES, frames, frame_rate, rng)
    heading = rng.uniform(0, 2 * np.pi)
    scene = Scene(
        patterns=csr_matrix(footprints.reshape(len(footprints), -1).T),
        traces=traces,
        modes=modes.reshape(_NEUROPIL_MODES, -1),
        swell=swell.astype(np.float32),
        background=background,
        path=np.outer(np.linspace(-0.5, 0.5, frames), drift * np.array([np.sin(heading), np.cos(heading)])),
        dimming=np.linspace(1.0, 1.0 - bleaching, frames, dtype=np.float32),
    )
    return SimulatedMovie(
        movie=record_scene(scene, seed),
        footprints=footprints,
        traces=traces,
        kind=np.repeat(["dynamic", "silent", "flicker"], numbers),
        coefficients=coefficients[:, :dynamic, :dynamic],
        frame_rate=float(frame_rate),
    )


def _photons(noise: str | float) -> float:
    if isinstance(noise, str):
        if noise not in NOISE_LEVELS:
            raise InputError(
                f"The noise level {noise!r} is not known: choose low, middle, high or a number of photons."
            )
        return NOISE_LEVELS[noise]
    if not 0.5 <= noise <= 500:
        raise InputError(f"{noise:g} photons per pixel and frame is out of range: choose 0.5 to 500.")
    return float(noise)


def _check_ranges(
    frames: int,
    height: int,
    width: int,
    order: int,
    drift: float,
    bleaching: float,
    frame_rate: float,
    seed: int,
) -> None:
    ranges: list[tuple[str, float, float, float]] = [
        ("frames", frames, 4, 10_000_000),
        ("height", height, 16, 4096),
        ("width", width, 16, 4096),
        ("order", order, 1, 10),
        ("drift", drift, 0, min(height, width) / 4),
        ("bleaching", bleaching, 0, 0.9),
        ("frame_rate", frame_rate, 0.5, 500),
        ("seed", seed, 0, 2**63),
    ]
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise InputError(f"{name} is {value:g}: choose a value from {low:g} to {high:g}.")


def _cell_number(name: str, number: int | None, per_field: int, pixels: int) -> int:
    """Scale a default number of cells, meant for 128 × 128 pixels, to the field of view."""
    if number is None:
        return min(max(round(per_field * pixels / 128**2), 1), 5 * per_field)
    if number < 0:
        raise InputError(f"The number of {name} cells is {number}: choose 0 or more.")
    return number
