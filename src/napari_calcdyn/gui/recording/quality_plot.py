"""Motion and brightness over the time of a recording, with its bad frames, to look at and to mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, QSize, Qt, Signal

from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.recording.ranges import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent, MouseDragEvent

    from napari_calcdyn.recording.quality import Quality

_AXIS_WIDTH = 46
_SHADE = 80  # opacity of bad frames
_TOOLTIP = (
    "<qt>Shaded frames are left out. Press Shift and drag to mark frames as bad, Ctrl and drag to mark them as "
    "good. A click moves the movie there. Turn the wheel to zoom in, and press A in the corner "
    "to see all again.</qt>"
)


class _TimeBox(pg.ViewBox):  # type: ignore[misc]
    """A view in which frames can be marked by dragging with a key held."""

    marking = Signal(float, float, bool, bool)
    """From, to, whether they are bad, and whether the mouse was let go."""

    def mouseDragEvent(self, ev: MouseDragEvent, axis: int | None = None) -> None:
        """Mark frames where Shift or Ctrl is held, else move along."""
        keys, button = ev.modifiers(), ev.button()
        shift = bool(keys & Qt.KeyboardModifier.ShiftModifier)
        control = bool(keys & Qt.KeyboardModifier.ControlModifier)
        if not (shift or control) or button != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        start, stop = (self.mapToView(it).x() for it in (ev.buttonDownPos(), ev.pos()))
        self.marking.emit(min(start, stop), max(start, stop), shift, ev.isFinish())


class QualityPlot(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Displacement of the picture and its brightness, one above the other.

    Signals
    -------
    moved(int)
        The frame to which the user wants to move the movie.
    marked(object, bool)
        Frames (range) that the user marked, and whether they are bad.
    """

    moved = Signal(int)
    marked = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__()
        self._frames, self._rate = 0, 1.0
        self._bad: NDArray[np.bool_] = np.zeros(0, bool)
        self._colours: PlotColours | None = None
        self.setToolTip(_TOOLTIP)
        self.setMinimumHeight(170)
        self.ci.layout.setSpacing(2)
        self.ci.setContentsMargins(0, 4, 8, 2)
        self.motion, self.brightness = self._plot(0), self._plot(1)
        self.brightness.setXLink(self.motion)
        self.motion.getAxis("bottom").setStyle(showValues=False)
        self.brightness.setLabel("left", "brightness")
        self.curves = {
            "y": self.motion.plot(),
            "x": self.motion.plot(),
            "brightness": self.brightness.plot(),
        }
        self.cursors, self.shades, self.hands = [], [], []
        for plot in (self.motion, self.brightness):
            line = pg.InfiniteLine()
            line.setZValue(10)
            line.setVisible(False)
            shade = pg.BarGraphItem(x0=[], x1=[], y0=0, y1=1, pen=None)
            shade.setZValue(-10)
            hand = pg.LinearRegionItem(movable=False)
            hand.setVisible(False)
            for item in (line, shade, hand):
                plot.addItem(item, ignoreBounds=True)
            self.cursors.append(line)
            self.shades.append(shade)
            self.hands.append(hand)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    def _plot(self, row: int) -> pg.PlotItem:
        plot = self.addPlot(row=row, col=0, viewBox=_TimeBox(enableMenu=False), enableMenu=False)
        plot.setMouseEnabled(x=True, y=False)
        plot.setClipToView(True)
        plot.setDownsampling(auto=True, mode="peak")
        plot.getAxis("left").setWidth(_AXIS_WIDTH)
        for side in ("left", "bottom"):
            plot.getAxis(side).enableAutoSIPrefix(False)
        plot.getViewBox().marking.connect(self._on_marking)
        return plot

    def show_quality(self, quality: Quality, frame_rate: float | None, bad: NDArray[np.bool_]) -> None:
        """Draw the measurements of a recording.

        Parameters
        ----------
        quality : Quality
            The measurements.
        frame_rate : float or None
            In Hz; None counts frames.
        bad : ndarray (T,), bool
            Frames that are left out.
        """
        other = (quality.frames, frame_rate or 1.0) != (self._frames, self._rate)
        self._frames, self._rate, self._bad = quality.frames, frame_rate or 1.0, bad
        time = np.arange(self._frames) / self._rate
        good = np.where(quality.valid_frames, 1.0, np.nan)  # what a bad frame shows would set the scale
        for name, values in (
            ("y", quality.shifts[:, 0] * good),
            ("x", quality.shifts[:, 1] * good),
            ("brightness", quality.brightness.values * good),
        ):
            self.curves[name].setData(time, values, connect="finite")
        least = max(0.5, float(np.nanmax(np.abs(quality.shifts * good[:, None]), initial=0)))
        self.motion.setYRange(-1.1 * least, 1.1 * least, padding=0)
        light = quality.brightness.values[quality.valid_frames]
        low, high = min(float(light.min()), 0.95), max(float(light.max()), 1.05)
        self.brightness.setYRange(low - 0.08 * (high - low), high + 0.08 * (high - low), padding=0)
        self.brightness.setLabel("bottom", "time (s)" if frame_rate else "frame")
        if other:
            end = self._frames / self._rate
            for plot in (self.motion, self.brightness):
                plot.setLimits(xMin=-0.01 * end, xMax=1.01 * end, minXRange=5 / self._rate)
            self.motion.setXRange(0, end, padding=0.01)
        self._shade()

    def set_cursor(self, frame: int | None) -> None:
        """Move the cursor to a frame; None hides it."""
        for line in self.cursors:
            line.setVisible(frame is not None)
            if frame is not None:
                line.setValue(frame / self._rate)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self._colours = colours
        self.setBackground(colours.background)
        for plot in (self.motion, self.brightness):
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(colours.grid)
                plot.getAxis(side).setTextPen(colours.text)
        for name, colour in (
            ("y", colours.negative),
            ("x", colours.positive),
            ("brightness", colours.training),
        ):
            self.curves[name].setPen(pg.mkPen(colour, width=1))
        y, x = (f'<span style="color: rgb{it};">{{}}</span>' for it in (colours.negative, colours.positive))
        self.motion.setLabel("left", f"{y.format('y')}, {x.format('x')} (px)")
        for line in self.cursors:
            line.setPen(pg.mkPen(colours.text, width=1))
        for hand in self.hands:
            hand.setBrush(pg.mkBrush(*colours.text, _SHADE))
        self._shade()

    def sizeHint(self) -> QSize:
        """Stay low: a dock has little room."""
        return QSize(260, 170)

    def _shade(self) -> None:
        if self._colours is None:
            return
        runs = stretches(self._bad)
        edges = np.array([(it.start, it.stop) for it in runs], float).reshape(-1, 2) / self._rate
        for plot, shade in zip((self.motion, self.brightness), self.shades, strict=True):
            low, high = plot.getViewBox().viewRange()[1]
            shade.setOpts(
                x0=edges[:, 0],
                x1=edges[:, 1],
                y0=low,
                y1=high,
                pen=pg.mkPen((*self._colours.held_out, _SHADE)),  # one frame among thousands is seen too
                brush=pg.mkBrush((*self._colours.held_out, _SHADE)),
            )

    def _on_marking(self, start: float, stop: float, bad: bool, finished: bool) -> None:
        first, last = (min(max(int(np.floor(it * self._rate)), 0), self._frames - 1) for it in (start, stop))
        frames = range(first, last + 1)
        for hand in self.hands:
            hand.setVisible(not finished)
            hand.setRegion((frames.start / self._rate, frames.stop / self._rate))
        if finished and self._frames:
            self.marked.emit(frames, bad)

    def _on_clicked(self, event: MouseClickEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._frames:
            return
        for plot in (self.motion, self.brightness):
            box = plot.getViewBox()
            place: QRectF = box.sceneBoundingRect()
            if place.contains(event.scenePos()):
                frame = int(np.floor(box.mapSceneToView(event.scenePos()).x() * self._rate))
                self.moved.emit(min(max(frame, 0), self._frames - 1))
