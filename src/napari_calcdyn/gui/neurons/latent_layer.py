"""The layer “latent t-SNE”: one point for every neuron, in a map beside the movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.layers.layers import RESULT, keeping_active, result_layer

if TYPE_CHECKING:
    from napari.layers import Layer, Points
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.neurons.neurons import Neurons

LATENT_MAP = "Neurons: latent t-SNE"
ROI_ID = "roi_id"  # the column of the layer's features that says which neuron a point is
ALONE = 512.0  # height of a map without a movie, in world units
_MARGIN = 0.06  # of the map's height, between the outermost points and its edge, and between movie and map
_BORDER = 0.16  # width of a point's outline or ring, of its diameter
_LARGER = 1.6  # points with a ring, which leaves room for the colour
_OUTLINE = (0.15, 0.15, 0.15)  # that points are told apart where they lie on each other
_DIMMED = 0.4  # opacity of the other points, through which a ring that lies below can be seen


def put_latent_map(
    viewer: Viewer, neurons: Neurons, columns: dict[str, Any], layer: Points | None, like: Layer | None
) -> Points:
    """Add the map, or give the layer of an earlier analysis its new points.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put it.
    neurons : Neurons
        Those without a place in the map, as their trace could not be used, get no point.
    columns : dict of str to ndarray of shape (N,)
        What becomes the layer's features.
    layer : Points or None
        The layer that shows a map already, under whatever name.
    like : napari layer or None
        The movie's or the ROIs' layer, beside which the map lies.

    Returns
    -------
    Points
        The layer; its features have the neurons' ids.
    """
    placed = np.isfinite(neurons.tsne).all(axis=1)
    points = map_points(neurons)
    features = {ROI_ID: neurons.ids[placed], **{name: values[placed] for name, values in columns.items()}}
    if layer is None:
        layer = result_layer(viewer, LATENT_MAP)
    if layer is None:
        with keeping_active(viewer):
            layer = viewer.add_points(
                points,
                name=LATENT_MAP,
                metadata={RESULT: LATENT_MAP},
                blending="translucent_no_depth",
                canvas_size_limits=(4, 60),
                size=point_size(points),
                border_width=_BORDER,
                **_place(points, like),
            )
    else:
        layer.selected_data = set()
        layer.data = points
        place_map(layer, like)
    layer.features = features
    return layer


def map_points(neurons: Neurons) -> NDArray[np.float32]:
    """Return the points of the map, (M, 2) as (y, x): the first t-SNE axis to the right, the second one up."""
    placed = neurons.tsne[np.isfinite(neurons.tsne).all(axis=1)]
    return np.stack([-placed[:, 1], placed[:, 0]], axis=1)


def point_size(points: NDArray[np.floating]) -> float:
    """Return a diameter for the points: less where there are more of them, always to be seen and hit."""
    return _span(points) * float(np.clip(0.7 / np.sqrt(max(len(points), 1)), 0.011, 0.03))


def place_map(layer: Points, like: Layer | None) -> None:
    """Put the map at the right side of another layer, as high as that one."""
    place = _place(np.asarray(layer.data), like)
    layer.scale, layer.translate = place["scale"], place["translate"]
    if like is not None:
        layer.units = place["units"]


def paint_map(
    layer: Points, colours: NDArray[np.float32], chosen: NDArray[np.bool_], ring: tuple[float, ...]
) -> None:
    """Colour the points, ring the chosen ones, and dim the others while there are any.

    Parameters
    ----------
    layer : Points
        The map.
    colours : ndarray (M, 3), float32
        Of the points, red, green and blue from 0 to 1.
    chosen : ndarray (M,), bool
        Which points to ring.
    ring : tuple of float
        Colour of the ring, from 0 to 1.
    """
    opacity = np.where(chosen | (not chosen.any()), 1.0, _DIMMED).astype(np.float32)[:, None]
    border = np.where(chosen[:, None], np.array(ring), np.array(_OUTLINE))
    plain = point_size(np.asarray(layer.data))
    layer.face_color = np.concatenate([colours, opacity], axis=1)
    layer.border_color = np.concatenate([border, opacity], axis=1)
    layer.size = np.where(chosen, _LARGER * plain, plain)


def _span(points: NDArray[np.floating]) -> float:
    return float(np.ptp(points, axis=0).max()) or 1.0


def _place(points: NDArray[np.floating], like: Layer | None) -> dict[str, Any]:
    """Return the keyword arguments that put points beside a layer; at the origin where there is none."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    top, left, height = 0.0, 0.0, ALONE
    more = {}
    if like is not None:
        corners = like.extent.world[:, -2:]  # centres of the outermost pixels
        (top, _), (bottom, right) = corners + [[-0.5], [0.5]] * np.abs(like.scale[-2:])
        height = bottom - top
        left = right + _MARGIN * height
        more = {"units": like.units[-2:], "axis_labels": like.axis_labels[-2:]}
    scale = height * (1 - 2 * _MARGIN) / _span(points)
    return {"scale": (scale, scale), "translate": np.array([top, left]) + height / 2 - scale * middle, **more}
