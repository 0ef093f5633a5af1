"""Fitting the ℓ1-VAR autoencoder to a recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..recording import InputError, Movie
from .config import VARAutoencoderConfig
from .devices import resolve_device
from .network import PatchAutoencoder, automatic_latents
from .prediction import Estimate, detached, draw_windows, estimate_var
from .selection import Selection
from .training import Progress, train
from .var import VAR, fit_var, penalty_weights
from .var_autoencoder import VARAutoencoder, encode_movie
from .windows import NormalisedMovie

LEAST_FRAMES = 40
_RAMP = 0.2
_MEMORY_PER_PREDICTOR = 10
_VALIDATION = 0.1
_MOST_FRAMES_IN_CHECK = 512


def fit_var_autoencoder(
    movie: Movie,
    config: VARAutoencoderConfig | None = None,
    *,
    device: str = "auto",
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Generator[Progress, None, VARAutoencoder]:
    """Train a network and estimate the dynamics of its latents.

    Time is split in blocks: the last `config.held_out` of the frames is only ever measured on; the tenth before it
    decides when to stop and which weights to keep, and joins the training frames for the final estimate of the VAR.

    Parameters
    ----------
    movie : Movie
        The recording.
    config : VARAutoencoderConfig, optional
        Settings; the preset "standard" by default.
    device : str
        ``auto``, ``cuda``, ``mps`` or ``cpu``.
    seed : int
        Of weights and batches; the same seed on the same machine gives the same model.
    stop : threading.Event, optional
        When set, training ends within a step and the best model so far is returned.

    Yields
    ------
    Progress
        About ten times a second.

    Returns
    -------
    VARAutoencoder
        As the generator's return value.

    Raises
    ------
    InputError
        If the recording is too short, constant, or has NaN pixels, or there is no such device.
    Cancelled
        If `stop` was set before training began.
    """
    config = config or VARAutoencoderConfig.preset("standard")
    start = time.monotonic()
    where = resolve_device(device)
    split = Split.of(movie, config)

    yield Progress("Computing the mean frame")
    statistics = movie.statistics(None if stop is None else lambda done, total: stop.is_set())
    movie.check_dynamic(statistics)
    offset, scale = _normalisation(statistics.mean, statistics.std, skip=config.skip)

    yield Progress("Preparing the network")
    latents = config.latents or automatic_latents(movie.frame_shape, split.training)
    if latents > np.prod(movie.frame_shape):
        raise InputError(f"{latents} latents are more than a frame has pixels: ask for fewer.")
    activity = torch.from_numpy(statistics.std)
    network = PatchAutoencoder(movie.frame_shape, latents, config.kernels, activity=activity, seed=seed).to(
        where
    )
    frames = NormalisedMovie(movie, offset, scale, where, cached_frames=split.known)
    task = _Task(network, frames, split, config, seed)
    yield from train(
        task, steps=config.steps, learning_rate=config.learning_rate, patience=config.patience, stop=stop
    )

    yield Progress("Estimating the dynamics", config.steps, config.steps)
    network.orient()
    encoded = encode_movie(network, frames, movie.n_frames)
    selection = Selection(config.selection, config.fraction, config.nonzeros)
    var = fit_var(encoded[: split.known], config.order, selection, weights=_penalty_weights(network, config))
    metrics = {
        "mode": config.mode,
        "skip": config.skip,
        "frames": movie.n_frames,
        "height": movie.frame_shape[0],
        "width": movie.frame_shape[1],
        "latents": latents,
        "order": config.order,
        "lam": float(var.lam.mean()),
        "nonzeros": var.nonzeros,
        **held_out_errors(network, frames, encoded, split.known, scale, var),
        "device": where.type,
        "seed": seed,
        "seconds": time.monotonic() - start,
    }
    return VARAutoencoder(config, network, offset, scale, var, metrics)


class Split:
    """Blocks of time: training, validation, held out.

    Parameters
    ----------
    training, validation, held_out : int
        Frames in each, in this order.
    """

    def __init__(self, training: int, validation: int, held_out: int) -> None:
        self.training, self.validation, self.held_out = training, validation, held_out

    @property
    def known(self) -> int:
        """Frames that are not held out."""
        return self.training + self.validation

    @classmethod
    def of(cls, movie: Movie, config: VARAutoencoderConfig) -> Split:
        """Split a recording; raises InputError where it is too short."""
        least = max(LEAST_FRAMES, 20 * config.order)
        if movie.n_frames < least:
            raise InputError(
                f"{movie.name} has {movie.n_frames} frames and training of order {config.order} needs at least"
                f" {least}: take a longer recording."
            )
        held_out = round(movie.n_frames * config.held_out)
        validation = round(_VALIDATION * (movie.n_frames - held_out))
        return cls(movie.n_frames - held_out - validation, validation, held_out)


def _penalty_weights(network: PatchAutoencoder, config: VARAutoencoderConfig) -> Tensor:
    return penalty_weights(
        network.centres,
        network.stride,
        config.order,
        distance_penalty=config.distance_penalty,
        penalise_own_past=config.penalise_own_past,
    )


def _normalisation(
    mean: NDArray[np.float32], std: NDArray[np.float32], *, skip: bool
) -> tuple[NDArray[np.float32], float]:
    """Return what is routed round the network, and the std of the rest."""
    offset = mean if skip else np.full_like(mean, mean.mean(dtype=np.float64))
    power = np.square(std, dtype=np.float64) + np.square(mean - offset, dtype=np.float64)
    return offset, float(np.sqrt(power.mean()))


class _Task:
    """Reconstruction first, then reconstruction and prediction."""

    def __init__(
        self,
        network: PatchAutoencoder,
        frames: NormalisedMovie,
        split: Split,
        config: VARAutoencoderConfig,
        seed: int,
    ) -> None:
        self.module: nn.Module = network
        self._network, self._frames, self._split, self._config = network, frames, split, config
        self._pixels = float(np.prod(network.frame_shape))
        self._length = min(config.window_length, split.training // 4)
        if self._length < config.order + 2:
            raise InputError(
                f"Stretches of {self._length} frames are too short for order {config.order}: make them longer."
            )
        # All batches are drawn before training: the same on every device, and nothing to copy at a step.
        draw = torch.Generator().manual_seed(seed)
        starts = [
            draw_windows(split.training, self._length, config.windows, draw) for _ in range(config.steps)
        ]
        self._starts = torch.stack(starts).to(frames.device)
        self._weights = _penalty_weights(network, config).float().to(network.places.device)
        self._span = min(split.training, _MEMORY_PER_PREDICTOR * len(self._weights))
        self._memory: Estimate | None = None

    def stage(self, step: int, total: int) -> str:
        return "Learning the picture" if self._ramp(step, total) == 0 else "Learning the dynamics"

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        reconstruction, windows = self._reconstruct(self._frames.windows(self._starts[step], self._length))
        parts = {"reconstruction": reconstruction.detach()}
        weight = self._config.prediction_weight * self._ramp(step, total)
        if weight == 0:
            return reconstruction, parts
        # Even windows estimate, odd ones score: else the encoder learns to help the estimate overfit.
        estimate = estimate_var(
            windows[0::2], self._config.order, self._weights, memory=self._memory, span=self._span
        )
        self._memory = detached(estimate)
        residual, variance = estimate.score(windows[1::2])
        parts["prediction"] = (residual / variance).detach()
        return reconstruction + weight * residual / self._pixels, parts

    @torch.no_grad()
    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        first = self._split.training
        known = self._frames.frames(max(0, first - _MOST_FRAMES_IN_CHECK), first)
        ahead = self._frames.frames(first, first + min(self._split.validation, _MOST_FRAMES_IN_CHECK))
        reconstruction, scored = self._reconstruct(ahead[None])
        estimate = estimate_var(self._network.encode(known)[None], self._config.order, self._weights)
        residual, variance = estimate.score(scored)
        losses = {
            "held_out_reconstruction": float(reconstruction),
            "held_out_prediction": float(residual / variance),
        }
        if self._config.mode == "two-stage":
            return losses["held_out_reconstruction"], losses
        if self._ramp(step, total) < 1:
            return None, losses
        return float(reconstruction + self._config.prediction_weight * residual / self._pixels), losses

    def _reconstruct(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean squared error and the latents (W, L, d) of windows (W, L, Y, X)."""
        frames = windows.flatten(0, 1)
        latents = self._network.encode(frames)
        error = (self._network.decode(latents) - frames).square().mean()
        return error, latents.view(*windows.shape[:2], -1)

    def _ramp(self, step: int, total: int) -> float:
        """Return the share of the prediction weight: 0 in the warm-up, then rising to 1."""
        if self._config.mode == "two-stage":
            return 0.0
        return min(1.0, max(0.0, (step / total - self._config.warm_up) / _RAMP))


