"""What the Inspector shows, as tables and pictures: for the clipboard and for files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF
from qtpy.QtGui import QImage, QPaintDevice, QPainter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QGraphicsItem

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.writing import replacing, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.gui.plots.trace_plot import TracePlot

    from .prepared import Inspected

_FINER = 3  # a picture, than the screen


def trace_table(shown: Sequence[Inspected], rate: float | None) -> list[list[object]]:
    """Return traces as a table.

    Parameters
    ----------
    shown : sequence of Inspected
        Regions whose traces are drawn.
    rate : float or None
        Frames per second (Hz).

    Returns
    -------
    list of list
        First the names of the columns: frame, seconds where the rate is known, then region and kind of each curve.
        Missing samples are empty.
    """
    curves = {f"{found.region.name} {kind}": curve for found in shown for kind, curve in found.curves.items()}
    head: list[object] = ["frame", *([] if rate is None else ["time_s"]), *curves]
    frames = min((len(curve) for curve in curves.values()), default=0)
    table = [head]
    for frame in range(frames):
        times = [] if rate is None else [f"{frame / rate:.6g}"]
        values = (float(curve[frame]) for curve in curves.values())
        table.append([frame, *times, *("" if value != value else f"{value:.7g}" for value in values)])
    return table


def as_text(table: Sequence[Sequence[object]]) -> str:
    """Return a table as text that spreadsheets take from the clipboard, its columns parted by tabs."""
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(table)
    return out.getvalue()


def write_table(path: Path, table: Sequence[Sequence[object]]) -> None:
    """Write a table as CSV, in one step.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with (
        writing(path.parent),
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(table)


def picture(plot: TracePlot) -> QImage:
    """Return what a plot shows, three times as fine as on the screen."""
    image = QImage(_FINER * plot.viewport().size(), QImage.Format.Format_RGB32)
    _paint(plot, image)
    return image


def write_picture(path: Path, plot: TracePlot) -> None:
    """Write what a plot shows, as PNG or, where the file's name ends so, as SVG.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with writing(path.parent), replacing(path) as beside:
        if path.suffix.lower() == ".svg":
            drawing = QSvgGenerator()
            drawing.setFileName(str(beside))
            drawing.setSize(plot.viewport().size())
            drawing.setViewBox(QRectF(plot.viewport().rect()))
            drawing.setResolution(plot.logicalDpiX())  # in which the axes were laid out
            drawing.setTitle("Traces")
            _paint(plot, drawing)
        else:
            picture(plot).save(str(beside))
        if not beside.exists():  # Qt does not say why
            raise InputError(f"{path} cannot be written: choose another folder.")


def _paint(plot: TracePlot, on: QPaintDevice) -> None:
    curves = [item.curve for item in plot.listDataItems()]
    kept = [curve.cacheMode() for curve in curves]
    for curve in curves:  # else they would be pictures of the screen's resolution
        curve.setCacheMode(QGraphicsItem.CacheMode.NoCache)
    painter = QPainter()
    if painter.begin(on):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(painter.viewport()) if isinstance(on, QImage) else QRectF(plot.viewport().rect())
        painter.fillRect(area, plot.backgroundBrush())
        plot.scene().render(painter, area, plot.mapToScene(plot.viewport().rect()).boundingRect())
        painter.end()
    for curve, mode in zip(curves, kept, strict=True):
        curve.setCacheMode(mode)
