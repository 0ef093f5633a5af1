"""The time of a recording with the stretches A and B on it, to drag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from superqt.utils import signals_blocked

from napari_calcdyn.gui.plots.theme import Colour, PlotColours, paint_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

A, B = "A", "B"
MOST_DRAGGED = 12  # stretches of A or B that can be dragged; of more, the edges lie too close to each other
_FAINT, _STRONG = 60, 110  # opacity of a stretch, and of the one the mouse is over
_MARGIN = 0.08  # of the curve's height, above and below it
_AXIS_WIDTH = 42
_TOOLTIP = (
    "<qt>Drag a coloured stretch, or one of its edges. A click anywhere moves the movie there. Turn the wheel to "
    "zoom in, drag beside the stretches to move along, and press A in the corner to see all again.</qt>"
)


class TimeRanges(pg.PlotWidget):  # type: ignore[misc]
    """A curve over the time of a recording, and stretches of it in two colours.

    Signals
    -------
    dragged(str, object)
        `A` or `B`, and its stretches (list of range, in frames), while the user drags one.
    dropped(str, object)
        The same when the mouse is let go.
    moved(int)
        The frame to which the user wants to move the movie.
    threshold_dragged(float)
        The threshold, while the user drags it.
    """

    dragged = Signal(str, object)
    dropped = Signal(str, object)
    moved = Signal(int)
    threshold_dragged = Signal(float)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._frames, self._rate = 0, 1.0
        self._ranges: dict[str, list[range]] = {}
        self._movable = True
        self._regions: dict[str, list[pg.LinearRegionItem]] = {}
        self._bars: dict[str, pg.BarGraphItem] = {}
        self._colours: PlotColours | None = None
        self._low, self._high = 0.0, 1.0
        self.setToolTip(_TOOLTIP)
        self.setMinimumHeight(110)
        self.setMouseEnabled(x=True, y=False)
        self.setClipToView(True)
        self.setDownsampling(auto=True, mode="peak")
        self.getPlotItem().setContentsMargins(0, 6, 10, 2)
        self.getAxis("left").setWidth(_AXIS_WIDTH)
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.curve = self.plot(connect="finite")
        self.curve.setZValue(-5)
        self.threshold_line = pg.InfiniteLine(angle=0, movable=True)
        self.threshold_line.setZValue(12)
        self.threshold_line.setVisible(False)
        self.threshold_line.sigDragged.connect(lambda line: self.threshold_dragged.emit(line.value()))
        self.addItem(self.threshold_line, ignoreBounds=True)
        self.cursor_line = pg.InfiniteLine()
        self.cursor_line.setZValue(10)
        self.cursor_line.setVisible(False)
        self.addItem(self.cursor_line, ignoreBounds=True)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    def show_time(self, frames: int, frame_rate: float | None) -> None:
        """Take the length of a recording, in frames, and its frame rate in Hz; None counts frames."""
        if (frames, frame_rate or 1.0) == (self._frames, self._rate):
            return
        self._frames, self._rate = frames, frame_rate or 1.0
        end = max(frames, 1) / self._rate
        self.setLimits(xMin=-0.01 * end, xMax=1.01 * end, minXRange=5 / self._rate)
        self.setXRange(0, end, padding=0.01)
        self.setLabel("bottom", "time (s)" if frame_rate else "frame")
        self._draw_ranges()

    def show_curve(
        self, frames: NDArray[np.int64], values: NDArray[np.float64], names: Sequence[str] = ()
    ) -> None:
        """Draw what helps to find the stretches.

        Parameters
        ----------
        frames : ndarray (n,)
            Frames at which it is known; empty clears the curve.
        values : ndarray (n,)
            NaN where it is not.
        names : sequence of str
            What the values 0, 1, … are called, where they are no numbers.
        """
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        margin = _MARGIN * ((high - low) or 1.0)
        self._low, self._high = low - margin, high + margin
        self.curve.setData(frames / self._rate, values)
        axis = self.getAxis("left")
        axis.setTicks([list(enumerate(names))] if names else None)
        axis.setStyle(showValues=bool(finite.size))
        self.setYRange(self._low, self._high, padding=0)
        self._draw_ranges()

    def show_threshold(self, value: float | None) -> None:
        """Draw the threshold that parts A from B; None hides it."""
        self.threshold_line.setVisible(value is not None)
        if value is not None:
            self.threshold_line.setValue(value)

    def show_ranges(self, ranges: Mapping[str, list[range]], *, movable: bool = True) -> None:
        """Draw the stretches of `A`, of `B`, or of both; only short lists of them can be dragged.

        Parameters
        ----------
        ranges : mapping of str to list of range
            In frames.
        movable : bool
            Whether the user may drag them.
        """
        # What the mouse holds is not replaced under it.
        if self._movable == movable and self._ranges == dict(ranges):
            return
        self._ranges, self._movable = dict(ranges), movable
        self._draw_ranges()

    def set_cursor(self, frame: int | None) -> None:
        """Move the cursor to a frame; None hides it."""
        self.cursor_line.setVisible(frame is not None)
        if frame is not None:
            self.cursor_line.setValue(frame / self._rate)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self._colours = colours
        paint_axes(self, colours)
        self.curve.setPen(pg.mkPen(colours.training, width=1))
        self.cursor_line.setPen(pg.mkPen(colours.text, width=1))
        self.threshold_line.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
        self.threshold_line.setHoverPen(pg.mkPen(colours.text, width=3, style=Qt.PenStyle.DashLine))
        self._draw_ranges()

    def sizeHint(self) -> QSize:
        """Stay low: a dock has little room."""
        return QSize(260, 130)

    # The stretches

    def _draw_ranges(self) -> None:
        if self._colours is None:
            return
        for items in (*self._regions.values(), list(self._bars.values())):
            for item in items:
                self.removeItem(item)
        self._regions, self._bars = {}, {}
        for name, ranges in self._ranges.items():
            colour = condition_colour(name, self._colours)
            if self._movable and len(ranges) <= MOST_DRAGGED:
                self._regions[name] = [self._region(name, it, colour) for it in ranges]
            else:
                edges = np.array([(it.start, it.stop) for it in ranges], float).reshape(-1, 2) / self._rate
                bars = pg.BarGraphItem(
                    x0=edges[:, 0],
                    x1=edges[:, 1],
                    y0=self._low,
                    y1=self._high,
                    pen=None,
                    brush=(*colour, _FAINT),
                )
                bars.setZValue(-10)
                self.addItem(bars, ignoreBounds=True)
                self._bars[name] = bars

    def _region(self, name: str, stretch: range, colour: Colour) -> pg.LinearRegionItem:
        region = pg.LinearRegionItem(
            (stretch.start / self._rate, stretch.stop / self._rate),
            brush=(*colour, _FAINT),
            hoverBrush=(*colour, _STRONG),
            pen=pg.mkPen(colour, width=2),
            hoverPen=pg.mkPen(colour, width=4),
            swapMode="block",
        )
        region.setZValue(-10)
        pg.InfLineLabel(
            region.lines[0], name, position=0.88, anchors=[(-0.3, 0.5), (-0.3, 0.5)], color=colour
        )
        region.sigRegionChanged.connect(self._on_region)
        region.sigRegionChangeFinished.connect(self._on_dropped)
        self.addItem(region, ignoreBounds=True)
        return region

    def _on_region(self, region: pg.LinearRegionItem) -> None:
        """Keep a stretch on whole frames of the recording while it is dragged."""
        start, stop = (round(edge * self._rate) for edge in region.getRegion())
        if region.moving:  # as a whole: its length stays
            start += max(0, -start) - max(0, stop - self._frames)
            stop = start + len(self._stretch(region))
        start = min(max(start, 0), self._frames - 1)
        stop = min(max(stop, start + 1), self._frames)
        with signals_blocked(region):
            region.setRegion((start / self._rate, stop / self._rate))
        name = self._name(region)
        self._ranges[name] = list(self._ranges[name])
        self._ranges[name][self._regions[name].index(region)] = range(start, stop)
        self.dragged.emit(name, list(self._ranges[name]))

    def _on_dropped(self, region: pg.LinearRegionItem) -> None:
        name = self._name(region)
        self.dropped.emit(name, list(self._ranges[name]))

    def _name(self, region: pg.LinearRegionItem) -> str:
        return next(name for name, regions in self._regions.items() if region in regions)

    def _stretch(self, region: pg.LinearRegionItem) -> range:
        name = self._name(region)
        return self._ranges[name][self._regions[name].index(region)]

    def _on_clicked(self, event: MouseClickEvent) -> None:
        box = self.getViewBox()
        if event.button() != Qt.MouseButton.LeftButton or not self._frames:
            return
        if box.sceneBoundingRect().contains(event.scenePos()):
            frame = int(np.floor(box.mapSceneToView(event.scenePos()).x() * self._rate))
            self.moved.emit(min(max(frame, 0), self._frames - 1))


def condition_colour(name: str, colours: PlotColours) -> Colour:
    """Return the colour of `A` or `B`."""
    return colours.negative if name == A else colours.positive
