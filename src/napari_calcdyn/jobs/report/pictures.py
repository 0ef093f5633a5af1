"""Panels as pictures inside a page, in the colours of its theme."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from napari_calcdyn.jobs.overviews.panels import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 150
_MOST_PIXELS = 640  # of a side of an image that is kept as it is; a larger one is drawn smaller
_MOST_POINTS = 2000  # of a cloud that is kept as shapes
_COLOURS = {"#000000": "currentColor", "#404040": "currentColor", "#30638e": "var(--blue)"}
"""What a dark page would swallow, and the page's own colours for it."""


def as_svg(panel: Panel) -> str:
    """Draw a panel as SVG to be put into a page.

    Parameters
    ----------
    panel : Panel
        What to draw. Its title is left out: the page has it as a heading.

    Returns
    -------
    str
        An ``svg`` element without any address; black is the colour of the text around it, white is see-through.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=panel.size, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    panel.draw(figure, axes)
    _lighten(figure)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", dpi=_DPI, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("xlink:href", "href")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| (?:width|height)="[\d.]+pt"', "", text)
    for colour, of_page in _COLOURS.items():
        text = text.replace(colour, of_page)
    return _own_names(text, panel.name)


def _lighten(figure: Figure) -> None:
    """Take away titles and white backgrounds, and draw as pixels what would make the page heavy."""
    from matplotlib.collections import QuadMesh

    figure.patch.set_visible(False)
    for axes in figure.findobj(lambda it: hasattr(it, "get_xlim")):
        axes.set_title("")  # type: ignore[attr-defined]
        if axes.get_facecolor() == (1, 1, 1, 1):  # type: ignore[attr-defined]
            axes.patch.set_visible(False)  # type: ignore[attr-defined]
        for image in axes.get_images():  # type: ignore[attr-defined]
            image.set_rasterized(max(image.get_array().shape[:2]) > _MOST_PIXELS)
        for cloud in axes.collections:  # type: ignore[attr-defined]
            # The steps of a colour bar would show seams between them.
            cloud.set_rasterized(isinstance(cloud, QuadMesh) or len(cloud.get_offsets()) > _MOST_POINTS)


def _own_names(svg: str, name: str) -> str:
    """Begin all names in a picture with its own, as a page may hold each only once."""
    prefix = re.sub(r"\W+", "-", name).strip("-").lower() + "-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    return svg.replace("url(#", f"url(#{prefix}")
