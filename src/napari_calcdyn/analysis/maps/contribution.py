"""Contribution maps: the part of every pixel that the dynamics predict, in total and for each source.

The VAR's prediction is a sum over sources, ``ẑ[t] − μ = Σ_k δ_k[t]``, ``δ_k[t,j] = Σ_l A_l[j,k] z̃[t−l,k]``,
where z̃ are deviations from the latents' mean μ. The contribution image of source k is a path integral,
``C_k[t] = s ∫₀¹ J_D(μ + α (ẑ[t] − μ)) δ_k[t] dα``. The contributions are complete,
``Σ_k C_k[t] = s (D(ẑ[t]) − D(μ))``. With footprints the decoder D is linear, its derivative J_D the same everywhere,
and so the integral is exactly ``C_k[t] = s D(δ_k[t])``. For another network, see `path_integral`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from napari_calcdyn.models.var import VAR, SteadyVAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.convolutional import ConvolutionalAutoencoder
from napari_calcdyn.recording import InputError, Movie, ProgressCallback

from .path_integral import integrated_map, integrated_maps
from .pixel_sums import PixelSums
from .predictable import predictable, static_picture
from .predictor import Predictor, check_latent, from_sources
from .result import ContributionMaps
from .smoothing import Smoothing
from .source_split import SourceSplit


@torch.no_grad()
def contribution_maps(
    model: VARAutoencoder,
    movie: Movie,
    *,
    var: VAR | SteadyVAR | None = None,
    sources: bool | Sequence[int] = True,
    progress: ProgressCallback | None = None,
) -> ContributionMaps:
    """Compute the maps in one pass over the movie, some frames at a time.

    By default they rest on ``model.steady``, which averages a latent's own past over five frames and does not penalise
    it, and frames are smoothed by its `smoothing` before they are compared with the contributions. With another `var`,
    such as ``model.var``, they rest on that and on frames as they are.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.
    var : VAR or SteadyVAR, optional
        The predictor, such as a point of the model's lasso path; ``model.steady`` by default.
    sources : bool or sequence of int
        Which sources get a map of their own. It takes 4 bytes for every lag and pixel that its source reaches; while
        the frames are smoothed, up to three times as much besides.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ContributionMaps
        In float32; sums over time are kept in more than that, or in parts. NaN at masked pixels; frames that are
        left out, and those right after them, which have no past, do not count.

    Raises
    ------
    InputError
        If the frames have another size than the model's, the movie is too short for the VAR's order, a pixel
        is NaN or infinite, or there is no such source.
    Cancelled
        If `progress` asked to stop.
    """
    var = var or model.steady
    smoothing = Smoothing.of(var)
    predictor = Predictor(model, var)
    everything = range(model.network.latents)
    chosen = list(sources) if isinstance(sources, Sequence) else list(everything) if sources else []
    for source in chosen:
        check_latent(source, len(everything), "source")
    if isinstance(model.network, ConvolutionalAutoencoder):
        return integrated_maps(model, model.network, movie, predictor, chosen, smoothing, progress)
    static, network = static_picture(model, movie, progress), model.footprint_network
    followed = from_sources(predictor.effects, chosen)
    sums = PixelSums(network, followed, smoothing, static)
    # All sources together explain what is explained: the pixels are gathered once. Else they are gathered for the
    # latents as they are predicted, whatever their sources are.
    every = len(set(chosen)) == len(everything)
    whole = eye_array(len(everything), dtype=np.float32, format="csr")
    total = sums if every else PixelSums(network, whole, smoothing, static)
    amplitude = np.zeros(model.frame_shape)
    frames = 0
    for past, actual in predictable(model, movie, predictor, progress):
        frames += len(actual)
        predicted = predictor.predict(past)
        sums.add(past, actual)
        if total is not sums:
            total.add(predicted, actual)
        amplitude += network.absolute(predicted).cpu().numpy()
    split = sums.split()
    explained = split.total(followed) if every else total.split().total(whole)
    if not np.isfinite(explained).all():
        movie.statistics()  # raises, and names the first frame that has a bad pixel
    power = model.scale**2 / frames
    masked = model.masked_pixels(movie)
    for image in (explained, amplitude):
        image[masked] = np.nan
    return ContributionMaps(
        explained * np.float32(power),
        (amplitude * (model.scale / frames)).astype(np.float32),
        split.maps(followed, predictor.source, chosen, power, masked),
    )


@torch.no_grad()
def edge_map(
    model: VARAutoencoder,
    movie: Movie,
    source: int,
    target: int,
    lag: int = 1,
    *,
    var: VAR | SteadyVAR | None = None,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Map one connection between latents: what `source` explains through `target`, `lag` frames later.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.
    source, target : int
        Latents k and j.
    lag : int
        l, in frames, from 1 on.
    var : VAR or SteadyVAR, optional
        ``model.steady``, or another point of the model's lasso path; ``model.var`` by default.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ndarray (Y, X), float32
        ``mean_t s D_j A_l[j,k] z̃[t−l,k] · (x[t] − m)`` with D_j the picture of one unit of latent j. Over all
        targets and lags, the connections of a source add up to its map.

    Raises
    ------
    InputError
        If there is no such latent or lag, or the frames have another size than the model's.
    Cancelled
        If `progress` asked to stop.
    """
    predictor = Predictor(model, var)
    latents = model.network.latents
    check_latent(source, latents, "source")
    check_latent(target, latents, "target")
    if not 1 <= lag <= predictor.order:
        raise InputError(f"There is no lag {lag}: choose one from 1 to {predictor.order}.")
    column = (lag - 1) * latents + source
    strength = [predictor.effects[target, column]]
    edge = csr_array((strength, ([target], [column])), predictor.effects.shape, np.float32)
    if isinstance(model.network, ConvolutionalAutoencoder):
        return integrated_map(model, movie, predictor, edge, Smoothing.of(var), progress)
    split, frames = gather(model, movie, predictor, edge, Smoothing.of(var), progress)
    image = split.total(edge) * np.float32(model.scale**2 / frames)
    image[model.masked_pixels(movie)] = np.nan
    return image


@torch.no_grad()
def gather(
    model: VARAutoencoder,
    movie: Movie,
    predictor: Predictor,
    reach: csr_array,
    smoothing: Smoothing,
    progress: ProgressCallback | None,
) -> tuple[SourceSplit, int]:
    """Go through the movie once, and sum up the products of predictors and the pixels that they reach.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.
    predictor : Predictor
        Encodes the past.
    reach : csr_array (d, p·d)
        As for `PixelSums`.
    smoothing : Smoothing
        Of the frames.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    split : SourceSplit
        The sums.
    frames : int
        How many frames have a past.

    Raises
    ------
    InputError
        If the frames have another size than the model's, none has a past, or the network is convolutional.
    Cancelled
        If `progress` asked to stop.
    """
    sums = PixelSums(model.footprint_network, reach, smoothing, static_picture(model, movie, progress))
    frames = 0
    for past, actual in predictable(model, movie, predictor, progress):
        frames += len(actual)
        sums.add(past, actual)
    return sums.split(), frames
