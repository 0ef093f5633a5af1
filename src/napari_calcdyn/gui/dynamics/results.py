"""The layers that show a trained model: maps, and movies computed where they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.gui.layers.layers import (
    COUNTS,
    COUNTS_2,
    DIVERGING_OVERLAY,
    FIRST_LOOK,
    HEAT_OVERLAY,
    contrast,
    hide_result,
    put_image,
    result_layer,
    symmetric_contrast,
)
from napari_calcdyn.gui.session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie

EXPLAINED = "Dynamics: explained map"
SOURCES = "Dynamics: map by source"
CONTRIBUTION_MOVIE = "Dynamics: contribution movie"
RECONSTRUCTION = "Dynamics: reconstruction"
ONE_CONNECTION = "Dynamics: one connection"
# The maps are in squared units: shown by their root, one lively cell does not outshine all others.
GAMMA = 0.5


def show_explained(session: Session, maps: ContributionMaps, *, keep_contrast: bool = False) -> None:
    """Put the explained map over the movie.

    Parameters
    ----------
    session : Session
        Whose viewer shows them.
    maps : ContributionMaps
        Of its recording.
    keep_contrast : bool
        Whether the contrast of maps that are there stays, as it does on the way along the lasso path.
    """
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    new = result_layer(viewer, EXPLAINED) is None
    put_image(viewer, EXPLAINED, maps.explained, layer, unit=COUNTS_2, **_style(maps, keep_contrast))
    if new:
        hide_result(viewer, FIRST_LOOK)  # two maps in the same colours could not be told apart


def show_sources(
    session: Session, movie: Movie, maps: ContributionMaps, *, keep_contrast: bool = False
) -> None:
    """Put the split by source over the movie, hidden, as `show_explained` does."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    before = viewer.dims.ndim
    put_image(
        viewer,
        SOURCES,
        # In the viewer the first axis of maps (d, Y, X) would be the movie's time.
        AtAllTimes(maps.sources, movie.n_frames),
        layer,
        unit=COUNTS_2,
        **_style(maps, keep_contrast),
        visible=False,
    )
    if viewer.dims.ndim > before:
        viewer.dims.last_used = viewer.dims.ndim - 3  # the arrow keys and "play" stay with time


def _style(maps: ContributionMaps, keep_contrast: bool) -> dict[str, Any]:
    """Return how maps are drawn: the colours of the parts and of the whole agree."""
    limits = {} if keep_contrast else {"contrast_limits": contrast(maps.explained)}
    return {"colormap": HEAT_OVERLAY, "gamma": GAMMA, "keep_contrast": keep_contrast, **limits}


def show_lazy_movies(
    session: Session,
    movie: Movie,
    model: VARAutoencoder,
    var: VAR,
    maps: ContributionMaps,
    *,
    keep_contrast: bool = False,
) -> None:
    """Put contribution movie and reconstruction into the viewer; hidden, as they cost time to scroll."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    from napari_calcdyn.analysis.maps import contribution_movie, reconstruction_movie

    put_image(
        viewer,
        RECONSTRUCTION,
        reconstruction_movie(model, movie),
        layer,
        unit=COUNTS,
        colormap="gray",
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
        unit=COUNTS,
        keep_contrast=keep_contrast,
        colormap=DIVERGING_OVERLAY,
        contrast_limits=(-peak, peak),
        visible=False,
    )


def show_edge_map(session: Session, edge: NDArray[np.float32]) -> None:
    """Put the map of one connection on top, and hide the explained map that it is part of."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    shown = put_image(
        viewer,
        ONE_CONNECTION,
        edge,
        layer,
        unit=COUNTS_2,
        colormap=DIVERGING_OVERLAY,
        contrast_limits=symmetric_contrast(edge, 99.8),
    )
    shown.visible = True
    hide_result(viewer, EXPLAINED)
