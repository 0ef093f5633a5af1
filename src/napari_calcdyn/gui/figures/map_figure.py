"""The picture of a layer as a figure for a paper: in its colours, with scale bar, colour bar and unit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.gui.compare.runs import DIFFERENCE
from napari_calcdyn.gui.dynamics.between.layers import DRIVEN, DRIVING, OWN
from napari_calcdyn.gui.dynamics.results import (
    CONTRIBUTION_MOVIE,
    EXPLAINED,
    ONE_CONNECTION,
    RECONSTRUCTION,
    SOURCES,
)
from napari_calcdyn.gui.layers.layers import FIRST_LOOK
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

_UNITS = {
    EXPLAINED: "counts²",
    SOURCES: "counts²",
    **dict.fromkeys((OWN, DRIVEN, DRIVING), "counts²"),
    ONE_CONNECTION: "counts²",
    DIFFERENCE: "counts",
    CONTRIBUTION_MOVIE: "counts",
    RECONSTRUCTION: "counts",
    FIRST_LOOK: "counts",
}
_MICROMETRES = ("um", "µm", "micrometer", "micron")
_WIDTH = 5.0  # inches
_DPI = 300


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
    from matplotlib import rc_context
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    from napari_calcdyn.jobs.overviews.map_panel import set_scale

    file, name = Path(path), str(meta.get("name", Path(path).stem))
    if meta.get("rgb"):
        raise InputError(f"The layer {name} has no values to show with a colour bar: choose a map.")
    image = _picture(data[0] if meta.get("multiscale") else data, name)
    height, width = image.shape
    size = _pixel_size(meta)
    shape = height * size[0] / (width * size[1]) if size else height / width
    figure = Figure(figsize=(_WIDTH, 0.4 + 0.78 * _WIDTH * shape), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("black")
    low, high = map(float, meta.get("contrast_limits") or (np.nanmin(image), np.nanmax(image)))
    norm = PowerNorm(float(meta.get("gamma", 1.0)), low, max(high, low + 1e-12), clip=True)
    shown = axes.imshow(image, cmap=_colours(meta.get("colormap")), norm=norm, interpolation="none")
    set_scale(axes, image.shape, size)
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, label=_UNITS.get(name, "grey value"))
    bar.ax.set_facecolor("black")
    if bar.solids is not None:
        bar.solids.set_rasterized(True)  # seams would show between its steps
    axes.set_title(name, fontsize=10)
    with (
        writing(file.parent),
        replacing(file) as beside,
        rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}),
    ):
        figure.savefig(beside, metadata={"Title": name, "Creator": "napari-calcdyn"})
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


def _pixel_size(meta: dict[str, Any]) -> tuple[float, float] | None:
    """Return height and width of a pixel in µm, None where they are not known."""
    units, scale = meta.get("units"), meta.get("scale")
    if units is None or scale is None or str(units[-1]) not in _MICROMETRES:
        return None
    height, width = (float(it) for it in np.asarray(scale)[-2:])
    return height, width


def _colours(colormap: Any) -> Colormap:
    """Return a colour map of napari, or the dictionary that it becomes, for matplotlib."""
    from matplotlib.colors import LinearSegmentedColormap
    from napari.utils.colormaps import Colormap as Napari
    from napari.utils.colormaps import ensure_colormap

    if isinstance(colormap, dict):
        colormap = Napari(**{key: colormap[key] for key in ("colors", "controls", "name") if key in colormap})
    found = ensure_colormap(colormap if colormap is not None else "gray")
    colours = np.asarray(found.map(np.linspace(0, 1, 256)), float)
    solid = colours[:, :3] * colours[:, 3:]  # over black
    return LinearSegmentedColormap.from_list(str(found.name), solid, N=256)
