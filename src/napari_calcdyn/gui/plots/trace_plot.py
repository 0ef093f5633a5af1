"""Traces over time, with a cursor that is the movie's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QGraphicsItem

from .theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

RAW, DENOISED, REDRAWN, RECONSTRUCTED, PREDICTED = "raw", "denoised", "redrawn", "reconstructed", "predicted"
_BAND_OPACITY = 90  # of 255
_STYLES = {PREDICTED: Qt.PenStyle.DashLine, REDRAWN: Qt.PenStyle.DotLine}
_GAP = 1.08  # distance of two rows, of the highest row
LEAST_LABEL, _LARGEST_LABEL = 7, 12  # height of a row's label, in pixels
_LABEL_GAP = 16  # between label and axis, and at its other end
_LABEL_WIDTH = 92  # of the left axis, at least: so the curves stay where they are from one neuron to the next
_LUMINANCE = (0.21, 0.72, 0.07)  # of red, green and blue
_LEAST_CONTRAST = 70.0  # of 255
_TOOLTIP = (
    "<qt>Drag the upright line, or click, to move the movie in time. Turn the wheel to zoom in on a "
    "stretch, drag to move along, and press A in the corner to see all again.</qt>"
)


@dataclass(frozen=True, eq=False)
class Row:
    """The curves of one neuron.

    Parameters
    ----------
    label : str
        Its name.
    colour : tuple of int or None
        Red, green and blue from 0 to 255; None is the colour of text.
    curves : dict of str to ndarray (T,)
        Traces by kind, of `RAW`, `DENOISED`, `REDRAWN`, `RECONSTRUCTED` and `PREDICTED`; NaN where a sample is missing.
    problem : str
        Why the trace cannot be used, in words; empty where it can.
    band : ndarray (T,) or None
        Half width of the band round the denoised trace.
    """

    label: str
    colour: tuple[int, int, int] | None
    curves: dict[str, NDArray[np.float32]]
    problem: str = ""
    band: NDArray[np.float32] | None = None


class TracePlot(pg.PlotWidget):  # type: ignore[misc]
    """Rows of traces, one neuron above the other.

    Signals
    -------
    moved(int)
        The sample to which the user moved the cursor.
    """

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._rows: tuple[Row, ...] = ()
        self._labels: list[tuple[float, str]] = []  # of the rows, and where
        self._rate: float | None = None
        self._unit = ""
        self._one_scale = False
        self._bands: list[pg.FillBetweenItem] = []
        self._samples = 0
        self._colours: PlotColours | None = None
        self._holding = False  # the user moves the cursor, and the view stays still under it
        self.note = ""
        """What the heights of several rows mean, in words."""
        self.setToolTip(_TOOLTIP)
        self.setMinimumHeight(130)  # all labels of a full plot
        self.setMouseEnabled(x=True, y=False)
        self.setClipToView(True)
        self.setDownsampling(auto=True, mode="peak")
        self.getPlotItem().setContentsMargins(0, 6, 10, 2)
        self.getAxis("left").setStyle(hideOverlappingLabels=False)  # one for each row, the outermost too
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.cursor_line = pg.InfiniteLine(movable=True)
        self.cursor_line.setZValue(10)
        self.cursor_line.setVisible(False)
        self.cursor_line.sigDragged.connect(self._on_dragged)
        self.addItem(self.cursor_line, ignoreBounds=True)
        self.getViewBox().sigResized.connect(self._label_rows)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    def show_rows(
        self,
        rows: tuple[Row, ...],
        *,
        unit: str = "",
        frame_rate: float | None = None,
        one_scale: bool = False,
    ) -> None:
        """Draw traces.

        Parameters
        ----------
        rows : tuple of Row
            From the top down; empty clears the plot.
        unit : str
            Of the values.
        frame_rate : float or None
            Samples per second (Hz); None counts samples.
        one_scale : bool
            Whether several rows share one scale; else each is as high as the others, and its label says how
            high that is.
        """
        samples = max((len(curve) for row in rows for curve in row.curves.values()), default=0)
        if (samples, frame_rate) != (self._samples, self._rate) and samples:
            end = (samples - 1) / (frame_rate or 1)
            self.setLimits(xMin=-0.02 * end, xMax=1.02 * end)
            self.setXRange(0, end, padding=0.01)
        if samples:
            self._samples, self._rate = samples, frame_rate
        self._rows, self._unit, self._one_scale = rows, unit, one_scale
        self._draw()

    def set_cursor(self, sample: int | None) -> None:
        """Move the cursor to a sample, and the view along where it would leave it; None hides it."""
        self.cursor_line.setVisible(sample is not None and bool(self._rows))
        if sample is None:
            return
        time = sample / (self._rate or 1)
        self.cursor_line.setValue(time)
        (left, right), _ = self.viewRange()
        if not left <= time <= right and not self._holding:
            half = (right - left) / 2
            self.setXRange(time - half, time + half, padding=0)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self._colours = colours
        paint_axes(self, colours)
        self.cursor_line.setPen(pg.mkPen(colours.positive, width=1))
        self.cursor_line.setHoverPen(pg.mkPen(colours.positive, width=3))
        self._draw()

    def sizeHint(self) -> QSize:
        """Stay low: the picture is above."""
        return QSize(600, 170)

    def _draw(self) -> None:
        if self._colours is None:
            return
        for item in (*self.listDataItems(), *self._bands):
            self.removeItem(item)
        self._bands.clear()
        ranges = [_range(row) for row in self._rows]
        several = len(self._rows) > 1
        highest = max((high - low for low, high in ranges), default=1.0)
        labels = []
        for place, (row, (low, high)) in enumerate(zip(self._rows, ranges, strict=True)):
            height = highest if self._one_scale else high - low
            # Of several rows, the highest is 1 high.
            gain, shift = (1 / height, -_GAP * place - low / height) if several else (1.0, 0.0)
            if row.band is not None and DENOISED in row.curves:
                self._add_band(gain * row.curves[DENOISED] + shift, gain * row.band, row)
            for kind, curve in row.curves.items():
                self._add(kind, np.float32(gain) * curve + np.float32(shift), row)
            label = row.label if self._one_scale else f"{row.label} ({row.problem or _short(height)})"
            labels.append((gain * (low + high) / 2 + shift, label))
        self.note = ""
        if several:
            self.note = (
                f"(rows {_short(_GAP * highest)} {self._unit} apart)"
                if self._one_scale
                else f"(height in {self._unit})"
            )
        self._labels = labels if several else []
        self._label_rows()
        self.setLabel("left", "" if several else self._unit)
        self.setLabel("bottom", "time (s)" if self._rate else "frame")
        for side in ("left", "bottom"):
            self.getAxis(side).setVisible(bool(self._rows))
        self.enableAutoRange(y=True)

    def _label_rows(self, *_: object) -> None:
        """Write a label beside each row, as large as there is room for; the axis of one row has numbers."""
        axis, labels = self.getAxis("left"), self._labels
        font = QFont(self.font())
        font.setPixelSize(_LARGEST_LABEL)
        if labels:
            row = self.getViewBox().height() / len(labels)
            font.setPixelSize(int(np.clip(row, LEAST_LABEL, _LARGEST_LABEL)))
        widest = max((QFontMetrics(font).horizontalAdvance(text) for _, text in labels), default=0)
        axis.setTickFont(font)
        axis.setWidth(max(_LABEL_WIDTH, widest + _LABEL_GAP))
        axis.setTicks([labels] if labels else None)

    def _add(self, kind: str, curve: NDArray[np.float32], row: Row) -> None:
        if self._colours is None or not np.isfinite(curve).any():
            return
        own = _legible(row.colour or self._colours.text, self._colours)
        alone = len(row.curves) == 1
        pens = {
            RAW: pg.mkPen(own if alone else self._colours.training, width=1),
            DENOISED: pg.mkPen(own, width=2),
            REDRAWN: pg.mkPen(
                own, width=1, style=Qt.PenStyle.SolidLine if self._one_scale else _STYLES[REDRAWN]
            ),
            RECONSTRUCTED: pg.mkPen(own, width=2),
            PREDICTED: pg.mkPen(self._colours.text, width=1, style=_STYLES[PREDICTED]),
        }
        item = self.plot(np.arange(len(curve)) / (self._rate or 1), curve, pen=pens[kind], connect="finite")
        # Kept as a picture, over which the cursor moves without any curve being painted again.
        item.curve.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def _add_band(self, middle: NDArray[np.float32], half: NDArray[np.float32], row: Row) -> None:
        if self._colours is None or not np.isfinite(middle).any():
            return
        time = np.arange(len(middle)) / (self._rate or 1)
        edges = [pg.PlotCurveItem(time, middle + side * half) for side in (-1, 1)]
        own = _legible(row.colour or self._colours.text, self._colours)
        band = pg.FillBetweenItem(*edges, brush=(*own, _BAND_OPACITY))
        self.addItem(band)
        self._bands.append(band)

    def _on_dragged(self, line: pg.InfiniteLine) -> None:
        self._move_to(line.value())

    def _on_clicked(self, event: MouseClickEvent) -> None:
        box = self.getViewBox()
        if event.button() != Qt.MouseButton.LeftButton or not self.cursor_line.isVisible():
            return
        if box.sceneBoundingRect().contains(event.scenePos()):
            self._move_to(box.mapSceneToView(event.scenePos()).x())

    def _move_to(self, time: float) -> None:
        sample = min(max(round(time * (self._rate or 1)), 0), self._samples - 1)
        self.cursor_line.setValue(sample / (self._rate or 1))
        self._holding = True
        self.moved.emit(sample)
        self._holding = False


def line_icon(kind: str, colours: PlotColours) -> QIcon:
    """Return a piece of the line that a kind of trace is drawn with."""
    picture = QPixmap(22, 12)
    picture.fill(Qt.GlobalColor.transparent)
    colour = colours.training if kind == RAW else colours.text
    style = _STYLES.get(kind, Qt.PenStyle.SolidLine)
    painter = QPainter(picture)
    painter.setPen(QPen(QColor(*colour), 2 if kind in (DENOISED, RECONSTRUCTED) else 1, style))
    painter.drawLine(1, 6, 21, 6)
    painter.end()
    return QIcon(picture)


def _range(row: Row) -> tuple[float, float]:
    """Return the least and the largest value of a row's curves, (0, 1) where there is none."""
    finite = [curve[np.isfinite(curve)] for curve in row.curves.values()]
    low = min((float(values.min()) for values in finite if values.size), default=0.0)
    high = max((float(values.max()) for values in finite if values.size), default=1.0)
    return low, high if high > low else low + 1.0


def _legible(colour: tuple[int, int, int], colours: PlotColours) -> tuple[int, int, int]:
    """Bring a colour that is hard to see on the background half way to that of text."""
    own, ground = (float(np.dot(it, _LUMINANCE)) for it in (colour, colours.background))
    if abs(own - ground) >= _LEAST_CONTRAST:
        return colour
    red, green, blue = (round((one + other) / 2) for one, other in zip(colour, colours.text, strict=True))
    return red, green, blue


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
