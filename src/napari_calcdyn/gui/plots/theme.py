"""Colours for our plots, taken from the viewer's theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.utils.theme import get_theme

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class PlotColours:
    """Colours of a plot, as red, green, blue from 0 to 255."""

    background: Colour
    text: Colour
    grid: Colour
    training: Colour
    held_out: Colour
    negative: Colour
    positive: Colour


PAPER = PlotColours(
    background=(255, 255, 255),
    text=(0, 0, 0),
    grid=(90, 90, 90),
    training=(125, 130, 140),
    held_out=(190, 95, 0),
    negative=(0, 95, 160),
    positive=(200, 80, 0),
)
"""For figures."""


def paint_axes(plot: Any, colours: PlotColours) -> None:
    """Give background and axes of a plot of pyqtgraph the theme's colours."""
    plot.setBackground(colours.background)
    for side in ("left", "bottom"):
        plot.getAxis(side).setPen(colours.grid)
        plot.getAxis(side).setTextPen(colours.text)


def plot_colours(theme: str) -> PlotColours:
    """Return the colours for a theme of napari.

    Parameters
    ----------
    theme : str
        Name of a theme, as in ``viewer.theme``.
    """
    rgb = get_theme(theme)

    def colour(name: str) -> Colour:
        red, green, blue = getattr(rgb, name).as_rgb_tuple()[:3]
        return int(red), int(green), int(blue)

    background, text = colour("background"), colour("text")
    dark = sum(background) < sum(text)
    return PlotColours(
        background=background,
        text=text,
        grid=colour("secondary"),
        training=(130, 140, 155) if dark else (125, 130, 140),
        # Blue and orange of the Okabe-Ito palette, told apart by colour-blind readers; lighter on dark.
        held_out=(255, 176, 46) if dark else (190, 95, 0),
        negative=(86, 180, 233) if dark else (0, 95, 160),
        positive=(255, 150, 50) if dark else (200, 80, 0),
    )
