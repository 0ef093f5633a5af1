"""The layers that show what drives which cell: own, driven and driving map, and the outlines of the cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_calcdyn.gui.dynamics.results import EXPLAINED, GAMMA
from napari_calcdyn.gui.layers.layers import (
    COUNTS_2,
    FIRST_LOOK,
    HEAT_OVERLAY,
    IN_COLOUR,
    OUT_COLOUR,
    RESULT,
    contrast,
    hide_result,
    move_layer,
    put_image,
    result_layer,
    spatial_metadata,
)
from napari_calcdyn.gui.neurons.roi_layers import ROI_ID

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.between import BetweenCells

DRIVEN, OWN, DRIVING = "Dynamics: driven", "Dynamics: own past", "Dynamics: driving"
OUTLINES = "Dynamics: outlines of cells"
ONE_CELL = "Dynamics: one cell"
LAYERS = (OWN, DRIVING, DRIVEN, OUTLINES)
_PLAIN, _PASSES, _DIMMED = (0.55, 0.6, 0.65, 1.0), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.35)


def show_between(session: Session) -> None:
    """Put what was found between cells over the movie, in place of what was found before.

    Parameters
    ----------
    session : Session
        Whose viewer shows it. Where no cells were found, layers of an earlier answer go.
    """
    viewer, layer, between = session.viewer, session.movie_layer, session.answers.between
    if viewer is None or layer is None or between is None:
        return
    from napari_calcdyn.jobs.between_rois import VISIBLE

    show_one(session, -1)  # it was of an earlier answer
    maps = between.found.maps
    if maps.own is None or maps.driven is None or maps.driving is None:
        for name in LAYERS:
            if (old := result_layer(viewer, name)) is not None:
                viewer.layers.remove(old)
        return
    new, top = result_layer(viewer, DRIVEN) is None, contrast(maps.explained)[1]
    images = {OWN: (maps.own, top)}
    for name, image in ((DRIVING, maps.driving), (DRIVEN, maps.driven)):
        images[name] = image, max(float(np.nanpercentile(image, 99.8)), VISIBLE * top)
    for name, (image, high) in images.items():  # the last is on top
        style = {"colormap": HEAT_OVERLAY, "gamma": GAMMA, "contrast_limits": (0.0, high)}
        put_image(viewer, name, image, layer, unit=COUNTS_2, **style, visible=name == DRIVEN)
    _put_outlines(viewer, between, layer)
    if new:
        viewer.layers.selection.active = result_layer(viewer, DRIVEN)
        hide_result(viewer, EXPLAINED)  # two maps in the same colours could not be told apart
    if session.roi_labels is not None:
        session.roi_labels.contour = 1  # filled, they cover the map; hidden, they could not be clicked
    mark(session)


def show_one(session: Session, position: int) -> None:
    """Map what the past of one cell explains, in place of the other maps; below 0, none.

    Parameters
    ----------
    session : Session
        With an answer.
    position : int
        Of the ROI.

    Raises
    ------
    InputError
        If the maps were read from a file that is gone.
    """
    from napari_calcdyn.jobs.between_rois import VISIBLE

    viewer, like, between = session.viewer, session.movie_layer, session.answers.between
    if viewer is None or like is None or between is None:
        return
    if position < 0:
        if (old := result_layer(viewer, ONE_CELL)) is not None:
            viewer.layers.remove(old)
            if (driven := result_layer(viewer, DRIVEN)) is not None:
                driven.visible = True
        return
    maps = between.found.maps
    high = VISIBLE * contrast(maps.explained)[1]  # the cell itself is brighter than all that it drives
    style = {"colormap": HEAT_OVERLAY, "gamma": GAMMA, "contrast_limits": (0.0, high)}
    layer = put_image(viewer, ONE_CELL, maps.sources[position], like, unit=COUNTS_2, **style)
    layer.visible = True
    for name in (
        DRIVEN,
        DRIVING,
        OWN,
        EXPLAINED,
        FIRST_LOOK,
    ):  # maps in the same colours could not be told apart
        hide_result(viewer, name)
    if (drawn := outlines(session)) is not None and viewer.layers.index(drawn) < viewer.layers.index(layer):
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(drawn))


def mark(session: Session, sources: Iterable[int] = (), targets: Iterable[int] = (), own: int = -1) -> None:
    """Colour the outlines: of some cells, or where there are none, of those with a connection into them.

    Parameters
    ----------
    session : Session
        With an answer.
    sources, targets : iterable of int
        Positions of ROIs that drive others, blue as the Inspector's arrows that come in, and of those that are driven,
        orange.
    own : int
        Position of one that was clicked; -1 where none was.
    """
    layer, between = outlines(session), session.answers.between
    if layer is None or between is None or between.found.fitted is None:
        return
    sources, targets = list(sources), list(targets)
    table = np.zeros((len(between.found.fitted.rois) + 1, 4), np.float32)  # the first is of the ground
    if sources or targets or own >= 0:
        table[1:] = _DIMMED
        for positions, colour in ((sources, IN_COLOUR), (targets, OUT_COLOUR)):
            table[1:][positions] = (*colour, 1.0)
        if own >= 0:
            table[1 + own] = _PASSES
    else:
        table[1:] = np.where(passes(between).any(axis=1, keepdims=True), _PASSES, _PLAIN)
    layer.colormap = CyclicLabelColormap(colors=table, background_value=0)


def passes(between: BetweenCells) -> NDArray[np.bool_]:
    """Say which connections (N, N), [target, source], pass the test."""
    from napari_calcdyn.jobs.between_rois import ALPHA

    influence = between.found.influence
    assert influence is not None
    assert influence.p_values is not None
    return np.asarray(influence.p_values <= ALPHA)  # NaN on the diagonal does not


def outlines(session: Session) -> Labels | None:
    """Return the layer of outlines; None where it was not made yet or removed."""
    layer = result_layer(session.viewer, OUTLINES)
    return layer if isinstance(layer, Labels) else None


def cell_at(session: Session, position: np.ndarray) -> int:
    """Return the position of the ROI that is at a place in the world; -1 beside all of them."""
    layer = outlines(session)
    if layer is None or not layer.visible:
        return -1
    row, column = np.rint(layer.world_to_data(position)[-2:]).astype(int)
    height, width = layer.data.shape
    return int(layer.data[row, column]) - 1 if 0 <= row < height and 0 <= column < width else -1


def _put_outlines(viewer: Viewer, between: BetweenCells, like: Layer) -> None:
    fitted = between.found.fitted
    assert fitted is not None
    labels, place = fitted.rois.labels, spatial_metadata(like, 2)
    layer = result_layer(viewer, OUTLINES)
    if layer is None:
        layer = viewer.add_labels(labels, name=OUTLINES, metadata={RESULT: OUTLINES}, opacity=1.0, **place)
        layer.contour = 1
    elif layer.data is not labels:
        layer.data = labels
    move_layer(layer, place)
    layer.editable = False
    layer.features = {
        "index": np.arange(len(fitted.rois) + 1),
        ROI_ID: np.array(["", *map(str, fitted.rois.ids)]),
    }
