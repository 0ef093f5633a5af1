"""ROIs that were drawn in the viewer: from Labels and Shapes layers, wherever they lie, to the movie's pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes

from napari_calcdyn.gui.layers.layers import is_result
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback, report

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import RoiSet

_ROUND = 64  # corners of the polygon that stands for an ellipse


def drawn_layers(session: Session) -> list[Labels | Shapes]:
    """Return the viewer's Labels and Shapes layers that are not results of ours."""
    viewer = session.viewer
    layers = viewer.layers if viewer is not None else []
    return [it for it in layers if isinstance(it, Labels | Shapes) and not is_result(it)]


def rois_from_layer(
    layer: Labels | Shapes,
    like: Layer | None,
    frame_shape: tuple[int, int] | None,
    progress: ProgressCallback | None = None,
) -> RoiSet:
    """Turn what was drawn into ROIs.

    Parameters
    ----------
    layer : napari Labels or Shapes layer
        Drawn in any place, scale and rotation. Time is ignored: an ROI drawn on one frame is one of all frames.
    like : napari layer, optional
        The movie's; None where there is no movie, which only Labels can do without.
    frame_shape : tuple of int, optional
        Height and width of the movie, in pixels.
    progress : callable, optional
        See `ProgressCallback`.

    Returns
    -------
    RoiSet
        Label numbers become ids; shapes are numbered from 1, in the order they were drawn in.

    Raises
    ------
    InputError
        If nothing is drawn, an ROI lies outside the movie, or there is no movie to measure shapes by.
    """
    from napari_calcdyn.recording import RoiSet

    if isinstance(layer, Labels):
        return RoiSet.from_labels(_labels(layer, like, frame_shape, progress), name=layer.name)
    if like is None or frame_shape is None:
        raise InputError(
            f"“{layer.name}” has shapes without a movie: open the movie that they belong to first."
        )
    return RoiSet.from_polygons(_polygons(layer, like), frame_shape, name=layer.name)


def _labels(
    layer: Labels, like: Layer | None, frame_shape: tuple[int, int] | None, progress: ProgressCallback | None
) -> NDArray[Any]:
    """Return the label of every pixel of the movie, 0 where there is none."""
    flat = _over_time(layer.data[0] if layer.multiscale else layer.data, progress)
    if like is None or frame_shape is None:
        return flat
    to_layer = plane_affine(like, layer)
    if flat.shape == frame_shape and np.allclose(to_layer, np.eye(2, 3), atol=1e-6):
        return flat
    y, x = np.mgrid[: frame_shape[0], : frame_shape[1]]
    at = np.rint(np.tensordot(to_layer[:, :2], np.stack([y, x]), 1) + to_layer[:, 2, None, None])
    inside = ((at >= 0) & (at < np.array(flat.shape)[:, None, None])).all(axis=0)
    row, column = np.where(inside, at, 0).astype(np.intp)
    moved = np.where(inside, flat[row, column], 0)
    lost = np.setdiff1d(flat, moved)
    if len(lost):
        raise InputError(
            f"Label {lost[0]} of {layer.name} covers no pixel of the movie: erase it, or move the layer over the "
            "movie."
        )
    return moved


def _over_time(data: Any, progress: ProgressCallback | None) -> NDArray[Any]:
    """Return labels (…, Y, X) as (Y, X): where they differ in time, the largest."""
    if data.ndim == 2:
        return np.asarray(data)
    frames = data.reshape(-1, *data.shape[-2:])
    flat = np.asarray(frames[0])
    for done, frame in enumerate(frames, 1):
        flat = np.maximum(flat, np.asarray(frame))
        report(progress, done, len(frames))
    return flat


def _polygons(layer: Shapes, like: Layer) -> list[NDArray[np.float64]]:
    """Return the outlines of the closed shapes in the movie's pixels, each (corners, 2)."""
    kinds = zip(layer.data, layer.shape_type, strict=True)
    return [outline for it in kinds if (outline := shape_outline(layer, *it, like)) is not None]


def shape_outline(
    layer: Shapes, corners: NDArray[np.floating], kind: str, like: Layer
) -> NDArray[np.float64] | None:
    """Return the outline of one shape in the pixels of another layer.

    Parameters
    ----------
    layer : napari Shapes layer
        Where it is drawn.
    corners : ndarray (n, D)
        As in ``layer.data``; time is ignored.
    kind : str
        As in ``layer.shape_type``.
    like : napari layer
        The movie's.

    Returns
    -------
    ndarray (corners, 2), float64, or None
        y and x; None of a line, which encloses nothing.
    """
    if kind in ("path", "line"):
        return None
    outline = np.asarray(corners, float)[:, -2:]
    if kind == "ellipse":  # kept as the rectangle round it, which may be turned
        angle = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)[:, None]
        across, down = (outline[1] - outline[0]) / 2, (outline[3] - outline[0]) / 2
        outline = outline.mean(axis=0) + np.cos(angle) * across + np.sin(angle) * down
    to_movie = plane_affine(layer, like)
    return np.asarray(outline @ to_movie[:, :2].T + to_movie[:, 2])


def plane_affine(source: Layer, target: Layer) -> NDArray[np.float64]:
    """Return how pixels of one layer become pixels of another, in the last two axes, y and x.

    Parameters
    ----------
    source, target : napari layer
        Both where they lie in the viewer.

    Returns
    -------
    ndarray of shape (2, 3), float64
        Columns: what a step in y and one in x become, and where the origin goes.
    """

    def moved(y: float, x: float) -> NDArray[np.float64]:
        world = source.data_to_world([*[0.0] * (source.ndim - 2), y, x])
        return np.asarray(target.world_to_data(world), float)[-2:]

    origin = moved(0, 0)
    return np.stack([moved(1, 0) - origin, moved(0, 1) - origin, origin], axis=1)
