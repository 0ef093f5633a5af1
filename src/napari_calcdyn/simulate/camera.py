"""Camera of a simulated movie: motion, bleaching, photon counts and read noise."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.sparse import csr_array

OFFSET = 100.0
"""Counts of a dark pixel."""

GAIN = 10.0
"""Counts per photon."""

READ_NOISE = 0.5
"""Standard deviation of the electronic noise, in photons."""

_BLOCK_BYTES = 8 << 20  # of one rendered block in float64


@dataclass(frozen=True, eq=False)
class Scene:
    """Spatial patterns and time courses of the light that reaches the camera."""

    patterns: csr_array  # (Y X, N)
    traces: NDArray[np.float32]  # (N, T)
    modes: NDArray[np.float32]  # (M, Y X)
    swell: NDArray[np.float32]  # (M, T)
    background: NDArray[np.float32]  # (Y, X)
    path: NDArray[np.float64]  # (T, 2), px
    dimming: NDArray[np.float32]  # (T,)

    def render(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the expected counts above the offset, shape (stop - start, Y, X)."""
        cells = (self.patterns @ self.traces[:, start:stop]).T
        flat = cells + self.swell[:, start:stop].T @ self.modes + self.background.ravel()
        frames = flat.reshape(stop - start, *self.background.shape) * self.dimming[start:stop, None, None]
        if self.path.any():
            for frame, displacement in zip(frames, self.path[start:stop], strict=True):
                frame[...] = shift(frame, displacement, order=1, mode="nearest")
        return np.asarray(np.maximum(frames, 0), np.float32)


def record_scene(scene: Scene, seed: int) -> NDArray[np.uint16]:
    """Count photons block by block; each block has its own random numbers, whatever the thread."""
    frames = scene.traces.shape[1]
    movie = np.empty((frames, *scene.background.shape), np.uint16)
    length = max(_BLOCK_BYTES // (8 * scene.background.size), 1)

    def expose(start: int) -> None:
        rng = np.random.default_rng([seed, start])
        expected = scene.render(start, min(start + length, frames))
        counts = GAIN * rng.poisson(expected / GAIN).astype(np.float32)
        counts += GAIN * READ_NOISE * rng.standard_normal(counts.shape, np.float32)
        movie[start : start + length] = np.clip(np.rint(counts + OFFSET), 0, np.iinfo(np.uint16).max)

    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 8)) as pool:
        list(pool.map(expose, range(0, frames, length)))
    return movie
