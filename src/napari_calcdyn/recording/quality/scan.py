"""One pass over a recording: a few numbers for every frame, and for every pixel."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.progress import ProgressCallback, report

from .brightness import relative_brightness
from .motion import Registrar
from .sample import Sample
from .tiles import Tiling

_KEPT_FRAMES = 4096
_BLANK = 0.2  # of the usual light
_PARTLY_BLANK = 0.4
_BAND = 2.0
_CLEAR = 10.0  # standard deviations of shot noise
_DIM = 0.05
_BORDER = 0.15  # of the frame's height that a registration may leave empty
_SATURATED = 0.05  # of a frame's pixels, beyond what is usual


@dataclass(frozen=True, eq=False)
class Scan:
    """What a pass over all frames found.

    Attributes
    ----------
    brightness : ndarray (T,), float32
        Light of each frame relative to the sample's mean frame.
    shifts : ndarray (T, 2), float32
        Displacement (y, x), px; 0 where motion was not measured.
    likeness : ndarray (T,), float32
        Likeness of each frame with the reference; 1 where motion was not measured.
    flaws : dict of str to ndarray (T,), bool
        Frames that are unusable for each reason.
    tiles : ndarray (n, K), float32
        Tiles of some frames from all over the recording.
    kept : ndarray (n,), int64
        Which frames these are.
    not_a_number, constant, sometimes_zero, clipped : ndarray (Y, X)
        Of the frames without flaws: pixels that are not a number at any time; that never change; the part of frames
        in which a pixel is exactly 0; the part in which it is at the ceiling of the camera.
    """

    brightness: NDArray[np.float32]
    shifts: NDArray[np.float32]
    likeness: NDArray[np.float32]
    flaws: dict[str, NDArray[np.bool_]]
    tiles: NDArray[np.float32]
    kept: NDArray[np.int64]
    not_a_number: NDArray[np.bool_]
    constant: NDArray[np.bool_]
    sometimes_zero: NDArray[np.float32]
    clipped: NDArray[np.float32]


_PIXELS_AT_ONCE = 16384
FRAME_FLAWS = ("blank", "partly blank", "band", "saturated", "repeated")


def scan(
    movie: Movie,
    sample: Sample,
    dark: float,
    registrar: Registrar | None,
    progress: ProgressCallback | None = None,
) -> Scan:
    """Look at every frame once.

    Parameters
    ----------
    movie : Movie
        The recording.
    sample : Sample
        Of it.
    dark : float
        Value of a pixel without light.
    registrar : Registrar or None
        Finds displacements; None leaves them out, which takes most of the time.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    Scan
        Memory grows with the number of frames by a few bytes each.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    frames = movie.n_frames
    tiling = Tiling.of(movie.frame_shape)
    usual = tiling.means(sample.mean[None])[0]
    noise = np.sqrt(tiling.means(sample.noise_variance[None])[0] / np.prod(tiling.size))
    step = -(-frames // _KEPT_FRAMES)
    kept = np.arange(0, frames, step)
    brightness, likeness = np.ones(frames, np.float32), np.ones(frames, np.float32)
    shifts = np.zeros((frames, 2), np.float32)
    all_flaws = {flaw: np.zeros(frames, bool) for flaw in FRAME_FLAWS}
    kept_tiles = np.empty((len(kept), usual.size), np.float32)
    usually_clipped = 0.0 if sample.ceiling is None else (sample.frames >= sample.ceiling).mean((1, 2))
    most_clipped = float(np.median(usually_clipped)) + _SATURATED
    pixels = _PixelCounts(movie.frame_shape, sample.ceiling)
    before = np.zeros_like(usual)
    report(progress, 0, frames)
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="check") as pool:
        for start, block in movie.blocks():
            part = slice(start, start + len(block))
            tiles = tiling.means(block)
            tiles[~np.isfinite(tiles)] = np.nan
            mine = tiles[-start % step :: step].reshape(-1, usual.size)
            kept_tiles[-(-start // step) :][: len(mine)] = mine
            flaws = _frame_flaws(tiles, before, usual, noise, dark, _empty_edges(block))
            before = tiles[-1]
            if sample.ceiling is not None:
                flaws["saturated"] = (block >= sample.ceiling).mean((1, 2)) > most_clipped
            for name, where in flaws.items():
                all_flaws[name][part] = where
            good = ~np.any(list(flaws.values()), axis=0)
            brightness[part] = relative_brightness(
                np.nan_to_num(tiles.reshape(len(block), -1), nan=dark), usual.ravel(), dark
            )
            pixels.add(block if good.all() else block[good], pool)
            if registrar is not None:
                shifts[part], likeness[part] = registrar.find(_numbers(block, sample.mean))
            report(progress, part.stop, frames)
            del block
    return Scan(brightness, shifts, likeness, all_flaws, kept_tiles, kept, *pixels.result())


def _frame_flaws(
    tiles: NDArray[np.float32],
    before: NDArray[np.float32],
    usual: NDArray[np.float32],
    noise: NDArray[np.float32],
    dark: float,
    empty: NDArray[np.bool_],
) -> dict[str, NDArray[np.bool_]]:
    """Tell which frames of a block are blank, partly blank, have a band of light, or repeat the one before."""
    light = usual - np.float32(dark)
    lit = light > _DIM * max(float(light.max(initial=0)), 1e-12)
    rows = np.flatnonzero(lit.sum(1) >= max(1, lit.shape[1] // 4))
    flat = np.ptp(tiles.reshape(len(tiles), -1), axis=1) == 0
    repeated = (tiles == np.concatenate([before[None], tiles[:-1]])).all((1, 2)) & ~flat
    if not len(rows):
        nowhere = np.zeros(len(tiles), bool)
        return {"blank": flat, "partly blank": nowhere, "band": nowhere, "repeated": repeated}
    weight = np.where(lit, light, np.inf)[rows]
    relative = np.where(lit[rows], (tiles[:, rows] - np.float32(dark)) / weight, np.nan)
    relative[np.isnan(relative) & lit[rows]] = 0
    share = np.nanmedian(relative, axis=2)  # of the usual light, in each row of tiles
    level = np.median(share, axis=1)
    spread = 1.25 * np.where(lit, noise, 0)[rows].sum(1) / np.where(lit, light, 0)[rows].sum(1)
    spread = spread / np.sqrt(lit[rows].sum(1))
    clear = np.abs(share - level[:, None]) > _CLEAR * spread
    times = share / np.maximum(level, 1e-6)[:, None]
    dim = clear & (times < _PARTLY_BLANK)
    margin = math.ceil(_BORDER * len(usual))
    edge = np.stack([rows < margin, rows >= len(usual) - margin])
    dim &= ~(empty @ edge)  # what a registration leaves empty there is a matter of pixels
    return {
        "blank": flat | (level < _BLANK),
        "partly blank": dim.any(1) & ~(level < _BLANK),
        "band": (clear & (times > _BAND)).any(1) & ~(level < _BLANK),
        "repeated": repeated,
    }


def _empty_edges(block: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell in which frames the uppermost and the lowest line are empty, (n, 2)."""
    lines = block[:, [0, -1]]
    empty: NDArray[np.bool_] = ((lines == 0) | (lines != lines)).all(2)
    return empty


class _PixelCounts:
    """Smallest and largest value of every pixel, and how often it is 0 or at the ceiling."""

    def __init__(self, frame_shape: tuple[int, int], ceiling: float | None) -> None:
        size = frame_shape[0] * frame_shape[1]
        self._shape, self._ceiling, self._frames = frame_shape, ceiling, 0
        self._least, self._most = np.full(size, np.inf, np.float32), np.full(size, -np.inf, np.float32)
        self._zeros, self._clipped = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self._parts = [slice(start, start + _PIXELS_AT_ONCE) for start in range(0, size, _PIXELS_AT_ONCE)]

    def add(self, block: NDArray[Any], pool: ThreadPoolExecutor) -> None:
        """Take in frames (n, Y, X), in as many threads as the pool has."""
        if len(block):
            flat = block.reshape(len(block), -1)
            list(pool.map(lambda pixels: self._add(flat[:, pixels], pixels), self._parts))
            self._frames += len(block)

    def _add(self, values: NDArray[Any], pixels: slice) -> None:
        least, most = values.min(0), values.max(0)  # NaN where there is one
        with np.errstate(invalid="ignore"):
            if (least <= 0).any():
                self._zeros[pixels] += (values == 0).sum(0)
            if self._ceiling is not None and (most >= self._ceiling).any():
                self._clipped[pixels] += (values >= self._ceiling).sum(0)
        np.minimum(self._least[pixels], least, out=self._least[pixels])
        np.maximum(self._most[pixels], most, out=self._most[pixels])

    def result(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
        """Return images: not a number, constant, part of frames at 0, part of frames at the ceiling."""
        frames = max(1, self._frames)
        finite = np.isfinite(self._least) & np.isfinite(self._most)
        flags = [it.reshape(self._shape) for it in (~finite, self._least == self._most)]
        shares = [
            (it / frames).astype(np.float32).reshape(self._shape) for it in (self._zeros, self._clipped)
        ]
        return flags[0], flags[1], shares[0], shares[1]


def _numbers(block: NDArray[Any], usual: NDArray[np.float32]) -> NDArray[Any]:
    """Return frames with the usual value where they have none."""
    if block.dtype.kind != "f":
        return block
    return np.where(np.isfinite(block), block, usual)
