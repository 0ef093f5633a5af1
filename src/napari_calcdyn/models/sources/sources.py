"""Sources of a movie, each a footprint with an activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from napari_calcdyn.recording import InputError, Movie, ProgressCallback, RoiSet
from napari_calcdyn.recording.errors import check_range
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.quality.signal import measure_cell_diameter

from .activity import activity_of
from .background import BACKGROUND_SPACING, Background
from .blobs import Disc
from .distinct import distinct
from .first_footprints import first_footprints
from .frames import UsedFrames
from .local_covariance import LocalCovariance
from .refinement import refined
from .windows import Windows

CELLS_FOUND = "cells found in the movie"
"""Provenance of the ROIs."""
NO_CELLS = (
    "No cells were found in the movie, so there are no ROIs: draw them, or open those of suite2p or ImageJ."
)
"""What is said where there are none."""
USUAL_DIAMETER = 10.0
"""Pixels, where the movie does not tell."""
_BINS_ALONG_A_CELL = 4
_SMOOTHING = 0.07  # cell diameters
_LEAST_CONTRAST = 0.25
_LEAST_DEVIATIONS = 8.0  # standard deviations of the contrast of independent noise
_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Sources:
    """Cells and background of a movie: ``x[t] ≈ m + Σ_k activity[t, k]·footprints[k]``.

    Attributes
    ----------
    footprints : csr_array (k, Y·X), float32
        Not negative; the cells first, of maximum 1.
    activity : ndarray (T, k), float32
        Deviation from the mean in movie units; NaN in frames that are left out.
    kind : ndarray (k,), str
        ``cell`` or ``background``.
    frame_shape : tuple of int
        Height and width of a frame in pixels.
    """

    footprints: csr_array
    activity: NDArray[np.float32]
    kind: NDArray[np.str_]
    frame_shape: tuple[int, int]

    @property
    def rois(self) -> RoiSet:
        """The cells as ROIs, numbered from 1; raises InputError where there are none."""
        cells = self.footprints[self.kind == "cell"]
        if not cells.shape[0]:
            raise InputError(NO_CELLS)
        return RoiSet(cells, np.arange(1, cells.shape[0] + 1), self.frame_shape, CELLS_FOUND)

    @property
    def roi_activity(self) -> NDArray[np.float32]:
        """Activity of `rois`, (T, N), as from `roi_activity`: their footprints add up to 1 and not to a peak of 1."""
        cells = self.kind == "cell"
        activity: NDArray[np.float32] = self.activity[:, cells] * self.footprints[cells].sum(axis=1)
        return activity


def find_sources(
    movie: Movie, *, diameter: float | None = None, progress: ProgressCallback | None = None
) -> Sources:
    """Find the cells of a movie by what neighbouring pixels share.

    Shot noise is independent in every pixel, so the covariance of different pixels is free of it. The bins around the
    place where a blob of the size of a cell varies most beyond its surroundings give a first footprint: their
    covariance with its activity. What it explains is taken away before the next (Pnevmatikakis et al., Neuron 2016,
    begin similarly, in the frames). Two regressions on the frames, of activity on footprints and of footprints on
    activity, make it sharp. The background is smooth patches on a coarse grid. What goes on in the pixels around is
    neuropil, and what is beside a stronger cell and has its activity, but for shot noise, is a piece of it: neither is
    kept.

    Time and memory grow with the number of pixels; the frames are read four times where their mean is known.

    Parameters
    ----------
    movie : Movie
        The recording, without motion.
    diameter : float, optional
        Of a cell in pixels, rather too large than too small; estimated from the movie by default.
    progress : callable or None
        Called with what is done and all there is to do; returns True to stop.

    Returns
    -------
    Sources
        Cells and background; a movie may have no cells.

    Raises
    ------
    InputError
        If the diameter is out of range.
    Cancelled
        If `progress` asked to stop.
    """
    if diameter is None:
        estimate = measure_cell_diameter(movie) or USUAL_DIAMETER
        diameter = float(np.clip(estimate, 2, min(movie.frame_shape) / 4))
    check_range("diameter", diameter, 2, max(2, min(movie.frame_shape) / 2))
    frames, passes = movie.n_frames, 2 + _ROUNDS
    steps = [part_of(progress, it * frames, (it + 1) * frames, passes * frames) for it in range(passes)]
    side = max(1, int(diameter / _BINS_ALONG_A_CELL))
    disc = Disc(diameter / side)
    used = UsedFrames(movie)
    background = Background(used, BACKGROUND_SPACING * diameter)
    covariance = LocalCovariance.of(used, side, 2 * disc.reach, steps[0], background.add)
    least = max(_LEAST_CONTRAST, _LEAST_DEVIATIONS / np.sqrt(covariance.frames))
    found = first_footprints(covariance, disc, least)
    middles = np.array([it.middle for it in found], np.int64).reshape(-1, 2) * side + side // 2
    windows = Windows(middles, round(diameter), movie.frame_shape)
    cells, contrast = windows.first(found, side), np.array([it.contrast for it in found])
    noise = side**2 * np.kron(covariance.noise, np.ones((side, side), np.float32))
    noise = noise[: movie.frame_shape[0], : movie.frame_shape[1]]  # of pixels
    for turn in range(_ROUNDS if found else 0):
        smoothing = _SMOOTHING * diameter
        better = refined(used, windows, cells, background, noise, smoothing, steps[1 + turn])
        kept = distinct(windows, better, contrast)
        complete = len(kept) == len(windows)
        windows, cells, contrast = windows.chosen(kept), better.cells[kept], contrast[kept]
        if complete or not len(kept):
            break
    cells = cells / cells.max((1, 2), keepdims=True, initial=1e-30)
    footprints = windows.sparse(cells)
    activity = activity_of(used, footprints, steps[-1], background)
    activity[:, ~movie.valid_frames] = np.nan
    kind = np.repeat(["cell", "background"], [len(windows), background.footprints.shape[0]])
    together = csr_array(vstack([footprints, background.footprints]), dtype=np.float32)
    return Sources(together, activity.T.astype(np.float32), kind, movie.frame_shape)
