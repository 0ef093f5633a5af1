"""How large the arrays of a run will be, known from its settings and the shape of its recording."""

from __future__ import annotations

import math

from napari_calcdyn.models.memory import room_for_frames
from napari_calcdyn.models.var.neighbours import MOST_FULL
from napari_calcdyn.models.var.steady import FRAMES
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder, automatic_latents
from napari_calcdyn.models.var_autoencoder.split import Split
from napari_calcdyn.recording import Movie

MAP_TILE = 32
"""Pixels along a side of the tiles in which maps are summed up."""
# What the parts of a run hold at most, each by its own rule: the sample that the check of a recording looks at, the
# frames of a training step, and the frames that the first footprints are found on.
_CHECKED_BYTES, _CHECKED_FRAMES, _FEWEST_CHECKED = 64 * 2**20, 512, 32
_STEP_BYTES = 512 * 2**20
_SAMPLED_BYTES, _FEWEST_SAMPLED = 512 * 2**20, 24
_MOST_COARSE = 12  # coarse pixels along a side of a tile in their search
_VALIDATED = 256  # frames on each side of the border between training and validation
_NEIGHBOURS, _PARTNERS = 29, 113  # of a latent on a full grid: that drive it, and that share a target with it


class RunSizes:
    """Numbers that the time and the memory of a run on the processor depend on.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings to train with, or a fitted model.

    Attributes
    ----------
    frames, pixels, frame_bytes : int
        Of the recording.
    checked : int
        Frames in the sample of the check; 0 where the recording was checked before.
    trained, known : int
        Frames to train on, and those that are not held out; 0 with a fitted model.
    kept : int
        Frames that stay in memory during the training; 0 if they are read for each step.
    sampled : int
        Frames that the first footprints are found on.
    steps, step_frames : int
        Training steps, and the frames of each.
    checks, check_frames : int
        Validations during the training, and the frames of each.
    var_steps, var_samples : float
        Steps that estimate the dynamics, and the samples of each.
    latents, order, predictors, sparse : int
        d, p, the predictors of each latent, and whether these are neighbours only.
    moments : int
        Numbers in the second moments of all predictors, p²·d² or, of neighbours only, p²·d·M.
    places, tile_row, tiled_pixels, weights : int
        Of the network: places of its grid, pixels in a row of tiles and in all tiles, weights.
    coarse_pixels : int
        Pixels of a window in the search for the first footprints.
    lags, map_parts : int
        Lags of the predictor behind the maps, and pairs of a tile of the maps and a latent that reaches it.
    """

    def __init__(self, movie: Movie, model: VARAutoencoderConfig | VARAutoencoder) -> None:
        self.frames, self.pixels = movie.n_frames, math.prod(movie.frame_shape)
        self.frame_bytes = self.pixels * movie.dtype.itemsize
        sample = min(self.frames, _CHECKED_FRAMES, max(_FEWEST_CHECKED, _CHECKED_BYTES // self.frame_bytes))
        self.checked = 0 if movie.corrections is not None else sample

        if isinstance(model, VARAutoencoder):
            config, network = model.config, model.network
            self.trained = self.known = validated = 0
        else:
            config, split = model, Split.of(movie, model)
            self.trained, self.known, validated = split.training, split.known, split.validation
            latents = config.latents or automatic_latents(movie.frame_shape, split.training_frames(movie))
            network = PatchAutoencoder(movie.frame_shape, min(latents, self.pixels), 1)  # for its grid
        self.latents, self.order, stride = network.latents, config.order, network.stride
        self.places = network.rows * network.columns
        self.coarse_pixels = 4 * min(stride // min(3, max(1, stride // 4)), _MOST_COARSE) ** 2
        self.tile_row = (network.columns + 1) * stride**2
        self.tiled_pixels = (network.rows + 1) * self.tile_row
        self.weights = config.kernels * (network.shapes.shape[1] + self.latents)

        fits = (it for it in (self.trained, self.known) if 4 * it * self.tiled_pixels <= room_for_frames())
        self.kept = max(fits, default=0)
        most = max(_FEWEST_SAMPLED, _SAMPLED_BYTES // (4 * self.tiled_pixels))
        self.sampled = self.trained if self.kept else min(self.trained, most)
        length = max(1, min(config.window_length, self.trained // 4))
        windows = max(2, min(config.windows, _STEP_BYTES // (4 * self.pixels * length)))
        windows = min(windows, self.trained // length) // 2 * 2
        self.steps, self.step_frames = config.steps if self.trained else 0, windows * length
        self.checks = self.steps // max(5, self.steps // 40)
        self.check_frames = min(self.trained, _VALIDATED) + min(validated, _VALIDATED)
        self.var_steps = 0 if config.mode == "two-stage" else self.steps * (1 - config.warm_up)
        self.var_samples = windows // 2 * max(0, length - self.order)

        self.sparse = self.latents > MOST_FULL
        self.predictors = self.order * (_NEIGHBOURS if self.sparse else self.latents)
        self.moments = self.order**2 * self.latents * (_PARTNERS if self.sparse else self.latents)
        self.lags = max(FRAMES, self.order)
        tiles = math.prod(math.ceil(size / MAP_TILE) for size in movie.frame_shape)
        reaching = math.prod(min(size, MAP_TILE) / stride + 2 for size in movie.frame_shape)
        self.map_parts = tiles * min(self.latents, round(reaching))
