"""What is in a layer, as arrays and plain values, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Points, Shapes, Surface, Vectors

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

MOST_BYTES = 2**29
"""Of a layer whose content is kept; larger ones are recordings."""

Content = tuple[dict[str, "NDArray[Any]"], dict[str, Any], tuple[Any, ...]]
"""Arrays, values, and what tells whether they changed."""


def content_of(layer: Layer) -> Content | None:
    """Return what is in a layer; None where it is read from elsewhere when it is looked at, or is of another kind."""
    if isinstance(layer, Image):
        data = layer.data
        if type(data) is not np.ndarray or data.nbytes > MOST_BYTES or layer.multiscale:
            return None
        return {"data": data}, {"rgb": bool(layer.rgb)}, (data,)
    if isinstance(layer, Surface):
        vertices, faces, values = layer.data[:3]
        arrays = {"vertices": np.asarray(vertices), "faces": np.asarray(faces), "values": np.asarray(values)}
        return arrays, {}, (vertices, faces, values)
    if isinstance(layer, Labels):
        if type(layer.data) is not np.ndarray or layer.data.nbytes > MOST_BYTES:
            return None
        drawn, values = {"data": layer.data}, {}
    elif isinstance(layer, Points):
        names = ("data", "size", "face_color", "border_color")
        drawn = {name: np.asarray(getattr(layer, name)) for name in names}
        drawn["symbol"] = np.array([str(getattr(it, "value", it)) for it in layer.symbol], "U16")
        values = {"ndim": int(layer.ndim)}
    elif isinstance(layer, Shapes):
        drawn = {f"shape.{number}": np.asarray(it, float) for number, it in enumerate(layer.data)}
        drawn |= {name: np.asarray(getattr(layer, name)) for name in ("face_color", "edge_color")}
        drawn["edge_width"] = np.asarray(layer.edge_width, float)
        values = {"kinds": [str(it) for it in layer.shape_type], "ndim": int(layer.ndim)}
    elif isinstance(layer, Vectors):
        drawn, values = {"data": np.asarray(layer.data)}, {}
    else:
        return None
    # Drawn by hand, in the same arrays: they are copied, and told apart by what is in them.
    drawn = {name: it.copy() for name, it in drawn.items()}
    digest = hashlib.blake2b(digest_size=16)
    for name, it in drawn.items():
        digest.update(f"{name} {it.dtype} {it.shape}".encode())
        digest.update(np.ascontiguousarray(it).tobytes())
    return drawn, values, (digest.hexdigest(),)


def add_layer(
    viewer: Viewer,
    kind: str,
    arrays: Mapping[str, NDArray[Any]],
    values: Mapping[str, Any],
    metadata: dict[str, Any],
) -> Layer:
    """Add a layer with the content that `content_of` returned."""
    if kind == "image":
        return viewer.add_image(arrays["data"], rgb=bool(values.get("rgb")), metadata=metadata)
    if kind == "labels":
        return viewer.add_labels(arrays["data"], metadata=metadata)
    if kind == "surface":
        return viewer.add_surface(
            tuple(arrays[it] for it in ("vertices", "faces", "values")), metadata=metadata
        )
    if kind == "vectors":
        return viewer.add_vectors(arrays["data"], metadata=metadata)
    if kind == "points":
        more = {name: arrays[name] for name in ("size", "face_color", "border_color", "symbol")}
        if not len(arrays["data"]):
            more = {}
        return viewer.add_points(arrays["data"], ndim=int(values["ndim"]), metadata=metadata, **more)
    if kind == "shapes":
        shapes = [arrays[f"shape.{number}"] for number in range(len(values["kinds"]))]
        layer = viewer.add_shapes(ndim=int(values["ndim"]), metadata=metadata)
        if shapes:
            looks = {name: arrays[name] for name in ("face_color", "edge_color")}
            width = [float(it) for it in arrays["edge_width"]]
            layer.add(shapes, shape_type=[str(it) for it in values["kinds"]], edge_width=width, **looks)
        return layer
    raise ValueError(kind)
