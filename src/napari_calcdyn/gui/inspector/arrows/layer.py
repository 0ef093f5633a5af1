"""The layers of the inspected region: what its sources contribute, and arrows to and from other ROIs.

A 2-D Surface layer holds all arrows as one mesh. With 60 new arrows it is on the screen after 16 ms; as polygons of
a Shapes layer they take 38 ms (2 cores, drawn by the processor), and can be moved by accident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Surface
from napari.utils.colormaps import Colormap

from napari_calcdyn.gui.dynamics.between.layers import DRIVEN
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.layers.layers import (
    COUNTS_2,
    FIRST_LOOK,
    HEAT_OVERLAY,
    IN_COLOUR,
    OUT_COLOUR,
    RESULT,
    contrast,
    hide_result,
    keeping_active,
    move_layer,
    put_image,
    result_layer,
    spatial_metadata,
)

from .mesh import INCOMING, NOTHING, OUTGOING, Mesh, arrow_mesh

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session

    from .roi_edges import RoiEdges

ARROWS = "Inspector: arrows"
SOURCES_OF_REGION = "Inspector: sources of the region"
_GAMMA = 0.5  # as of the explained map
_COLOURS = Colormap(
    [(*IN_COLOUR, 1.0), (*OUT_COLOUR, 1.0), (0.0, 0.0, 0.0, 0.75)],
    controls=[0.0, 0.25, 0.75, 1.0],
    interpolation="zero",
    name="calcdyn-arrows",
    display_name="blue in – orange out",
)
_NARROW, _WIDE = 0.002, 0.014  # widths of the weakest and the strongest arrow, of the picture's smaller side
_GAP = 0.6  # between an arrow and the centre of an ROI, of the ROI's width


def show_arrows(
    session: Session, centre: NDArray[np.floating], edges: NDArray[np.void], all_edges: RoiEdges
) -> Surface | None:
    """Draw the arrows of one ROI over the movie.

    Parameters
    ----------
    session : Session
        With a movie and ROIs.
    centre : ndarray (2,)
        Of the ROI, (y, x) in pixels.
    edges : structured ndarray
        `ROI_EDGE`; the weakest are drawn first.
    all_edges : RoiEdges
        That they are of: the session may have other ROIs already, and these are about to be hidden.

    Returns
    -------
    Surface or None
        The layer; None where there is no movie.
    """
    rois, movie = session.rois.loaded, session.recording.movie
    if rois is None or movie is None:
        return None
    edges = edges[::-1]
    others = all_edges.influence.centres[edges["row"]]
    here = np.broadcast_to(centre, others.shape)
    incoming = edges["incoming"][:, None]
    side = min(movie.frame_shape)
    strength = np.minimum(np.abs(edges["strength"]) / (all_edges.widest or 1.0), 1.0)
    mesh = arrow_mesh(
        np.where(incoming, others, here),
        np.where(incoming, here, others),
        side * (_NARROW + (_WIDE - _NARROW) * strength),
        np.where(edges["incoming"], INCOMING, OUTGOING),
        edges["strength"] < 0,
        _GAP * roi_width(rois.footprints),
    )
    return _put_mesh(session, mesh)


def hide_arrows(session: Session) -> None:
    """Empty the layer of arrows, where there is one."""
    if arrow_layer(session) is not None:
        _put_mesh(session, NOTHING)


def arrow_layer(session: Session) -> Surface | None:
    """Return the layer of arrows, or None where it was not made yet or removed."""
    layer = result_layer(session.viewer, ARROWS)
    return layer if isinstance(layer, Surface) else None


def show_sources(session: Session, image: NDArray[np.float32]) -> None:
    """Put the map of a region's sources over the movie; the first time, in place of that of all sources."""
    viewer, like = session.viewer, session.movie_layer
    if viewer is None or like is None:
        return
    new = result_layer(viewer, SOURCES_OF_REGION) is None
    style = {"colormap": HEAT_OVERLAY, "gamma": _GAMMA, "contrast_limits": contrast(image)}
    with keeping_active(viewer):
        put_image(viewer, SOURCES_OF_REGION, image, like, unit=COUNTS_2, **style)
    if new:
        _below(viewer, SOURCES_OF_REGION, ARROWS)
        for name in (EXPLAINED, DRIVEN, FIRST_LOOK):  # maps in the same colours could not be told apart
            hide_result(viewer, name)


def clear_sources(session: Session) -> None:
    """Empty the map of a region's sources, where there is one."""
    layer = result_layer(session.viewer, SOURCES_OF_REGION)
    if layer is not None:
        layer.data = np.zeros(layer.data.shape, np.float32)


def roi_width(footprints: Any) -> float:
    """Return the width of a typical ROI in pixels: of a square of as many pixels."""
    return float(np.sqrt(np.median(np.diff(footprints.indptr))))


def _put_mesh(session: Session, mesh: Mesh) -> Surface | None:
    viewer, like = session.viewer, session.movie_layer
    if viewer is None or like is None:
        return None
    data, place = (mesh.vertices, mesh.faces, mesh.values), spatial_metadata(like, 2)
    layer = arrow_layer(session)
    if layer is not None:
        layer.data = data
        move_layer(layer, place)
        return layer
    with keeping_active(viewer):
        viewer.add_surface(
            data,
            name=ARROWS,
            colormap=_COLOURS,
            contrast_limits=(0, 1),
            shading="none",
            blending="translucent_no_depth",
            metadata={RESULT: ARROWS},
            **place,
        )
    return arrow_layer(session)


def _below(viewer: Viewer, name: str, other: str) -> None:
    lower, upper = result_layer(viewer, name), result_layer(viewer, other)
    if lower is not None and upper is not None:
        at, wanted = viewer.layers.index(lower), viewer.layers.index(upper)
        if at > wanted:
            viewer.layers.move(at, wanted)
