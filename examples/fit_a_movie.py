"""Fit a model to a recording, and print where its dynamics explain most and its strongest connections.

Run: python examples/fit_a_movie.py MOVIE
"""

from __future__ import annotations

import sys

import numpy as np

import napari_calcdyn as cd


def main() -> None:
    movie = cd.open_movie(sys.argv[1])
    model = cd.VARAutoencoder(preset="quick").fit(movie, seed=0, progress=print)
    print(f"Held-out prediction error {model.metrics['latent_prediction_error']:.3f}")

    maps = cd.contribution_maps(model, movie)
    y, x = np.unravel_index(maps.explained.argmax(), movie.frame_shape)
    print(f"The dynamics explain most at pixel ({y}, {x}): {maps.explained[y, x]:.3g} squared counts")

    # Print the strongest connections between different latents, at a sparser point of the lasso path.
    sparser = model.var.at(nonzeros=3)
    strength = np.abs(sparser.standardised).max(0)
    np.fill_diagonal(strength, 0)
    for connection in np.argsort(strength, axis=None)[::-1][:5]:
        target, source = np.unravel_index(connection, strength.shape)
        lag = int(np.abs(sparser.standardised[:, target, source]).argmax()) + 1
        (y0, x0), (y1, x1) = model.latent_centres[[source, target]]
        explained = cd.edge_map(model, movie, int(source), int(target), lag, var=sparser).sum()
        print(
            f"latent {source} at ({y0:.0f}, {x0:.0f}) → latent {target} at ({y1:.0f}, {x1:.0f})"
            f" at lag {lag} explains {explained:.3g}"
        )

    # The movie is lazy: only the frames that are requested are computed, as when it is scrolled in napari.
    one = np.asarray(cd.contribution_movie(model, movie)[movie.n_frames // 2])
    print(f"Contributions in the middle of the recording: {one.min():.3g} to {one.max():.3g} counts")


if __name__ == "__main__":
    main()
