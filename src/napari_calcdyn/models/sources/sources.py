"""Sources of a movie, each a footprint with an activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from napari_calcdyn.recording import Movie, ProgressCallback
from napari_calcdyn.recording.quality.sample import draw_sample
from napari_calcdyn.recording.quality.signal import cell_diameter

from .first_footprints import Disc, first_footprints
from .local_covariance import LocalCovariance
from .refinement import Windows, activity_of, background_grid, distinct, refined

_BINS_ALONG_A_CELL = 4
_BACKGROUND_SPACING = 3.0  # diameters


@dataclass(frozen=True, eq=False)
class Sources:
    footprints: csr_array
    activity: NDArray[np.float32]
    kind: NDArray[np.str_]


def find_sources(
    movie: Movie,
    *,
    diameter: float | None = None,
    least: float = 0.25,
    rounds: int = 2,
    smoothing: float = 0.07,
    sigma: float = 0.27,
    progress: ProgressCallback | None = None,
) -> Sources:
    if diameter is None:
        diameter = cell_diameter(draw_sample(movie), movie.valid_pixels) or 10.0
    side = max(1, int(diameter / _BINS_ALONG_A_CELL))
    disc = Disc(diameter / side, sigma * diameter / side)
    covariance = LocalCovariance.of(movie, side, 2 * disc.reach, progress)
    found = first_footprints(covariance, disc, max(least, 8 / np.sqrt(covariance.frames)))
    middles = np.array([it.middle for it in found], np.int64).reshape(-1, 2) * side + side // 2
    windows = Windows(middles, round(diameter), movie.frame_shape)
    cells = _on_pixels(windows, found, side)
    background = background_grid(movie.frame_shape, _BACKGROUND_SPACING * diameter)
    contrast = np.array([it.contrast for it in found])
    for _ in range(rounds):
        cells, activity = refined(movie, windows, cells, background, smoothing * diameter, progress)
        kept = distinct(windows, cells, activity, contrast)
        windows, cells, contrast = windows.chosen(kept), cells[kept], contrast[kept]
    everything = csr_array(vstack([windows.sparse(cells), background]))
    activity = activity_of(movie, everything, progress)
    kind = np.repeat(["cell", "background"], [len(windows), background.shape[0]])
    return Sources(everything.astype(np.float32), activity.T.astype(np.float32), kind)


def _on_pixels(windows: Windows, found: list, side: int) -> NDArray[np.float64]:
    out = np.zeros(windows.pixels.shape)
    for k, it in enumerate(found):
        for (y, x), weight in zip(it.bins, it.weights, strict=True):
            if weight:
                top, left = y * side - windows.tops[k], x * side - windows.lefts[k]
                out[k, max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = weight
    return out
