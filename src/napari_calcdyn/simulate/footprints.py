"""Places and footprints of simulated cells, and the neuropil between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from napari_calcdyn.recording import InputError

RADIUS = (3.5, 5.5)  # px; a soma of 10 µm or so at about 1 µm per pixel
_TRIES_PER_CELL = 3000
_EDGE = 0.6  # px; width of the soft edge, about that of a two-photon point spread function
_CLOSENESS = 0.92  # neighbours may come this close, in units of the sum of their radii


def place_cells(
    number: int, height: int, width: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw cell centres by rejection, so that cells hardly overlap.

    Parameters
    ----------
    number : int
        Number of cells.
    height, width : int
        Field of view in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    centres : ndarray, shape (number, 2)
        Row and column of each centre, px.
    radii : ndarray, shape (number,)
        Mean radius of each cell, px.

    Raises
    ------
    InputError
        If the cells do not fit.
    """
    radii = rng.uniform(*RADIUS, size=number)
    centres = np.empty((number, 2))
    for cell in range(number):
        low, high = radii[cell], np.array([height, width]) - 1 - radii[cell]
        for _ in range(_TRIES_PER_CELL):
            candidate = rng.uniform(low, high)
            distance = np.linalg.norm(centres[:cell] - candidate, axis=1)
            if np.all(distance >= _CLOSENESS * (radii[:cell] + radii[cell])):
                centres[cell] = candidate
                break
        else:
            raise InputError(
                f"{number} cells of 7 to 11 px diameter do not fit into {height} × {width} pixels "
                f"(only {cell} did): ask for fewer cells or a larger field of view."
            )
    return centres, radii


def draw_footprints(
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    height: int,
    width: int,
    rng: np.random.Generator,
) -> csr_array:
    """Draw one slightly irregular soma per centre, half of them with a dim nucleus.

    Parameters
    ----------
    centres : ndarray, shape (N, 2)
        Row and column of each centre, px.
    radii : ndarray, shape (N,)
        Mean radius of each cell, px.
    height, width : int
        Field of view in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, height·width), float32
        Weights between 0 and 1; the maximum of every cell is 1.
    """
    pixels, weights = [], []
    for (row, column), radius in zip(centres, radii, strict=True):
        reach = int(np.ceil(1.5 * radius)) + 2
        rows = slice(max(int(row) - reach, 0), min(int(row) + reach + 1, height))
        columns = slice(max(int(column) - reach, 0), min(int(column) + reach + 1, width))
        dy, dx = np.mgrid[rows, columns].astype(float)
        dy, dx = dy - row, dx - column
        distance, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
        outline = np.full_like(distance, radius)
        for harmonic, size in ((2, 0.10), (3, 0.05)):  # an ellipse, then a dent
            outline += radius * size * rng.uniform() * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
        weight = 1 / (1 + np.exp((distance - outline) / _EDGE))
        if rng.uniform() < 0.5:  # cells are rings if the indicator stays out of the nucleus
            nucleus = 1 / (1 + np.exp((distance - 0.5 * outline) / _EDGE))
            weight = weight * (1 - rng.uniform(0.3, 0.6) * nucleus)
        inside = weight >= 0.01
        pixels.append(np.arange(height * width).reshape(height, width)[rows, columns][inside])
        weights.append((weight[inside] / weight.max()).astype(np.float32))
    ends = np.cumsum([0, *map(len, pixels)])
    parts = (np.concatenate(weights), np.concatenate(pixels), ends)
    return csr_array(parts, shape=(len(centres), height * width))


def draw_background(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the resting neuropil: uneven, darker towards the corners, with blood vessels.

    Parameters
    ----------
    height, width : int
        Field of view in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (height, width), float32
        Brightness relative to the middle of the field.
    """
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    image = 1 - 0.2 * (y**2 + x**2)
    image *= 1 + 0.12 * _smooth_field(height, width, 4.0, rng)
    for _ in range(2):
        heading = rng.uniform(0, np.pi)
        along, across = x * np.cos(heading) + y * np.sin(heading), y * np.cos(heading) - x * np.sin(heading)
        course = rng.uniform(-0.7, 0.7) + 0.15 * np.sin(3 * along + rng.uniform(0, 2 * np.pi))
        half_width = rng.uniform(2.0, 4.0) * 2 / max(height, width)
        image *= 1 - rng.uniform(0.3, 0.6) * np.exp(-(((across - course) / half_width) ** 2))
    return np.maximum(image, 0.05).astype(np.float32)


def draw_neuropil_modes(
    number: int, height: int, width: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw the smooth patterns in which the neuropil varies.

    Parameters
    ----------
    number : int
        Number of patterns.
    height, width : int
        Field of view in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (number, height, width), float32
        Patterns with mean square 1.
    """
    scale = max(min(height, width) / 6, 4.0)
    return np.stack([_smooth_field(height, width, scale, rng) for _ in range(number)])


def _smooth_field(height: int, width: int, scale: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return Gaussian noise smoothed over `scale` pixels, with mean square 1."""
    field = gaussian_filter(rng.standard_normal((height, width)), scale, mode="reflect")
    return np.asarray(field / np.sqrt(np.mean(field**2)), np.float32)
