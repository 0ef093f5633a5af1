"""Panel with one map of a recording: colours, shape of pixels, and scale bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Movie

from .panels import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def map_panel(
    name: str,
    about: str,
    image: NDArray[np.float32],
    movie: Movie,
    unit: str,
    high: float | None = None,
    *,
    outlines: NDArray[np.bool_] | None = None,
) -> Panel:
    """Return a map as a panel.

    Parameters
    ----------
    name, about : str
        As in `Panel`.
    image : ndarray (Y, X)
        Of the frame size of the recording.
    movie : Movie
        The recording.
    unit : str
        As in `draw_map`.
    high : float, optional
        Value of the last colour; by default that which 0.3 % of the pixels exceed.
    outlines : ndarray (Y, X), bool, optional
        Pixels that are outlined in white.

    Returns
    -------
    Panel
        With colours from 0 on.
    """
    limits = 0.0, float(np.nanpercentile(image, 99.7)) if high is None else high

    def draw(figure: Figure, axes: Axes) -> None:
        draw_map(figure, axes, image, movie, name, unit, limits=limits)
        if outlines is not None and outlines.any():
            axes.contour(outlines, levels=[0.5], colors="white", linewidths=0.6)

    return Panel(name, about, draw)


def bright(image: NDArray[np.float32]) -> float:
    """Return the value of the last colour of a map in which few pixels may be bright."""
    return max(float(np.nanpercentile(image, 99.7)), float(np.nanmax(image)) / 10, 1e-12)


def mean_panel(movie: Movie) -> Panel:
    """Return the mean frame of a recording as a panel."""

    def draw(figure: Figure, axes: Axes) -> None:
        frame = movie.mean_frame()
        low, high = np.nanpercentile(frame, (1, 99.7))
        draw_map(figure, axes, frame, movie, "Mean frame", "counts", limits=(low, high), colormap="gray")

    return Panel("Mean frame", "The recording, averaged over time after its corrections.", draw)


def draw_map(
    figure: Figure,
    axes: Axes,
    image: NDArray[np.float32],
    movie: Movie,
    title: str,
    unit: str,
    *,
    limits: tuple[float, float],
    colormap: str = "inferno",
) -> None:
    """Draw a map with its colour bar.

    Parameters
    ----------
    figure : Figure
        Where the axes are.
    axes : Axes
        Where to draw.
    image : ndarray (Y, X)
        Of the frame size of the recording.
    movie : Movie
        The recording.
    title : str
        Above the map.
    unit : str
        Beside the colour bar. Colours of squared units follow the square root, or weak cells would be black.
    limits : tuple of float
        Values of the first and the last colour.
    colormap : str
        Name of the colours.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import MaxNLocator

    low, high = limits[0], max(limits[1], limits[0] + 1e-12)
    norm = PowerNorm(0.5 if unit.endswith("²") else 1, low, high, clip=True)
    shown = axes.imshow(image, cmap=colormap, norm=norm, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    ticks = [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    figure.colorbar(shown, ax=axes, shrink=0.85, label=unit, ticks=ticks)
    set_scale(axes, movie.frame_shape, movie.pixel_size)


def set_scale(
    axes: Axes,
    frame_shape: tuple[int, ...],
    pixel_size: tuple[float, float] | None,
    colour: str = "white",
) -> None:
    """Give the axes of an image the shape of the recording's pixels, and a scale bar if their size is known.

    Parameters
    ----------
    axes : Axes
        Loses its ticks.
    frame_shape : tuple of int
        Height and width in pixels.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    colour : str
        Of the scale bar.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    if pixel_size is None:
        return
    axes.set_aspect(pixel_size[0] / pixel_size[1])
    (height, width), micrometres = frame_shape, pixel_size[1]
    wanted = width * micrometres / 4
    decade = 10 ** np.floor(np.log10(wanted))
    length = next(step * decade for step in (5, 2, 1) if step * decade <= wanted)
    left, y = 0.05 * width, 0.95 * height
    axes.plot([left, left + length / micrometres], [y, y], color=colour, linewidth=3, solid_capstyle="butt")
    axes.text(left, y - 0.02 * height, f"{length:g} µm", color=colour, fontsize=8, va="bottom")
