"""Contribution and reconstruction as lazy movies, computed frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.var import VAR, SteadyVAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies.lazy import lazy_frames

from .predictor import Predictor


def contribution_movie(
    model: VARAutoencoder, movie: Movie, *, var: VAR | SteadyVAR | None = None, source: int | None = None
) -> Any:
    """Return the contribution at every time, ``Σ_k C_k[t]`` or that of one source.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.
    var : VAR or SteadyVAR, optional
        ``model.steady``, or another point of the model's lasso path; ``model.var`` by default.
    source : int, optional
        Only this source.

    Returns
    -------
    dask array (T, Y, X), float32
        In movie units; one frame a chunk, for which the frames of its past are read and no others. Frames without
        a past, the first p and those after bad frames, are zero. NaN at masked pixels.

    Raises
    ------
    InputError
        If the frames have another size than the model's, or there is no such source.
    """
    predictor = Predictor(model, var)
    part = predictor if source is None else Predictor(model, var, [source])
    frames, masked = model.normalised(movie), model.masked_pixels(movie)

    @torch.no_grad()
    def contribution(t: int) -> NDArray[np.float32]:
        if t < predictor.order or not movie.valid_frames[t - predictor.order : t].all():
            return np.zeros(model.frame_shape, np.float32)
        latents = predictor.encode(frames.frames(t - predictor.order, t))
        past = latents.flip(0).reshape(1, -1)  # lag 1, the latest, comes first
        shown = predictor.mean_derivative(predictor.predict(past))(part.predict(past))
        image: NDArray[np.float32] = shown[0].cpu().numpy()
        image = image * np.float32(model.scale)
        image[masked] = np.nan
        return image

    return _lazy(movie, contribution)


def reconstruction_movie(model: VARAutoencoder, movie: Movie) -> Any:
    """Return the movie as the network passes it on, ``m + s D(z[t])``.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.

    Returns
    -------
    dask array (T, Y, X), float32
        In movie units; one frame a chunk.

    Raises
    ------
    InputError
        If the frames have another size than the model's.
    """
    model.check(movie)
    return _lazy(movie, lambda t: model.decode(model.encode(movie.frames(t, t + 1)))[0])


def _lazy(movie: Movie, frame: Callable[[int], NDArray[np.float32]]) -> Any:
    return lazy_frames(
        lambda start, stop: np.stack([frame(t) for t in range(start, stop)]),
        movie.shape,
        np.float32,
        frames_per_chunk=1,
    )
