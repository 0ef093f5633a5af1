"""Formulas as pictures: the text of Qt knows none, and matplotlib sets most of what the pages write."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPainterPath

if TYPE_CHECKING:
    from matplotlib.path import Path

    from napari_calcdyn.gui.plots.theme import Colour

# TeX that matplotlib does not know, in terms that it does.
_PLAINER = (
    (r"\\(?:[bB]igg?)[lr]?(?![A-Za-z])", ""),
    (r"\\[lr]?Vert(?![a-z])", r"\\|"),
    (r"\\[lr]vert(?![a-z])", "|"),
    (r"\\tfrac(?![a-z])", r"\\frac"),
    (r"\\frac\s*([0-9])\s*([0-9A-Za-z])", r"\\frac{\1}{\2}"),
    (r"\\frac\s*([0-9])\s*\{", r"\\frac{\1}{"),
    (r"\\mathbb\s+([A-Z])", r"\\mathbb{\1}"),
    (r"\\mathcal\s+([A-Z])", r"\\mathcal{\1}"),
    (r"\\ge(?![a-z])", r"\\geq"),
    (r"\\le(?![a-z])", r"\\leq"),
    (r"\\ne(?![a-z])", r"\\neq"),
    (r"\\underbrace\s*", ""),
    (r"\\[!](?![a-z])", ""),
)
_MARGIN = 2  # px
_DROP = 0.2  # of the size of its letters: how far the baseline of a text lies below what Qt calls its middle


def plainer(tex: str) -> str:
    """Return a formula of the pages in the part of TeX that matplotlib knows."""
    for pattern, instead in _PLAINER:
        tex = re.sub(pattern, instead, tex)
    return " ".join(tex.split())


@lru_cache(maxsize=256)
def formula_path(tex: str, size: float) -> Path:
    """Return the outline of a formula, upwards from its baseline at 0.

    Parameters
    ----------
    tex : str
        As the pages write it.
    size : float
        Of its letters, in pixels.

    Raises
    ------
    ValueError
        If matplotlib cannot set it.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), f"${plainer(tex)}$", size=size, prop=FontProperties(math_fontfamily="stix"))


def formula_image(
    tex: str, colour: Colour, size: float, ratio: float = 1.0, *, inline: bool = True
) -> QImage:
    """Return a formula as a picture without a background.

    Parameters
    ----------
    tex : str
        As the pages write it.
    colour : (int, int, int)
        Red, green and blue.
    size : float
        Of its letters, in pixels.
    ratio : float
        Pixels of the screen for each of these.
    inline : bool
        Whether it stands within a line: then it is for a picture that is aligned by its middle, and its baseline lies
        where that of the text does.
    """
    outline = _outline(formula_path(tex, size))
    box = outline.boundingRect()
    top, bottom = max(-box.top(), size / 2) + _MARGIN, max(box.bottom(), 0.0) + _MARGIN
    if inline:
        drop = _DROP * size
        top = max(top, bottom + 2 * drop)
        bottom = top - 2 * drop
    image = QImage(
        round(ratio * (box.right() + 2 * _MARGIN)), round(ratio * (top + bottom)), QImage.Format.Format_ARGB32
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    painter.translate(QPointF(_MARGIN, top))
    painter.fillPath(outline, QColor(*colour))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


def missing_image(text: str, colour: Colour, size: float) -> QImage:
    """Return words as a picture, where a formula cannot be set."""
    image = QImage(1, 1, QImage.Format.Format_ARGB32)
    painter = QPainter(image)
    box = painter.boundingRect(QRectF(0, 0, 4000, 4000), text)
    painter.end()
    image = image.scaled(round(box.width()) + 2, max(round(box.height()), round(size)) + 2)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setPen(QColor(*colour))
    painter.drawText(QRectF(image.rect()), text)
    painter.end()
    return image


def _outline(path: Path) -> QPainterPath:
    """Return a path of matplotlib as one of Qt, which counts downwards."""
    outline = QPainterPath()
    outline.setFillRule(Qt.FillRule.WindingFill)
    for numbers, code in path.iter_segments(simplify=False):
        points = [QPointF(x, -y) for x, y in numbers.reshape(-1, 2).tolist()]
        if code == path.MOVETO:
            outline.moveTo(points[0])
        elif code == path.LINETO:
            outline.lineTo(points[0])
        elif code == path.CURVE3:
            outline.quadTo(*points)
        elif code == path.CURVE4:
            outline.cubicTo(*points)
        elif code == path.CLOSEPOLY:
            outline.closeSubpath()
    return outline
