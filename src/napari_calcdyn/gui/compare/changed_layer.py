"""The layer “changed connections”: arrows between the places of those that are selected in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.layers.layers import RESULT, keeping_active, result_layer, spatial_metadata
from napari_calcdyn.gui.plots.theme import plot_colours

from .time_ranges import A, B, condition_colour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session

CHANGED = "Compare: changed connections"
_SIZE = 0.04  # radius of a ring and length of a head, of the picture's smaller side
_WIDTH = 0.006  # of a line, of the same


def show_changed(session: Session, edges: NDArray[Any], centres: Mapping[int, NDArray[np.float32]]) -> None:
    """Draw connections over the movie, in the colour of A or of B, wherever they are higher.

    An arrow goes from source to target; a ring is a region's effect on itself.

    Parameters
    ----------
    session : Session
        Whose viewer; without edges, the layer is emptied.
    edges : ndarray
        Rows of `Comparison.edges`.
    centres : mapping of int to ndarray (2,)
        Places of their ends, in pixels (y, x).
    """
    viewer, movie_layer = session.viewer, session.movie_layer
    if viewer is None or movie_layer is None or session.recording.movie is None:
        return
    layer = result_layer(viewer, CHANGED)
    if layer is None:
        if not len(edges):
            return
        with keeping_active(viewer):
            layer = viewer.add_shapes(
                name=CHANGED, metadata={RESULT: CHANGED}, **spatial_metadata(movie_layer, 2)
            )
    layer.selected_data = set()
    layer.data = []
    if not len(edges):
        return
    smaller = min(session.recording.movie.frame_shape)
    colours = plot_colours("dark")  # pictures are dark in every theme
    drawn = [_drawing(centres[edge["source"]], centres[edge["target"]], _SIZE * smaller) for edge in edges]
    names = [B if change > 0 else A for change in edges["change"]]
    layer.add(
        [vertices for _, vertices in drawn],
        shape_type=[kind for kind, _ in drawn],
        edge_width=_WIDTH * smaller,
        edge_color=np.array([condition_colour(it, colours) for it in names]) / 255,
        face_color="transparent",
    )


def _drawing(source: Any, target: Any, size: float) -> tuple[str, NDArray[np.float64]]:
    """Return kind and corners (n, 2) of an arrow, or of a ring where both places are one."""
    tail, tip = np.asarray(source, float), np.asarray(target, float)
    length = float(np.hypot(*(tip - tail)))
    if length < 1e-6:
        return "ellipse", tail + size * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    along = (tip - tail) / length
    across = np.array([-along[1], along[0]])
    back, aside = min(size, length / 2) * along, 0.6 * min(size, length / 2) * across
    return "path", np.array([tail, tip, tip - back + aside, tip, tip - back - aside])
