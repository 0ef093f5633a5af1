"""Fitting the ℓ1-VAR autoencoder to a recording."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models import processes
from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.keeping import Keeper
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import DIVERGED, Schedule, rise_and_fall, train
from napari_calcdyn.models.var import VAR, Neighbourhoods, Selection, SteadyVAR, fit_own_past, fit_var
from napari_calcdyn.recording import Cancelled, InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.movies import arranged, recorded_frames

from .autoencoder import Autoencoder
from .config import VARAutoencoderConfig
from .footprints import REACH, first_footprints
from .held_out import guess_by, held_out_errors
from .network import PatchAutoencoder, automatic_latents
from .networks import new_network
from .objective import Objective, configured_weights
from .shot_noise import shot_noise
from .smoothness import Smooth, smoothed
from .spacing import latent_spacing
from .split import LEAST_FRAMES, Split, check_held_out
from .tiled_frames import TiledFrames, encode_movie
from .windows import NormalisedMovie

_PIXELS_AFTER_STOP = 2**27  # of all frames that the dynamics are estimated on: a third of a second
_CHECKS, _STEPS_BETWEEN_CHECKS = 40, 5
_WORSE = 10.0  # times the variance; a network that learnt nothing has about once


def fit_parts(
    movie: Movie,
    config: VARAutoencoderConfig,
    device: str,
    seed: int,
    stop: threading.Event | None,
    keeper: Keeper | None,
) -> Generator[Progress, None, dict[str, Any]]:
    """Train a network and estimate the dynamics of its latents; parameters and errors as in `Model.fit_steps`.

    Yields
    ------
    Progress
        About ten times a second.

    Returns
    -------
    dict of str to object
        The attributes of a fitted `VARAutoencoder`, as the generator's return value.
    """
    start = time.monotonic()
    where = resolve_device(device)
    split, steps = Split.of(movie, config), config.training_steps

    def halt(done: int, total: int) -> bool:
        return stop is not None and stop.is_set()

    yield Progress("Computing the mean frame")
    statistics = processes.agreed(lambda: movie.statistics(halt))
    statistics.check_dynamic(movie.name)
    recording, movie = movie, arranged(movie, split.stretches)
    check_held_out(movie, split)
    offset, scale = _normalisation(statistics.mean, statistics.std, skip=config.skip)

    yield Progress("Preparing the network")
    latents = config.latents or automatic_latents(
        movie.frame_shape,
        split.training_frames(movie),
        processes.agreed(lambda: latent_spacing(recording, halt)),
    )
    if latents > np.prod(movie.frame_shape):
        raise InputError(f"A frame has fewer than {latents} pixels: choose fewer latents.")
    activity = torch.from_numpy(np.nan_to_num(statistics.std))
    network = new_network(config, movie.frame_shape, latents, activity=activity, seed=seed)
    network.to(where)
    try:
        normalised = NormalisedMovie(movie, offset, scale, where)
        frames = TiledFrames(
            normalised,
            network,
            cached_frames=(split.training, split.known),
            share=_own_frames(split, config),
            progress=halt,
        )
        noise, share = processes.agreed(lambda: _on_processor(*shot_noise(frames, split.training)))
        noise = noise.to(where)
        training: AbstractContextManager[None] = nullcontext()
        if isinstance(network, PatchAutoencoder):
            smooth = Smooth(2 * network.stride, share).to(where)
            if processes.agreed(lambda: keeper is None or keeper.load() is None):
                yield Progress("Finding the first footprints")
                if processes.rank() == 0:
                    sample = frames.sample(split.training, REACH)
                    network.begin_with(first_footprints(network, sample, frames.used, smooth, seed, halt))
                    del sample
            training = smoothed(network, smooth)
        processes.share_weights(network)
        with training:
            task = Objective(network, frames, split, config, seed, noise)
            report(halt, 0, steps)
            schedule = Schedule(
                steps,
                config.training_rate,
                config.patience,
                check_every=max(_STEPS_BETWEEN_CHECKS, steps // _CHECKS),
                rate=rise_and_fall if task.path is None else task.path.rate,
            )
            yield from train(task, schedule, stop=stop, keeper=keeper)
            if task.path is not None:
                task.path.end()
    except torch.OutOfMemoryError as error:
        raise InputError(
            "The graphics card has too little memory for this training: ask for fewer stretches per step, or use the"
            " device cpu."
        ) from error
    network.orient()

    yield Progress("Estimating the dynamics", steps, steps)
    try:
        var, own, errors = _estimate(network, frames, split, config, range(movie.n_frames), scale, halt)
    except Cancelled:  # fast for recordings of any length
        count = max(LEAST_FRAMES, _PIXELS_AFTER_STOP // math.prod(movie.frame_shape))
        near = range(max(0, split.known - count), min(movie.n_frames, split.known + count // 8))
        var, own, errors = _estimate(network, frames, split, config, near, scale, None)
    metrics = {
        "network": config.network,
        "mode": config.mode,
        "skip": config.skip,
        "frames": recorded_frames(recording),
        "height": movie.frame_shape[0],
        "width": movie.frame_shape[1],
        "latents": latents,
        "order": config.order,
        "lam": float(var.lam.mean()),
        "nonzeros": var.nonzeros,
        **({} if task.path is None else task.path.metrics()),
        **errors,
        "device": where.type,
        "seed": seed,
        "seconds": time.monotonic() - start,
    }
    if not errors["reconstruction_error"] < _WORSE * scale**2:  # or NaN
        raise InputError(DIVERGED)
    return {
        "network": network,
        "offset": offset,
        "scale": scale,
        "var": var,
        "steady": SteadyVAR(var, own, share),
        "metrics": metrics,
        "corrections": None if recording.corrections is None else recording.corrections.for_others(),
    }


def _on_processor(noise: Tensor, share: float) -> tuple[Tensor, float]:
    return noise.cpu(), share


def _own_frames(split: Split, config: VARAutoencoderConfig) -> range | None:
    """Return the frames from which this process takes stretches, None where it is alone."""
    if processes.count() == 1:
        return None
    share = processes.share(split.training)
    return range(share.start, min(share.stop + config.window_length, split.training))


def _estimate(
    network: Autoencoder,
    frames: TiledFrames,
    split: Split,
    config: VARAutoencoderConfig,
    span: range,
    scale: float,
    progress: ProgressCallback | None,
) -> tuple[VAR, NDArray[np.float64], dict[str, Any]]:
    """Fit the VAR to the latents of the frames in `span` that are not held out, and measure it on the others."""
    mine = processes.share(len(span))
    part = range(span.start + mine.start, span.start + mine.stop)
    latents = processes.all_rows(encode_movie(network.encode_tiles, frames, part, progress), len(span))
    known = split.known - span.start
    selection = Selection(config.selection, config.fraction, config.nonzeros)
    near = Neighbourhoods.if_many(network.centres.cpu(), network.stride)
    weights = configured_weights(network, config, near)
    var = fit_var(latents[:known], config.order, selection, weights=weights, neighbourhoods=near)
    own = fit_own_past(var, latents)  # of all frames, as a cell may be active only in those held out
    report(progress, len(span), len(span))
    late = latents[known - config.order :]
    guess = guess_by(var, late)
    return var, own, held_out_errors(network, frames, late, split.known, scale, var.order, guess)


def _normalisation(
    mean: NDArray[np.float32], std: NDArray[np.float32], *, skip: bool
) -> tuple[NDArray[np.float32], float]:
    """Return the part that bypasses the network, and the standard deviation of the rest."""
    offset = (
        mean
        if skip
        else np.where(np.isnan(mean), mean, np.nanmean(mean, dtype=np.float64)).astype(np.float32)
    )
    power = np.square(std, dtype=np.float64) + np.square(mean - offset, dtype=np.float64)
    return offset, float(np.sqrt(np.nanmean(power)))
