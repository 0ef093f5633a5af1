"""The layers that follow the check of a recording: the corrected movie, and a first look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.layers.frame_by_frame import FrameByFrame
from napari_calcdyn.gui.layers.layers import (
    COUNTS,
    FIRST_LOOK,
    HEAT_OVERLAY,
    contrast,
    keeping_active,
    put_image,
    result_layer,
)

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Movie

CORRECTED = "Recording: corrected movie"


def show_corrected(session: Session, movie: Movie) -> None:
    """Show a corrected movie over the recording, with its contrast; no layer where no pixel is another one.

    Parameters
    ----------
    session : Session
        Whose viewer shows it.
    movie : Movie
        A version of its recording.
    """
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    if movie.corrections is None or not movie.corrections.change_anything:
        clear_corrected(viewer)
        return
    new = result_layer(viewer, CORRECTED) is None
    with keeping_active(viewer):
        limits, span = tuple(layer.contrast_limits), tuple(layer.contrast_limits_range)
        shown = put_image(
            viewer,
            CORRECTED,
            FrameByFrame(movie),
            layer,
            colormap=layer.colormap,
            contrast_limits=limits,
        )
        if tuple(shown.contrast_limits) == limits:
            shown.contrast_limits_range = span
        if new:
            place_above(viewer, shown, layer)


def clear_corrected(viewer: Viewer) -> None:
    """Remove the corrected movie, where there is one."""
    shown = result_layer(viewer, CORRECTED)
    if shown is not None:
        viewer.layers.remove(shown)


def show_first_look(session: Session, movie: Movie, image: NDArray[np.float32]) -> None:
    """Show where activity lasts, over the movie.

    Parameters
    ----------
    session : Session
        Whose viewer shows it.
    movie : Movie
        What it was computed of; nothing is shown where another version has taken its place.
    image : ndarray (Y, X), float32
        From `first_look`.
    """
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None or session.recording.movie is not movie:
        return
    # By its root, as with the maps of a model. Half of the picture is background, and stays clear.
    rooted = np.sqrt(np.clip(image, 0, None))
    known = rooted[np.isfinite(rooted)]
    low = float(np.median(known)) if known.size else 0.0
    with keeping_active(viewer):
        put_image(
            viewer,
            FIRST_LOOK,
            rooted,
            layer,
            unit=COUNTS,
            colormap=HEAT_OVERLAY,
            contrast_limits=contrast(rooted, low),
            opacity=0.7,
        )


def place_above(viewer: Viewer, layer: Layer, below: Layer) -> None:
    """Move a layer just above another one, so that maps stay on top."""
    at, wanted = viewer.layers.index(layer), viewer.layers.index(below) + 1
    if at > wanted:
        viewer.layers.move(at, wanted)
