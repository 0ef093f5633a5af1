"""A model of a few steps and its recording, for any order."""

from __future__ import annotations

from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie
from napari_calcdyn.simulate.movie import simulate_movie


def fit(order: int, latents: int, frames: int = 160) -> tuple[VARAutoencoder, Movie]:
    """Train briefly on a simulated recording of 37 × 45 pixels."""
    movie = Movie.from_array(simulate_movie(frames=frames, height=37, width=45, dynamic=4).movie)
    config = VARAutoencoderConfig.preset(
        "quick", steps=30, latents=latents, order=order, selection="fraction", fraction=0.1
    )
    model = VARAutoencoder(config).fit(movie, device="cpu")
    return model, movie
