"""How a movie is shown as a layer of napari."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_calcdyn.recording import Movie


def layer_options(movie: Movie) -> dict[str, Any]:
    """Return the keyword arguments of ``add_image`` for a movie.

    Parameters
    ----------
    movie : Movie
        Its name, pixel size (µm) and frame rate (Hz) go along.

    Returns
    -------
    dict
        ``name``, ``contrast_limits``, ``scale``, ``units``, ``axis_labels``, ``colormap`` and ``metadata``.
    """
    pixel = movie.pixel_size
    options: dict[str, Any] = {
        "name": movie.name,
        "contrast_limits": contrast_limits(movie),
        "colormap": "gray",
        "scale": (1.0, *(pixel or (1.0, 1.0))),
        "axis_labels": ("time", "y", "x"),
        "metadata": {"frame_rate": movie.frame_rate},
    }
    if pixel:
        options["units"] = ("pixel", "um", "um")
    return options


def contrast_limits(movie: Movie, frames: int = 16) -> tuple[float, float]:
    """Return contrast limits from some frames spread over a movie.

    Parameters
    ----------
    movie : Movie
        The movie.
    frames : int
        How many frames to read.

    Returns
    -------
    tuple of float
        Low and high, never equal: half a percent of the pixels is darker, 0.2 % brighter.
    """
    at = np.linspace(0, movie.n_frames - 1, min(frames, movie.n_frames)).astype(int)
    sample = np.stack([movie.frames(t, t + 1)[0] for t in at]).astype(np.float32)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, (0.5, 99.8)) if sample.size else (0.0, 1.0)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
