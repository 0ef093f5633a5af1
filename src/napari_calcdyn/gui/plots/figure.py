"""Plots as figures for a paper."""

from __future__ import annotations

from pathlib import Path

import pyqtgraph as pg
from qtpy.QtCore import QMarginsF, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt
from qtpy.QtGui import QColor, QPageLayout, QPageSize, QPainter, QPdfWriter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QWidget

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

_DPI = 96  # of a screen: a plot becomes as large as it looks there
_BAR, _STEPS = 64, 128  # pixels beside a plot in colours, and shades in them
_LABELS = "QLabel { color: black; background: transparent; } QGraphicsView { border: none; }"

ENDINGS = ("svg", "pdf")


def plot_at(parent: QWidget, place: QPoint) -> QWidget | None:
    """Return the plot at a place in a widget, with its headings where it has some; None if there is none."""
    found = parent.childAt(place)
    while found is not None and not isinstance(found, pg.GraphicsView):
        found = None if found is parent else found.parentWidget()
    if found is None:
        return None
    group = found.parentWidget()
    return group if getattr(group, "saved_as_one", False) else found


def save_plot(plot: QWidget, file: Path) -> None:
    """Write a plot as it looks, as shapes and text; one in colours gets a colour bar.

    Parameters
    ----------
    plot : QWidget
        From `plot_at`; give it light colours first.
    file : Path
        ``.svg`` or ``.pdf``, replaced in one step.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    before = plot.styleSheet()
    plot.setStyleSheet(f"{before} {_LABELS}")
    try:
        with writing(file.parent), replacing(file) as beside:
            device = _svg(plot, beside) if file.suffix.lower() == ".svg" else _pdf(plot, beside)
            painter = QPainter()
            if not painter.begin(device):
                raise InputError(f"{file} cannot be written: choose another folder.")
            try:
                _draw_as_shapes(plot, True)
                if isinstance(plot, pg.GraphicsView):
                    plot.render(painter, QRectF(plot.rect()), plot.rect())
                    _draw_bar(plot, painter)
                else:
                    plot.render(painter, QPoint(), flags=QWidget.RenderFlag.DrawChildren)
            finally:
                _draw_as_shapes(plot, False)
                painter.end()
    finally:
        plot.setStyleSheet(before)


def _draw_as_shapes(plot: QWidget, shapes: bool) -> None:
    """Have points drawn as shapes, or as on the screen again: copied from a picture of all symbols."""
    views = [plot] if isinstance(plot, pg.GraphicsView) else plot.findChildren(pg.GraphicsView)
    for item in (item for view in views for item in view.scene().items()):
        if hasattr(item, "setExportMode"):
            item.setExportMode(shapes, {"antialias": True, "resolutionScale": 1.0})


def _valued(plot: QWidget) -> pg.ImageItem | None:
    """Return the image of a plot that says by `values` what its colours mean."""
    if not hasattr(plot, "values"):
        return None
    images = [it for it in plot.getPlotItem().items if isinstance(it, pg.ImageItem)]
    return images[0] if len(images) == 1 and images[0].getColorMap() is not None else None


def _size(plot: QWidget) -> QSize:
    """Return the size of the figure, in pixels: a plot in colours gets room for their bar."""
    return QSize(plot.width() + (_BAR if _valued(plot) is not None else 0), plot.height())


def _draw_bar(plot: QWidget, painter: QPainter) -> None:
    """Draw the colours of an image with their values, to the right of its plot."""
    image = _valued(plot)
    if image is None:
        return
    painter.fillRect(QRectF(plot.width(), 0, _BAR, plot.height()), QColor("white"))
    high, low = 0.1 * plot.height(), 0.85 * plot.height()
    box = QRectF(plot.width() + 6, high, 12, low - high)
    colours = image.getColorMap().getLookupTable(0.0, 1.0, _STEPS)
    for step, colour in enumerate(colours):
        top = box.bottom() - (step + 1) * box.height() / _STEPS
        painter.fillRect(
            QRectF(box.x(), top, box.width(), box.height() / _STEPS + 0.5), QColor(*map(int, colour[:3]))
        )
    painter.setPen(QColor("black"))
    painter.drawRect(box)
    least, most = image.getLevels()
    for share in (0.0, 0.5, 1.0):
        value, y = least + share * (most - least), box.bottom() - share * box.height()
        painter.drawText(QPointF(box.right() + 4, y + 4), f"{value:.2g}".replace("-", "−"))
    words = QRectF(plot.width() - 40, 0, _BAR + 36, high - 4)
    painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, plot.values)


def _svg(plot: QWidget, file: Path) -> QSvgGenerator:
    device = QSvgGenerator()
    device.setFileName(str(file))
    device.setSize(_size(plot))
    device.setViewBox(QRect(QPoint(), _size(plot)))
    device.setResolution(_DPI)
    return device


def _pdf(plot: QWidget, file: Path) -> QPdfWriter:
    device = QPdfWriter(str(file))
    device.setResolution(_DPI)
    points = QSizeF(_size(plot)) * (72 / _DPI)
    device.setPageSize(QPageSize(points, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    device.setPageOrientation(QPageLayout.Orientation.Portrait)
    device.setPageMargins(QMarginsF())
    return device
