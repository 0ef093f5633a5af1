"""Train one model on trials of one field of view, and print how well it predicts each of them.

Run: python examples/trials_together.py TRIAL1 TRIAL2 …
"""

from __future__ import annotations

import sys

import numpy as np

import napari_calcdyn as cd


def main() -> None:
    trials = cd.correct_movies([cd.open_movie(path) for path in sys.argv[1:]])
    movie = cd.join(trials)
    model = cd.VARAutoencoder(preset="quick").fit(movie, seed=0, progress=print)
    latents = model.encode(movie)  # NaN in the gaps, across which nothing is predicted
    predicted = model.var.predict(latents)
    for name, frames in movie.parts:
        # The first frames of a trial have no past, and are predicted to be at the mean.
        actual, its = (it[frames.start + model.var.order : frames.stop] for it in (latents, predicted))
        error = np.nansum(np.square(actual - its)) / np.nansum(np.square(actual - np.nanmean(actual, 0)))
        print(f"{name}: prediction error {error:.3f} of the variance of the latents")


if __name__ == "__main__":
    main()
