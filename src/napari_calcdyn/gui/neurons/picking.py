"""Clicks and lassos in the viewer, on ROIs and on points of the map, whatever layer is active."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.layers import Labels, Shapes

from .latent_layer import ROI_ID

if TYPE_CHECKING:
    from napari.layers import Layer, Points
    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from psygnal import SignalInstance

    from napari_calcdyn.gui.session import Session

_STILL = 4.0  # a press that moves further than this many pixels of the screen is a drag
_REACH = 6.0  # pixels of the screen round a point within which a click hits it


class Selectable(Protocol):
    """What is picked from: ROIs and a map of points that share one selection."""

    @property
    def session(self) -> Session:
        """Whose ROIs and neurons they are."""

    @property
    def map_layer(self) -> Points | None:
        """The map, or None where there is none."""

    @property
    def clicked(self) -> SignalInstance:
        """Emitted with the id that was clicked, or None, and the place in the world."""

    def select(self, ids: Iterable[int], *, add: bool = False, at_event: bool = False) -> None:
        """Select neurons by the ids of their ROIs."""


def install_picking(viewer: Viewer, views: Selectable) -> None:
    """Let clicks in a viewer select neurons: on an ROI or a point, with Shift to add; Shift and drag for a lasso.

    The callback belongs to the viewer and holds the views weakly. Dragging without Shift, and all tools of the
    active layer, work as before.
    """
    reference = weakref.ref(views)

    def pick(_: Viewer, event: Any) -> Iterator[None] | None:
        live = reference()
        return None if live is None else _pick(live, event)

    viewer.mouse_drag_callbacks.append(pick)


def _pick(views: Selectable, event: Any) -> Iterator[None]:
    if event.button != 1 or len(event.dims_displayed) != 2 or {"Control", "Alt", "Meta"} & _keys(event):
        return
    viewer = views.session.viewer
    active = viewer.layers.selection.active if viewer is not None else None
    tool = "pan_zoom" if active is None else str(active.mode)
    # With napari's select tool the map answers by itself, the ROIs do not; and what was drawn is clicked with the
    # tools that choose a shape or a label.
    own_tool = (active is not None and active is views.map_layer and tool == "select") or (
        (isinstance(active, Shapes) and tool == "select") or (isinstance(active, Labels) and tool == "pick")
    )
    if tool != "pan_zoom" and not own_tool:
        return
    add = "Shift" in _keys(event)
    start, path = np.array(event.pos), [np.array(event.position)]
    dragged = False
    while event.type != "mouse_release":
        yield
        dragged = dragged or float(np.linalg.norm(np.array(event.pos) - start)) > _STILL
        if add and dragged and not own_tool:
            path.append(np.array(event.position))
            _draw(views.map_layer, path)
            event.handled = True
    if not dragged:
        reach = None if own_tool else _REACH / event.camera_zoom
        _click(views, path[0], reach, add=add)
    elif len(path) > 1:
        _draw(views.map_layer, [])
        _enclose(views, np.array(path)[:, -2:])


def _click(views: Selectable, position: NDArray[np.float64], reach: float | None, *, add: bool) -> None:
    """Select what is at a place in the world, points only within reach; nothing beside all ROIs and points."""
    point = None if reach is None else point_at(views, position, reach)
    roi = roi_at(views, position) if point is None else None
    if point is not None:
        views.select([point], add=add, at_event=True)
    elif roi is not None and roi >= 0:
        views.select([roi], add=add)
    elif not add and (roi is not None or (reach is not None and _among_points(views, position))):
        views.select([])
    if not add:
        hit = point if point is not None else roi if roi is not None and roi >= 0 else None
        views.clicked.emit(hit, position)


def point_at(views: Selectable, position: NDArray[np.float64], reach: float) -> int | None:
    """Return the neuron whose point is at a place in the world, or at least within reach; or None."""
    layer, session = views.map_layer, views.session
    if layer is None or not layer.visible or session.neurons.result is None:
        return None
    distance = np.linalg.norm(np.asarray(layer.data) - layer.world_to_data(position)[-2:], axis=1)
    nearest = int(distance.argmin())
    hit = distance[nearest] <= max(layer.size[nearest] / 2, reach / layer.scale[-1])
    return int(layer.features[ROI_ID].iloc[nearest]) if hit else None


def _among_points(views: Selectable, position: NDArray[np.float64]) -> bool:
    """Whether a place in the world is on the map, between its outermost points."""
    layer, session = views.map_layer, views.session
    if layer is None or not layer.visible or session.neurons.result is None:
        return False
    at, points = np.asarray(layer.world_to_data(position)[-2:]), np.asarray(layer.data)
    return bool(((at >= points.min(axis=0)) & (at <= points.max(axis=0))).all())


def roi_at(views: Selectable, position: NDArray[np.float64]) -> int | None:
    """Return the id of the ROI at a place in the world, -1 on the movie beside all ROIs, None elsewhere."""
    session, layer = views.session, views.session.roi_labels
    if layer is None or session.rois.loaded is None or not layer.visible:
        return None
    labels = session.rois.loaded.labels
    row, column = np.rint(layer.world_to_data(position)[-2:]).astype(int)
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
        return None
    place = int(labels[row, column]) - 1
    return int(session.rois.loaded.ids[place]) if place >= 0 else -1


def _enclose(views: Selectable, outline: NDArray[np.float64]) -> None:
    """Select the neurons whose points, or else whose ROIs' centres, lie in an outline in the world."""
    session, layer = views.session, views.map_layer
    if layer is not None and layer.visible and session.neurons.result is not None:
        found = np.asarray(layer.features[ROI_ID])[inside(in_world(layer, layer.data), outline)]
        if len(found):
            views.select(found.tolist(), at_event=True)
            return
    rois = session.roi_labels
    if rois is not None and rois.visible and session.rois.loaded is not None:
        centres = in_world(rois, session.rois.loaded.centres)
        views.select(session.rois.loaded.ids[inside(centres, outline)].tolist())


def in_world(layer: Layer, places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return places (N, 2) of a 2-D layer in the world, (N, 2)."""
    origin, down, right = (np.asarray(layer.data_to_world(at)) for at in ((0, 0), (1, 0), (0, 1)))
    moved: NDArray[np.float64] = origin + places @ np.stack([down - origin, right - origin])
    return moved


def inside(points: NDArray[np.floating], outline: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which points lie in a polygon, by counting the edges that a ray from each of them crosses.

    Parameters
    ----------
    points : ndarray of shape (N, 2)
        Places.
    outline : ndarray of shape (n, 2)
        Corners; the last is joined to the first.

    Returns
    -------
    ndarray of bool, shape (N,)
        True inside.
    """
    found = np.zeros(len(points), bool)
    y, x = points.T
    for (y0, x0), (y1, x1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        spans = (y0 > y) != (y1 > y)
        if y0 != y1:
            found ^= spans & (x < x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return found


def _draw(layer: Points | None, path: list[NDArray[np.float64]]) -> None:
    """Draw a lasso, or take it away where it is empty."""
    if layer is not None:
        # The line that napari draws its own selection box with: the one thing here that is not public.
        layer._highlight_box = np.array([layer.world_to_data(at)[-2:] for at in path]) if path else None
        layer.events.highlight()


def _keys(event: Any) -> set[str]:
    return {str(getattr(key, "name", key)) for key in event.modifiers}
