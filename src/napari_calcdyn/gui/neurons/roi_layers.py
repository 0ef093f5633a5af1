"""The layer “ROIs” or “cells found”: where the ROIs lie on the movie."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

from napari_calcdyn.gui.layers.layers import RESULT, spatial_metadata

from .roi_colours import GREY

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import RoiSet

ROIS, CELLS_FOUND = "Neurons: ROIs", "Neurons: cells found"  # names of the layer
ROI_ID = "roi_id"  # the column of the layer's features; shown in the status bar under the pointer
_OPACITY = 0.7
# Opacity of an ROI: with nothing selected, a movie shows through; then of those that are selected and the others.
_PLAIN, _SELECTED, _DIMMED = 0.6, 1.0, 0.2


def show_rois(session: Session) -> Labels | None:
    """Put the session's ROIs over the movie, or into the layer that shows them already.

    A pixel of the layer is the ROI's position in the session's `RoiSet` plus one, 0 outside of all; the layer's
    features have the ids. A layer that was renamed stays; one that was removed is made again.

    Parameters
    ----------
    session : Session
        Whose viewer shows them; the movie's layer, where there is one with frames of that size, says where.

    Returns
    -------
    Labels or None
        The layer; None where there are no ROIs.
    """
    viewer, rois = session.viewer, session.rois.loaded
    if viewer is None or rois is None:
        return None
    place = _place(session, rois)
    layer, name = session.roi_labels, CELLS_FOUND if session.rois.found else ROIS
    if layer is None:
        layer = viewer.add_labels(rois.labels, name=name, metadata={RESULT: name}, opacity=_OPACITY, **place)
    elif layer.data is not rois.labels:
        layer.data = rois.labels
        if layer.name in (ROIS, CELLS_FOUND):
            layer.name = name
    if place:
        layer.scale, layer.translate, layer.units = place["scale"], place["translate"], place["units"]
    layer.editable = False  # a brush would change the picture of the ROIs, which the rings of neuropil avoid
    layer.features = {"index": np.arange(len(rois) + 1), ROI_ID: np.array(["", *map(str, rois.ids)])}
    if session.roi_labels is not layer:
        session.rois.layer = weakref.ref(layer)
    return layer


def paint_rois(
    layer: Labels, colours: NDArray[np.float32], chosen: NDArray[np.bool_], *, over_movie: bool
) -> None:
    """Give the ROIs their colours (N, 3), from 0 to 1, and dim those that are not chosen (N,) while any is."""
    table = np.zeros((len(colours) + 1, 4), np.float32)  # the first is of the ground
    table[1:, :3] = colours
    grey = (table[1:, :3] == np.array(GREY, np.float32)).all(axis=1)
    table[1:, :3][chosen & grey & over_movie] = 1.0  # grey is not seen among the dimmed ones on a grey movie
    plain = _PLAIN if over_movie else _SELECTED
    table[1:, 3] = np.where(chosen, _SELECTED, _DIMMED if chosen.any() else plain)
    # A pixel is position + 1, so that this looks each ROI's colour up; a tenth of the time of a colormap
    # that is made of a dict.
    layer.colormap = CyclicLabelColormap(colors=table, background_value=0)


def raise_rois(session: Session) -> None:
    """Lift the ROIs over the movie where it covers them, as one that was opened later does."""
    viewer, layer, movie = session.viewer, session.roi_labels, session.movie_layer
    if viewer is None or layer is None or movie is None:
        return
    below, above = viewer.layers.index(layer), viewer.layers.index(movie)
    if below < above:
        viewer.layers.move(below, above + 1)


def _place(session: Session, rois: RoiSet) -> dict[str, Any]:
    movie, layer = session.recording.movie, session.movie_layer
    if movie is None or layer is None or movie.frame_shape != rois.frame_shape:
        return {}
    return spatial_metadata(layer, 2)
