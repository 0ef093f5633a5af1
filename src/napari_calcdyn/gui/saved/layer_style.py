"""How a layer looks, as plain values, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import Colormap

if TYPE_CHECKING:
    from napari.layers import Layer

_PLAIN = ("name", "visible", "opacity", "blending", "gamma", "interpolation2d", "contour", "shading")
_NUMBERS = ("scale", "translate", "contrast_limits_range", "contrast_limits")  # in the order of setting


def style_of(layer: Layer) -> dict[str, Any]:
    """Return how a layer looks, as JSON can hold it."""
    style = {name: _plain(getattr(layer, name)) for name in _PLAIN if hasattr(layer, name)}
    for name in _NUMBERS:
        if hasattr(layer, name):
            style[name] = [float(it) for it in getattr(layer, name)]
    style["units"] = [str(it) for it in layer.units]
    if "contrast_limits" in style and not isinstance(layer, Labels):  # whose colours others paint
        colormap = layer.colormap
        style["colormap"] = {
            "name": str(colormap.name),
            "colors": np.asarray(colormap.colors, float).tolist(),
            "controls": np.asarray(colormap.controls, float).tolist(),
            "interpolation": str(getattr(colormap.interpolation, "value", colormap.interpolation)),
        }
    return style


def apply_style(layer: Layer, style: dict[str, Any]) -> None:
    """Give a layer the looks that `style_of` returned."""
    for name in _NUMBERS:
        if name in style and len(style[name]) == len(getattr(layer, name)):
            value = tuple(float(it) for it in style[name])
            if not np.array_equal(value, getattr(layer, name)):
                setattr(layer, name, value)
    units = tuple(str(it) for it in style.get("units", ()))
    if len(units) == layer.ndim and units != tuple(map(str, layer.units)):
        layer.units = units
    if "colormap" in style and hasattr(layer, "contrast_limits") and not isinstance(layer, Labels):
        wanted = Colormap(**style["colormap"])
        if not np.array_equal(np.asarray(wanted.colors), np.asarray(layer.colormap.colors)):
            layer.colormap = wanted
    for name in _PLAIN:
        if name in style and hasattr(layer, name) and _plain(getattr(layer, name)) != style[name]:
            setattr(layer, name, style[name])


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, str)):
        return str(getattr(value, "value", value)) if isinstance(value, str) else value
    return float(value) if isinstance(value, (float, np.number)) else str(getattr(value, "value", value))
