"""How large the arrays of a run will be, known from its settings and the shape of its recording."""

from __future__ import annotations

import math

import torch

from napari_calcdyn.models.memory import room_for_frames
from napari_calcdyn.models.var.neighbours import MOST_FULL
from napari_calcdyn.models.var.steady import FRAMES
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.convolutional import ConvolutionalAutoencoder
from napari_calcdyn.models.var_autoencoder.footprints import coarse_side
from napari_calcdyn.models.var_autoencoder.network import NEIGHBOURS, automatic_latents
from napari_calcdyn.models.var_autoencoder.networks import new_network
from napari_calcdyn.models.var_autoencoder.objective import MOST_FRAMES_IN_CHECK, most_stretches
from napari_calcdyn.models.var_autoencoder.spacing import latent_spacing
from napari_calcdyn.models.var_autoencoder.split import Split
from napari_calcdyn.models.var_autoencoder.tiled_frames import frames_to_keep, most_sampled
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import arranged
from napari_calcdyn.recording.quality.sample import sample_size

MAP_TILE = 32
"""Pixels along a side of the tiles in which maps are summed up."""
_PARTNERS = 113  # latents that share a target with one on a full grid


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
    decoded : int
        Operations to decode a frame with a convolutional network; 0 with footprints.
    coarse_pixels : int
        Pixels of a window in the search for the first footprints.
    lags, map_parts : int
        Lags of the predictor behind the maps, and pairs of a tile of the maps and a latent that reaches it.
    """

    def __init__(self, movie: Movie, model: VARAutoencoderConfig | VARAutoencoder) -> None:
        self.frames, self.pixels = movie.n_frames, math.prod(movie.frame_shape)
        self.frame_bytes = self.pixels * movie.dtype.itemsize
        self.checked = 0 if movie.corrections is not None else math.prod(sample_size(movie))

        if isinstance(model, VARAutoencoder):
            config, network = model.config, model.network
            self.trained = self.known = validated = 0
        else:
            config, split = model, Split.of(movie, model)
            self.trained, self.known, validated = split.training, split.known, split.validation
            latents = config.latents or automatic_latents(
                movie.frame_shape,
                split.training_frames(arranged(movie, split.stretches)),
                latent_spacing(movie),
            )
            # Its weights, a gigabyte for the largest frames, have sizes and no numbers.
            with torch.device("meta"):
                network = new_network(config, movie.frame_shape, min(latents, self.pixels))
        self.latents, self.order, stride = network.latents, config.order, network.stride
        self.places = network.rows * network.columns
        self.coarse_pixels = 4 * coarse_side(stride) ** 2
        self.tile_row = (network.columns + 1) * stride**2
        self.tiled_pixels = (network.rows + 1) * self.tile_row
        self.weights = sum(it.numel() for it in network.parameters())
        self.decoded = network.operations if isinstance(network, ConvolutionalAutoencoder) else 0

        counts = self.trained, self.known
        self.kept = frames_to_keep(counts, self.tiled_pixels, room_for_frames(), torch.device("cpu"))
        self.sampled = self.trained if self.kept else min(self.trained, most_sampled(self.tiled_pixels))
        if self.decoded:
            self.sampled = 0
        length = max(1, min(config.window_length, self.trained // 4))
        windows = most_stretches(config, length, self.pixels)
        windows = min(windows, self.trained // length) // 2 * 2
        self.steps, self.step_frames = config.training_steps if self.trained else 0, windows * length
        self.checks = self.steps // max(5, self.steps // 40)
        self.check_frames = min(self.trained, MOST_FRAMES_IN_CHECK) + min(validated, MOST_FRAMES_IN_CHECK)
        self.var_steps = 0 if config.mode == "two-stage" else self.steps * (1 - config.warm_up)
        self.var_samples = windows // 2 * max(0, length - self.order)

        self.sparse = self.latents > MOST_FULL
        self.predictors = self.order * (NEIGHBOURS if self.sparse else self.latents)
        self.moments = self.order**2 * self.latents * (_PARTNERS if self.sparse else self.latents)
        self.lags = max(FRAMES, self.order)
        tiles = math.prod(math.ceil(size / MAP_TILE) for size in movie.frame_shape)
        reaching = math.prod(min(size, MAP_TILE) / stride + 2 for size in movie.frame_shape)
        self.map_parts = tiles * min(self.latents, round(reaching))
