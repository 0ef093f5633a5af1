"""The layers that show a trained model: maps, and movies computed where they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .layers import DIVERGING, contrast, is_result, put_image, symmetric_contrast
from .session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..analysis.contribution import ContributionMaps
    from ..models.var import VAR
    from ..models.var_autoencoder import VARAutoencoder
    from ..recording import Movie

EXPLAINED = "explained contribution"
SOURCES = "contribution by source"
CONTRIBUTION_MOVIE = "contribution movie"
RECONSTRUCTION = "reconstruction"
ONE_COUPLING = "contribution of one coupling"
# The maps are in squared units: shown by their root, one lively cell does not outshine all others.
_GAMMA = 0.5


def show_maps(session: Session, maps: ContributionMaps) -> None:
    """Put the explained map and its split by source over the movie."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    if len(maps.sources):
        put_image(
            viewer,
            SOURCES,
            maps.sources,
            layer,
            colormap="inferno",
            blending="additive",
            gamma=_GAMMA,
            contrast_limits=contrast(maps.sources.max(axis=0)),
            visible=False,
        )
    else:
        session.tell("dynamics", "The maps of all sources would take more than 1 GB and were left out.")
    put_image(
        viewer,
        EXPLAINED,
        maps.explained,
        layer,
        colormap="inferno",
        blending="additive",
        gamma=_GAMMA,
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


def show_edge_map(session: Session, edge: NDArray[np.float32]) -> None:
    """Put the map of one coupling on top, and hide the explained map that it is part of."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    shown = put_image(
        viewer,
        ONE_COUPLING,
        edge,
        layer,
        colormap=DIVERGING,
        blending="additive",
        contrast_limits=symmetric_contrast(edge, 99.8),
    )
    shown.visible = True
    for other in viewer.layers:
        if other.name == EXPLAINED and is_result(other):
            other.visible = False
