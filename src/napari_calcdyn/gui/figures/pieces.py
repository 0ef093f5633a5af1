"""What figures of layers are made of: colours, colour bars, sizes, and their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.recording.writing import replacing, writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, PowerNorm
    from matplotlib.figure import Figure

DPI = 300
_MICROMETRES = ("um", "µm", "micrometer", "micron")


def pixel_size(units: Any, scale: Any) -> tuple[float, float] | None:
    """Return height and width of a layer's pixel in µm, None where they are not known."""
    if units is None or scale is None or str(units[-1]) not in _MICROMETRES:
        return None
    height, width = (float(it) for it in np.asarray(scale)[-2:])
    return height, width


def colours_of(colormap: Any) -> Colormap:
    """Return a colour map of napari, or the dictionary that it becomes, for matplotlib: its colours over black."""
    from matplotlib.colors import LinearSegmentedColormap
    from napari.utils.colormaps import Colormap as Napari
    from napari.utils.colormaps import ensure_colormap

    if isinstance(colormap, dict):
        colormap = Napari(**{key: colormap[key] for key in ("colors", "controls", "name") if key in colormap})
    found = ensure_colormap(colormap if colormap is not None else "gray")
    colours = np.asarray(found.map(np.linspace(0, 1, 256)), float)
    solid = colours[:, :3] * colours[:, 3:]
    return LinearSegmentedColormap.from_list(str(found.name), solid, N=256)


def norm_of(limits: tuple[float, float], gamma: float) -> PowerNorm:
    """Return how values become colours, by contrast limits and gamma of a layer."""
    from matplotlib.colors import PowerNorm

    low, high = map(float, limits)
    return PowerNorm(float(gamma), low, max(high, low + 1e-12), clip=True)


def colour_bar(figure: Figure, axes: Axes, shown: ScalarMappable, label: str) -> None:
    """Draw a colour bar beside a picture."""
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, label=label)
    bar.ax.set_facecolor("black")
    if bar.solids is not None:
        bar.solids.set_rasterized(True)  # seams would show between its steps


def save_figure(figure: Figure, file: Path, title: str) -> None:
    """Write a figure, in the format of the ending of its file; text stays text, and a file of that name is replaced."""
    from matplotlib import rc_context

    maker = "Software" if file.suffix.lower() == ".png" else "Creator"
    with (
        writing(file.parent),
        replacing(file) as beside,
        rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}),
    ):
        figure.savefig(beside, metadata={"Title": title, maker: "napari-calcdyn"})
