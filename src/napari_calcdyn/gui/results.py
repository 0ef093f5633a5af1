"""The layers that show a trained model: maps, and movies computed where they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .layers import DIVERGING, contrast, put_image, symmetric_contrast
from .session import Session

if TYPE_CHECKING:
    from ..analysis.contribution import ContributionMaps
    from ..models.var import VAR
    from ..models.var_autoencoder import VARAutoencoder
    from ..recording import Movie

EXPLAINED = "explained contribution"
SOURCES = "contribution by source"
CONTRIBUTION_MOVIE = "contribution movie"
RECONSTRUCTION = "reconstruction"


def show_maps(session: Session, maps: ContributionMaps) -> None:
    """Put the explained map and its split by source over the movie."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    put_image(
        viewer,
        SOURCES,
        maps.sources,
        layer,
        colormap="inferno",
        blending="additive",
        contrast_limits=contrast(maps.sources.max(axis=0)),
        visible=False,
    )
    put_image(
        viewer,
        EXPLAINED,
        maps.explained,
        layer,
        colormap="inferno",
        blending="additive",
        contrast_limits=contrast(maps.explained),
    )


def show_lazy_movies(
    session: Session, movie: Movie, model: VARAutoencoder, var: VAR, maps: ContributionMaps
) -> None:
    """Put contribution movie and reconstruction into the viewer; hidden, as they cost time to scroll."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    from ..analysis.contribution import contribution_movie, reconstruction_movie

    put_image(
        viewer,
        RECONSTRUCTION,
        reconstruction_movie(model, movie),
        layer,
        colormap="gray",
        blending="translucent_no_depth",
        contrast_limits=tuple(layer.contrast_limits),
        visible=False,
    )
    # The amplitude map is a mean over time; moments of activity are several times as strong.
    peak = 3 * symmetric_contrast(np.asarray(maps.amplitude))[1]
    put_image(
        viewer,
        CONTRIBUTION_MOVIE,
        contribution_movie(model, movie, var=var),
        layer,
        colormap=DIVERGING,
        blending="additive",
        contrast_limits=(-peak, peak),
        visible=False,
    )
