"""How long a run takes and how much memory it needs, told before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from napari_calcdyn.analysis.maps.path_integral import PIXELS_AT_A_TIME
from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.memory import allowed_memory, free_memory
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import InputError, Movie

from .run_sizes import MAP_TILE, RunSizes

_PROGRAM = 0.62  # GB, with libraries and compiled code
_BATCHES = 6 * 16 * 2**20  # bytes of the frames that are read, normalised and cut at a time
_CHUNKS = 2e8  # bytes of the latents that the dynamics are estimated from at a time, and of their products
_MAP_MARGIN = 6  # pixels that smoothing adds to a side of a tile of the maps
_FEATURES = 80  # bytes for each pixel of the feature maps that a convolutional network keeps for its gradient
_DERIVATIVES = 80  # decoded frames that the derivatives for the maps of one frame are worth
_SLOPES = 40 * 32  # bytes for each pixel of frames that such maps take at a time, with all nodes of a way
_CONNECTED = 1.2  # predictors that reach a tile of the maps, over the latents that do

# Measured on one core of an AMD EPYC that did so many operations per second in the product below.
_REFERENCE = 1.05e11
_ALWAYS, _BYTES, _OPERATIONS = 2.5, 5.5e9, 1.65e10  # seconds, and per second
_ROWS, _TIMED, _READ, _RUNS = 384, 0.05, 0.1, 4  # of that product; seconds; frames


@dataclass(frozen=True)
class Cost:
    """Time and memory of a run, as estimated; ``str(cost)`` is a sentence.

    Parameters
    ----------
    seconds : float
        From its start to its results.
    gigabytes : float
        Largest memory of the whole process, in GB (10⁹ bytes).
    """

    seconds: float
    gigabytes: float

    def __str__(self) -> str:
        """Return one sentence, rounded to what such an estimate can tell."""
        return f"About {_in_words(self.seconds)} and {_rounded(self.gigabytes)} GB of memory."


def estimate(
    movie: Movie, model: VARAutoencoderConfig | VARAutoencoder, *, device: str = "auto"
) -> Cost | None:
    """Estimate what a run on the processor takes, within about half a second.

    Parameters
    ----------
    movie : Movie
        The recording; some of its frames are read.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings to train with, or a fitted model to apply.
    device : str
        ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Returns
    -------
    Cost or None
        None for a graphics card, whose speed and memory are not estimated.

    Raises
    ------
    InputError
        As from `check_memory`.
    """
    if resolve_device(device).type != "cpu":
        return None
    run = RunSizes(movie, model)
    gigabytes = _fitting(run)
    return Cost(_seconds(run, _speed(), _reading(movie)), gigabytes)


def check_memory(movie: Movie, model: VARAutoencoderConfig | VARAutoencoder, *, device: str = "auto") -> None:
    """Refuse settings with which a run on the processor would not fit into memory.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings to train with, or a fitted model to apply.
    device : str
        ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises
    ------
    InputError
        If the run needs more than `limited_memory` allows or the machine has free, there is no such device, or the
        recording is too short.
    """
    if resolve_device(device).type == "cpu":
        _fitting(RunSizes(movie, model))


def _fitting(run: RunSizes) -> float:
    """Return the GB that a run needs, or raise InputError if they are too many."""
    stages = _stages(run)
    allowed = allowed_memory()
    if allowed is not None:  # frames are only kept where there is room for them
        _largest([it | {"frames": 0} for it in stages], allowed, "allowed", "allow more memory")
    return _largest(stages, free_memory(), "free", "close other programs")


def _largest(stages: list[dict[str, float]], limit: float, what: str, otherwise: str) -> float:
    stage = max(stages, key=_gigabytes)
    needed = _gigabytes(stage)
    if needed > limit:
        taken, instead = _ADVICE[max(_ADVICE, key=lambda part: stage.get(part, 0))]
        raise InputError(
            f"This run needs about {_rounded(needed)} GB of memory and {_rounded(limit)} GB is {what}. Most is taken"
            f" by {taken}: {instead}, or {otherwise}."
        ) from MemoryError(what)
    return needed


_ADVICE = {
    "frames": ("the frames that are kept for the training", "allow less memory"),
    "sample": ("the frames that the first footprints are found on", "cut the recording to a smaller field"),
    "stretches": ("the frames of a training step", "choose fewer or shorter stretches"),
    "network": ("the network", "choose fewer patch shapes, or more latents, whose patches are smaller"),
    "moments": ("what the dynamics are estimated from", "choose a smaller order or fewer latents"),
    "traces": ("the latents of all frames", "choose fewer latents or a shorter recording"),
    "slopes": ("the derivatives for the maps", "cut the recording to a smaller field"),
    "maps": ("the maps of the sources", "choose fewer latents or a smaller order"),
}


def _stages(run: RunSizes) -> list[dict[str, float]]:
    """Return the bytes of the large arrays that are in memory at a time, by what they are."""
    frame = 2 * run.tiled_pixels  # in integers
    # Dense, in several arrangements; of neighbours only, hardly anything.
    coefficients = 0 if run.sparse else 4 * (3 * run.lags + run.order) * run.latents**2
    sums = 4 * _CONNECTED * run.lags * (MAP_TILE + _MAP_MARGIN) ** 2
    traces = 4 * run.frames * run.latents
    slopes = _SLOPES * max(run.pixels, PIXELS_AT_A_TIME) if run.decoded else 0
    stages: list[dict[str, float]] = [
        {
            "maps": coefficients + run.map_parts * (sums + 32 * MAP_TILE**2),
            "slopes": slopes,
            "traces": traces,
        }
    ]
    if run.trained:
        frames: dict[str, float] = {"frames": run.kept * frame}
        # Where steps read their frames, there are those of the next one, too.
        sample, stretches = (0, 0) if run.kept else (run.sampled * frame, 2 * run.step_frames * frame)
        decoded = _FEATURES * run.pixels * run.step_frames if run.decoded else 0
        network = 40 * (4 * run.tiled_pixels + run.weights)  # with gradients, and Adam's numbers
        moments = 40 * run.moments
        stages += [
            frames | {"sample": sample + 12 * run.sampled * run.tile_row},
            frames | {"stretches": stretches + decoded, "network": network, "moments": moments},
            frames | {"traces": traces + min(12 * traces, _CHUNKS), "moments": moments},
        ]
    return [{"program": 1e9 * _PROGRAM + min(_BATCHES, 24 * run.frames * run.pixels)} | it for it in stages]


def _gigabytes(stage: dict[str, float]) -> float:
    return sum(stage.values()) / 1e9


def _seconds(run: RunSizes, speed: float, reading: tuple[float, float]) -> float:
    """Add up what is moved through memory, what is computed and what is read, in all parts of a run."""
    every = run.frames
    frames = 7 * every  # for the mean frame, the latents, the cells (four times) and the maps
    moved = (12 + 32 + 60 + 60) * every  # bytes for each pixel
    operations = _CONNECTED * run.lags * (MAP_TILE + _MAP_MARGIN) ** 2 * run.map_parts * every
    operations += run.decoded * (_DERIVATIVES * every + 6 * run.steps * run.step_frames)
    if run.checked:
        frames += run.checked + every
        moved += 280 * run.checked + 48 * every
    if run.trained:
        used = run.steps * run.step_frames + run.checks * run.check_frames
        rest = every - run.kept  # encoded from the file for the estimate of the dynamics
        frames += (run.kept or run.sampled + used) + rest + every - run.known
        moved += (
            28 * run.kept
            + 100 * run.sampled
            + 4 * run.steps * run.step_frames  # as integers, twice
            + 16 * run.checks * run.check_frames
        )
        moved += 12 * every + 28 * (rest if run.kept else rest + run.sampled + used)
        operations += 4 * run.coarse_pixels**2 * run.places * run.sampled
        operations += 5e7 * run.steps  # a step of the smallest network
        lasso, product = 3e5 * run.latents, (8 if run.sparse else 12) * run.moments
        operations += run.var_steps * (product * run.var_samples + lasso) + run.checks * lasso
        operations += product * every / 5 + 2e4 * run.latents * run.predictors
    seconds = (
        _ALWAYS + (run.pixels * moved + 1e3 * MAP_TILE**2 * run.map_parts) / _BYTES + operations / _OPERATIONS
    )
    once, again = reading
    return seconds * _REFERENCE / speed + every * once + (frames - every) * again


def _reading(movie: Movie) -> tuple[float, float]:
    """Measure the seconds to read a frame for the first time, and again: medians, from all over the recording."""
    begun, took = time.perf_counter(), []
    for first in np.linspace(0, movie.n_frames - _RUNS, 16).astype(int).tolist():
        times = [time.perf_counter()]
        for _ in range(2):
            movie.frames(first, first + _RUNS)
            times.append(time.perf_counter())
        took.append(np.diff(times) / _RUNS)
        if times[-1] - begun > _READ:
            break
    once, again = np.median(took, 0).tolist()
    # A file that does not fit into memory comes from the disk every time.
    return once, again if movie.nbytes < 1e9 * free_memory() else once


@cache
def _speed() -> float:
    """Measure the operations per second of one core in a small matrix product, the best of several."""
    matrix, best = torch.ones(_ROWS, _ROWS), float("inf")
    threads, begun = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)
    try:
        # At least once, however long this process is held up before.
        while best == float("inf") or time.perf_counter() - begun < _TIMED:
            start = time.perf_counter()
            torch.mm(matrix, matrix)
            best = min(best, time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 2 * _ROWS**3 / best


def _rounded(gigabytes: float) -> str:
    return f"{gigabytes:.2g}" if gigabytes < 10 else f"{gigabytes:,.0f}"


def _in_words(seconds: float) -> str:
    """Return a time in words, rounded to one or two digits, as ``"40 s"``, ``"3 min"`` or ``"1 h 20 min"``."""
    for limit, step in ((10, 1), (60, 5), (600, 60), (3600, 300)):
        if seconds < limit - step / 2:
            break
    else:
        step = 600
    whole = max(1, round(seconds / step)) * step
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))
