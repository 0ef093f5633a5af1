"""The picture of a layer as a figure for a paper: in its colours, with scale bar, colour bar and unit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.layers.layers import UNIT
from napari_calcdyn.recording import InputError

from .pieces import DPI, colour_bar, colours_of, norm_of, pixel_size, save_figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTH = 5.0  # inches


def write_figure(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write what an image layer shows as SVG or PDF, with scale bar, colour bar and unit.

    Colours, contrast and gamma are those of the layer, over black, as the window shows it alone. Text stays text.

    Parameters
    ----------
    path : str
        Where to, ``.svg`` or ``.pdf``; a file of that name is replaced.
    data : array_like of shape (…, Y, X)
        May be lazy. Of more than one picture, the one that the viewer shows is written.
    meta : dict
        Of the layer, as napari hands it over.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    InputError
        If the layer is in colours, nothing of it is shown, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    from napari_calcdyn.jobs.overviews.map_panel import set_scale

    file, name = Path(path), str(meta.get("name", Path(path).stem))
    if meta.get("rgb"):
        raise InputError(f"The layer {name} has no values to show with a colour bar: choose a map.")
    image = _picture(data[0] if meta.get("multiscale") else data, name)
    height, width = image.shape
    size = pixel_size(meta.get("units"), meta.get("scale"))
    shape = height * size[0] / (width * size[1]) if size else height / width
    figure = Figure(figsize=(_WIDTH, 0.4 + 0.78 * _WIDTH * shape), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("black")
    limits = meta.get("contrast_limits") or (np.nanmin(image), np.nanmax(image))
    norm = norm_of(limits, meta.get("gamma", 1.0))
    shown = axes.imshow(image, cmap=colours_of(meta.get("colormap")), norm=norm, interpolation="none")
    set_scale(axes, image.shape, size)
    colour_bar(figure, axes, shown, (meta.get("metadata") or {}).get(UNIT) or "grey value")
    axes.set_title(name, fontsize=10)
    save_figure(figure, file, name)
    return [path]


def _picture(data: Any, name: str) -> NDArray[Any]:
    """Return the one picture that is shown of a layer."""
    if len(data.shape) == 2:
        return np.asarray(data)
    import napari

    viewer = napari.current_viewer()
    if viewer is None or name not in viewer.layers:
        raise InputError(f"The layer {name} holds more than one picture: show one of them in a viewer.")
    layer = viewer.layers[name]
    first = np.asarray(layer.world_to_data(viewer.dims.point))[-len(data.shape) : -2].round().astype(int)
    index = tuple(first.clip(0, np.array(data.shape[:-2]) - 1).tolist())
    return np.asarray(data[index])
