"""How far apart the latents are, by the size of the cells."""

from __future__ import annotations

import math

from napari_calcdyn.recording import Movie, ProgressCallback
from napari_calcdyn.recording.quality.signal import measure_cell_diameter

CLOSEST = 8.0
"""Least distance between latents, px."""
_OF_A_CELL = 0.75
_FEW = 1024  # latents, of which a frame is never too large for a quick run


def latent_spacing(movie: Movie, progress: ProgressCallback | None = None) -> float:
    """Return the automatic distance between adjacent latents.

    Cells that are smaller than the distance share latents, and then their maps. At three quarters of a cell, maps of
    small cells are better than those of a whole cell, and latents that are closer cost time and gain nothing
    (benchmarks/resolution.py).

    Parameters
    ----------
    movie : Movie
        The recording; some frames of a large one are read.
    progress : callable or None
        Called with runs of frames read and in all; returns True to stop.

    Returns
    -------
    float
        px; 8, or in frames with room for more than 1,024 such latents three quarters of the diameter of the cells, but
        at least 8 and at most what leaves 1,024 latents, which it is where no activity stands out.
    """
    widest = math.sqrt(math.prod(movie.frame_shape) / _FEW)
    if widest <= CLOSEST:
        return CLOSEST
    diameter = measure_cell_diameter(movie, progress)
    return widest if diameter is None else min(max(CLOSEST, _OF_A_CELL * diameter), widest)
