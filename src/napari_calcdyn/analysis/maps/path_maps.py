"""Explained maps along a lasso path, after one pass over the movie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie, ProgressCallback

from .contribution import gather
from .pixel_sums import PixelSums
from .predictor import Predictor, effects_of, source_of
from .smoothing import Smoothing
from .source_maps import SourceMaps
from .source_split import SourceSplit


class PathMaps:
    """The maps that `contribution_maps` computes with ``var=model.var.at(…)``, for any point of the path at once.

    Coefficients change along the path; what they are multiplied with does not. `gather` sums up the products of every
    predictor with every pixel that it may reach, and then a map takes milliseconds.

    Attributes
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        The recording.
    """

    def __init__(self, model: VARAutoencoder, movie: Movie, split: SourceSplit, frames: int) -> None:
        self.model, self.movie = model, movie
        self._split, self._power = split, model.scale**2 / frames
        self._masked = model.masked_pixels(movie)

    @staticmethod
    def bytes_needed(model: VARAutoencoder) -> int:
        """Return how much memory the sums take.

        Parameters
        ----------
        model : VARAutoencoder
            The fitted model.

        Returns
        -------
        int
            Bytes; for every pixel and lag about 180 where only neighbours are predictors, else 4·d.
        """
        return PixelSums.bytes_needed(model.footprint_network, _reach(model.var), Smoothing.of(model.var))

    @classmethod
    def gather(
        cls, model: VARAutoencoder, movie: Movie, *, progress: ProgressCallback | None = None
    ) -> PathMaps:
        """Go through the movie once.

        Parameters
        ----------
        model : VARAutoencoder
            The fitted model.
        movie : Movie
            Of the frame size that the model was trained on.
        progress : callable or None
            Called with frames done and in all; returns True to stop.

        Returns
        -------
        PathMaps
            Takes as much memory as `bytes_needed` says.

        Raises
        ------
        InputError
            As `contribution_maps` does.
        Cancelled
            If `progress` asked to stop.
        """
        predictor = Predictor(model, model.var)
        smoothing = Smoothing.of(model.var)
        split, frames = gather(model, movie, predictor, _reach(model.var), smoothing, progress)
        if not split.finite:
            movie.statistics()  # raises, and names the first frame that has a bad pixel
        return cls(model, movie, split, frames)

    def explained(self, var: VAR) -> NDArray[np.float32]:
        """Compute the explained map at a point of the path.

        Parameters
        ----------
        var : VAR
            ``model.var`` or ``model.var.at(…)``.

        Returns
        -------
        ndarray (Y, X), float32
            As `ContributionMaps.explained`.
        """
        image = self._split.total(effects_of(var)) * np.float32(self._power)
        image[self._masked] = np.nan
        return image

    def sources(self, var: VAR) -> SourceMaps:
        """Split the explained map at a point of the path between its sources.

        Parameters
        ----------
        var : VAR
            ``model.var`` or ``model.var.at(…)``.

        Returns
        -------
        SourceMaps (d, Y, X), float32
            As `ContributionMaps.sources`; each map is computed when it is looked at.
        """
        return self._split.maps(
            effects_of(var), source_of(var), range(var.latents), self._power, self._masked
        )


def _reach(var: VAR) -> csr_array:
    """Return a pattern (d, p·d) with an entry for every connection that the path may have."""
    near, d = var.neighbourhoods, var.latents
    if near is None:
        return csr_array(np.ones((d, var.order * d), np.float32))
    every = np.ones((var.order, *near.neighbours.shape), np.float32)
    return csr_array(hstack(near.connections(every), format="csr"))
