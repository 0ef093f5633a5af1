"""Putting results into the viewer: in the movie's place, on top of it, and each in place of the one before.

The name of a result begins with the panel that made it, and is also noted in the metadata of its layer: so the layer is
found again whatever the user calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap

if TYPE_CHECKING:
    from napari.layers import Image, Layer
    from napari.viewer import Viewer

FIRST_LOOK = "Recording: first look"
"""A map that needs no model, shown until there is a better one."""

RESULT = "napari-calcdyn"  # the metadata key that marks a layer as one of ours: its value is the name of the result
GIVEN = "napari-calcdyn contrast"  # that of the contrast limits that we gave it
UNIT = "napari-calcdyn unit"  # and that of the unit of its values
COUNTS, COUNTS_2 = "counts", "counts²"

IN_COLOUR, OUT_COLOUR = (0.35, 0.72, 1.0), (1.0, 0.62, 0.2)
"""Of what comes in and what goes out: blue and orange, told apart by colour-blind readers."""

DIVERGING = Colormap(
    [[0.35, 0.75, 1.0], [0.0, 0.35, 0.6], [0.0, 0.0, 0.0], [0.75, 0.3, 0.0], [1.0, 0.7, 0.25]],
    name="calcdyn-blue-black-orange",
    display_name="blue – black – orange",
)
"""For a movie around zero that is looked at by itself."""

DIVERGING_OVERLAY = Colormap(
    [
        [0.45, 0.8, 1.0, 1.0],
        [0.1, 0.55, 0.9, 0.8],
        [0.5, 0.5, 0.5, 0.0],
        [0.9, 0.4, 0.0, 0.8],
        [1.0, 0.75, 0.3, 1.0],
    ],
    name="calcdyn-blue-clear-orange",
    display_name="blue – clear – orange",
)
"""The same over another picture: zero is transparent, and what is below does not change the other colours."""

HEAT_OVERLAY = Colormap(
    [
        [0.35, 0.0, 0.45, 0.0],
        [0.75, 0.1, 0.45, 0.4],
        [0.95, 0.4, 0.15, 0.9],
        [1.0, 0.75, 0.1, 1.0],
        [1.0, 1.0, 0.7, 1.0],
    ],
    name="calcdyn-clear-to-yellow",
    display_name="clear – red – yellow",
)
"""For maps from zero up, over another picture: zero is transparent."""


def spatial_metadata(like: Layer, ndim: int) -> dict[str, Any]:
    """Return the keyword arguments that put a new layer where another one is.

    Parameters
    ----------
    like : napari layer
        Layer to copy scale, translation, units and the names of the axes from.
    ndim : int
        Dimensions of the new layer; it takes the last ones of `like`. One that `like` does not have comes first
        and counts sources.
    """
    more = ndim - like.ndim
    return {
        "scale": np.asarray([*[1.0] * more, *like.scale])[-ndim:],
        "translate": np.asarray([*[0.0] * more, *like.translate])[-ndim:],
        "units": (*["pixel"] * more, *like.units)[-ndim:],
        "axis_labels": (*["source"] * more, *like.axis_labels)[-ndim:],
    }


def is_result(layer: Layer) -> bool:
    """Whether a layer is one of ours."""
    return RESULT in layer.metadata


def result_layer(viewer: Viewer | None, name: str) -> Any:
    """Return the layer of a result, whatever the user calls it; None where there is none, or no viewer.

    A duplicate, which napari puts above, stays the user's.
    """
    ours = [it for it in viewer.layers if it.metadata.get(RESULT) == name] if viewer is not None else []
    return next((it for it in ours if it.name == name), ours[0] if ours else None)


def results_of(viewer: Viewer | None, topic: str) -> list[Layer]:
    """Return all layers that a panel has made, from the lowest to the highest."""
    begins = f"{topic.capitalize()}: "
    layers = viewer.layers if viewer is not None else []
    return [it for it in layers if str(it.metadata.get(RESULT, "")).startswith(begins)]


def marks_of(viewer: Viewer, layer: Layer) -> dict[str, Any]:
    """Return what we have noted in the metadata of a layer, as JSON can hold it; a duplicate is of no panel."""
    marks = {it: layer.metadata[it] for it in (RESULT, GIVEN, UNIT) if it in layer.metadata}
    if GIVEN in marks:
        marks[GIVEN] = [float(it) for it in marks[GIVEN]]
    if marks.get(RESULT) and result_layer(viewer, marks[RESULT]) is not layer:
        marks[RESULT] = ""
    return marks


def hide_result(viewer: Viewer, name: str) -> None:
    """Hide our layer of a name, where there is one."""
    layer = result_layer(viewer, name)
    if layer is not None:
        layer.visible = False


@contextmanager
def keeping_active(viewer: Viewer) -> Iterator[None]:
    """Leave that layer active which the user works with, where another one is added meanwhile."""
    active, count = viewer.layers.selection.active, len(viewer.layers)
    yield
    if len(viewer.layers) > count and active is not None:
        viewer.layers.selection.active = active


def put_image(
    viewer: Viewer,
    name: str,
    data: Any,
    like: Layer,
    *,
    unit: str = "",
    keep_contrast: bool = False,
    **options: Any,
) -> Image:
    """Add an image layer, or give the one of an earlier run its new data.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to put it.
    name : str
        Layer name; stable from run to run.
    data : array-like
        (Y, X), (n, Y, X) or (sources, n, Y, X); may be lazy.
    like : napari layer
        The movie's layer, whose place in space the new layer takes.
    unit : str
        Of the values of a map, as a figure says it.
    keep_contrast : bool
        Whether a layer that exists keeps its contrast limits, so that old and new data can be compared by eye.
    **options
        Passed to `add_image` for a new layer. Of a layer that exists, only the data and the place in space are
        renewed, and the contrast limits where they are those of the run before: what the user changed by hand stays.
    """
    place = spatial_metadata(like, data.ndim)
    layer: Image | None = result_layer(viewer, name)
    if layer is not None and layer.ndim == data.ndim:
        layer.data = data
        move_layer(layer, place)
        if "contrast_limits" in options and not keep_contrast:
            _renew_contrast(layer, options["contrast_limits"])
        return layer
    metadata = {RESULT: name, UNIT: unit} | (
        {GIVEN: options["contrast_limits"]} if "contrast_limits" in options else {}
    )
    options = {"blending": "translucent_no_depth", **place, **options}
    return viewer.add_image(data, name=name, metadata=metadata, **options)


def _renew_contrast(layer: Image, limits: tuple[float, float]) -> None:
    """Give a layer the contrast of its new data, unless the user has changed that of the old ones."""
    shown = tuple(layer.contrast_limits)
    if GIVEN in layer.metadata and not np.allclose(shown, layer.metadata[GIVEN]):
        layer.contrast_limits_range = (min(limits[0], shown[0]), max(limits[1], shown[1]))
        layer.contrast_limits = shown
    else:
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
    layer.metadata[GIVEN] = limits


def move_layer(layer: Layer, place: dict[str, Any]) -> None:
    """Put a layer where `spatial_metadata` says, unless it is there: each change has napari lay out the scene."""
    if not (
        np.array_equal(layer.scale, place["scale"]) and np.array_equal(layer.translate, place["translate"])
    ):
        layer.scale, layer.translate = place["scale"], place["translate"]
    if tuple(map(str, layer.units)) != tuple(map(str, place["units"])):
        layer.units = place["units"]


def contrast(image: np.ndarray, low: float = 0.0, percentile: float = 99.8) -> tuple[float, float]:
    """Return contrast limits from `low` to a percentile of an image that may have NaN, never an empty range."""
    known = image[np.isfinite(image)]
    high = float(np.percentile(known, percentile)) if known.size else low
    return (low, high) if high > low else (low, low + 1.0)


def symmetric_contrast(image: np.ndarray, percentile: float = 99.8) -> tuple[float, float]:
    """Return contrast limits centred on 0 that hold a percentile of an image's magnitudes."""
    high = contrast(np.abs(image), 0.0, percentile)[1]
    return -high, high
