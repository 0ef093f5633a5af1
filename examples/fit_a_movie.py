"""Train on a recording step by step, and ask the model where the rules are and which region drives which.

Run: python examples/fit_a_movie.py MOVIE
"""

from __future__ import annotations

import sys

import numpy as np

from napari_calcdyn.analysis.maps.contribution import contribution_maps, contribution_movie, edge_map
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.fitting import fit_var_autoencoder
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie, open_movie


def train(movie: Movie) -> VARAutoencoder:
    """Train: a generator that yields how far it is, and returns the model."""
    training = fit_var_autoencoder(movie, VARAutoencoderConfig.preset("quick"), seed=0)
    while True:
        try:
            progress = next(training)
        except StopIteration as finished:
            return finished.value
        if "held_out_prediction" in progress.losses:
            error = progress.losses["held_out_prediction"]
            print(f"\r{progress.stage}: {progress.step}/{progress.total}, error {error:.3f}", end="   ")


def main() -> None:
    movie = open_movie(sys.argv[1])
    model = train(movie)
    print(f"\nHeld-out prediction error {model.metrics['latent_prediction_error']:.3f}")

    maps = contribution_maps(model, movie)
    y, x = np.unravel_index(maps.explained.argmax(), movie.frame_shape)
    print(f"The dynamics explain most at pixel ({y}, {x}): {maps.explained[y, x]:.3g} squared counts")

    # Connections between different latents, the strongest first, at a sparser point of the lasso path.
    sparser = model.var.at(nonzeros=3)
    strength = np.abs(sparser.standardised).max(0)
    np.fill_diagonal(strength, 0)
    for edge in np.argsort(strength, axis=None)[::-1][:5]:
        target, source = np.unravel_index(edge, strength.shape)
        lag = int(np.abs(sparser.standardised[:, target, source]).argmax()) + 1
        (y0, x0), (y1, x1) = model.latent_centres[[source, target]]
        explained = edge_map(model, movie, int(source), int(target), lag, var=sparser).sum()
        print(
            f"latent {source} at ({y0:.0f}, {x0:.0f}) → latent {target} at ({y1:.0f}, {x1:.0f})"
            f" at lag {lag} explains {explained:.3g}"
        )

    # Lazy: only the frames that are looked at are computed, as when the movie is scrolled in napari.
    one = np.asarray(contribution_movie(model, movie)[movie.n_frames // 2])
    print(f"Contributions in the middle of the recording: {one.min():.3g} to {one.max():.3g} counts")


if __name__ == "__main__":
    main()
