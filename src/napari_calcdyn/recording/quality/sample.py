"""Short runs of consecutive frames from all over a recording, and what they tell about its camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.warping import shifted
from napari_calcdyn.recording.progress import ProgressCallback, report

RUN = 8  # frames in a run: enough for planes or channels that take turns
_MOST_BYTES = 64 * 2**20
_MOST_RUNS = 64
_LEAST_RUNS = 4
_BINS = 30
_QUIET = 0.25  # quantile of the noise variance of pixels of one brightness: active cells are above it
_CLIPPED = 5e-5  # part of all pixels at the very largest value, above which it is a limit of the camera


@dataclass(frozen=True, eq=False)
class Sample:
    """Runs of frames, and statistics of them.

    Attributes
    ----------
    starts : ndarray (R,), int64
        First frame of each run.
    runs : ndarray (R, L, Y, X)
        Frames as stored, but float32 where the movie has floating point numbers.
    """

    starts: NDArray[np.int64]
    runs: NDArray[Any]

    @property
    def frames(self) -> NDArray[Any]:
        """All frames, (R·L, Y, X)."""
        return self.runs.reshape(-1, *self.runs.shape[2:])

    @cached_property
    def mean(self) -> NDArray[np.float32]:
        """Mean frame, (Y, X)."""
        total = np.zeros(self.runs.shape[2:])
        for run in self.runs:
            total += run.sum(0, dtype=np.float64)
        return (total / len(self.frames)).astype(np.float32)

    @cached_property
    def noise_variance(self) -> NDArray[np.float32]:
        """Variance from frame to frame, (Y, X): half the mean squared difference of consecutive frames."""
        total = np.zeros(self.runs.shape[2:])
        for run in self.runs:
            total += np.square(np.diff(run.astype(np.float32), axis=0)).sum(0, dtype=np.float64)
        pairs = self.runs.shape[0] * (self.runs.shape[1] - 1)
        return np.asarray(total / (2 * pairs), np.float32)

    @cached_property
    def ceiling(self) -> float | None:
        """Largest value that the camera can store, where it was reached; else None."""
        largest = max(float(run.max()) for run in self.runs)
        reached = sum(np.count_nonzero(run == largest) for run in self.runs)
        return largest if reached > max(20, _CLIPPED * self.runs.size) else None

    def registered(self, shifts: NDArray[np.float32]) -> Sample:
        """Return the sample with every frame brought back by its shift (R·L, 2), px; float32."""
        frames = np.stack(
            [shifted(it.astype(np.float32), by) for it, by in zip(self.frames, shifts, strict=True)]
        )
        return Sample(self.starts, frames.reshape(self.runs.shape))

    def valid_in(self, movie: Movie) -> Sample:
        """Return the runs without a frame that is masked in the movie; all, if there is none."""
        frames = self.starts[:, None] + np.arange(self.runs.shape[1])
        whole = movie.valid_frames[frames].all(1)
        return Sample(self.starts[whole], self.runs[whole]) if whole.any() and not whole.all() else self

    def dark_level(self, valid: NDArray[np.bool_]) -> float:
        """Estimate the value of a pixel without light.

        Shot noise has a variance in proportion to the light, so the line of noise variance against mean meets zero at
        the dark level (photon transfer; Janesick 2007). The lower quartile of the variance at each brightness is
        used, as active cells lie above it.

        Parameters
        ----------
        valid : ndarray (Y, X), bool
            Pixels to use.

        Returns
        -------
        float
            In movie units; never above the darkest pixels.
        """
        mean, variance = self.mean[valid].astype(np.float64), self.noise_variance[valid]
        darkest = float(np.quantile(mean, 0.001))
        edges = np.quantile(mean, np.linspace(0, 1, _BINS + 1))
        bins = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, _BINS - 1)
        points = [
            (np.median(mean[bins == b]), np.quantile(variance[bins == b], _QUIET))
            for b in range(_BINS)
            if (bins == b).sum() >= 10
        ]
        if len(points) < 3:
            return min(0.0, darkest)
        slope, intercept, *_ = theilslopes(*np.array(points).T[::-1])
        return darkest if slope <= 0 else float(min(-intercept / slope, darkest))


def sample_size(movie: Movie) -> tuple[int, int]:
    """Return how many runs of frames a sample has, and the frames of each."""
    frames = movie.n_frames
    length = min(RUN, frames)
    fits = _MOST_BYTES // (length * movie.nbytes // frames)
    return int(min(frames // length, max(_LEAST_RUNS, min(fits, _MOST_RUNS)))), length


def draw_sample(movie: Movie, progress: ProgressCallback | None = None) -> Sample:
    """Read runs of frames at equal distances, at most 64 MB of them.

    Parameters
    ----------
    movie : Movie
        The recording.
    progress : callable or None
        Called with runs read and in all; returns True to stop.

    Returns
    -------
    Sample
        In memory; pixels that are not numbers are 0.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    runs, length = sample_size(movie)
    starts = np.linspace(0, movie.n_frames - length, runs).astype(np.int64)
    kept = []
    for done, start in enumerate(starts.tolist()):
        report(progress, done, runs)
        run = movie.frames(start, start + length)
        kept.append(
            np.nan_to_num(run, posinf=0, neginf=0).astype(np.float32) if run.dtype.kind == "f" else run
        )
    return Sample(starts, np.stack(kept))