@torch.no_grad()
def held_out_errors(
    network: PatchAutoencoder,
    frames: NormalisedMovie,
    latents: NDArray[np.float32],
    first: int,
    scale: float,
    var: VAR,
) -> dict[str, float]:
    """Measure picture and prediction on held-out frames.

    Parameters
    ----------
    network : PatchAutoencoder
        The network.
    frames : NormalisedMovie
        The recording as the network sees it.
    latents : ndarray (T, d)
        Latents of all frames.
    first : int
        First frame that was held out.
    scale : float
        s, in movie units.
    var : VAR
        Dynamics of the latents.

    Returns
    -------
    dict
        `reconstruction_error` (mean squared error in squared movie units), `latent_prediction_error`
        ``Σ‖z − ẑ‖² / Σ‖z − mean z‖²``, `picture_prediction_error` (the same with the decoder before each norm), and
        `latent_snr`, the variance of ẑ over that of z − ẑ.
    """
    squares = 0.0
    for _, block in frames.batches(first, len(latents)):
        squares += _sum_of_squares(network.decode(network.encode(block)) - block)
    pixels = (len(latents) - first) * np.prod(network.frame_shape)

    # Predicted from their true past, which for the first ones lies before `first`.
    actual = latents[first:].astype(np.float64)
    predicted = var.predict(latents[first - var.order :])[var.order :].astype(np.float64)
    residual = np.square(actual - predicted).sum()
    shown = [_power(network, actual - predicted), _power(network, actual - actual.mean(0))]
    return {
        "reconstruction_error": scale**2 * squares / float(pixels),
        "latent_prediction_error": float(residual / np.square(actual - actual.mean(0)).sum()),
        "picture_prediction_error": shown[0] / shown[1],
        "latent_snr": float(np.square(predicted - predicted.mean(0)).sum() / residual),
    }


def _power(network: PatchAutoencoder, latents: NDArray[np.float64]) -> float:
    """Return the power that latents (n, d) have in the picture, ``Σ ‖D z‖²``."""
    batches = torch.from_numpy(latents.astype(np.float32)).to(network.places.device)
    return sum(_sum_of_squares(network.decode(batch)) for batch in torch.split(batches, 256))


def _sum_of_squares(frames: Tensor) -> float:
    """Sum over frames (n, Y, X) in double precision, also where a device has none."""
    return float(frames.square().sum((1, 2)).cpu().double().sum())
