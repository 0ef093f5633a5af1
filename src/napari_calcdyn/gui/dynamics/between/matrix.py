"""The connections between cells as a picture: whose past says what about whom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QPointF, Qt, Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_calcdyn.gui.dynamics.matrix_plot import SquarePlot, around_zero
from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.plots.theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

    from napari_calcdyn.analysis.influence.influence import Influence

_HINT = "Point at a square to read it; click it, or a cell in the picture, to outline the cells."
_TOOLTIP = (
    "<qt>Every row is an ROI that is predicted, every column an ROI it is predicted from; near ones in the picture "
    "stand near each other. Colour is the partial correlation r with the past of the column, all other past being "
    "known: orange above zero, blue below. A dot marks what is more than chance (p ≤ 0.05, for all pairs "
    "together). Click one to outline its source in blue and its target in orange. Turn the wheel to zoom, drag to "
    "move.</qt>"
)
_DOT = 6.0  # largest on the screen, in pixels
_TICK = {"left": 16, "bottom": 30}  # room for an id, in pixels


class CellMatrix(QWidget):  # type: ignore[misc]
    """Partial correlations between ROIs, from source (columns) to target (rows), with a dot where one passes the test.

    Signals
    -------
    picked(int, int)
        Source and target that were clicked, as positions of ROIs.
    """

    picked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._influence: Influence | None = None
        self._passing = np.empty((0, 0), bool)
        self._order = np.empty(0, np.int64)
        self._row, self._column = -1, -1  # that are marked, as positions of ROIs
        self._axes = {side: _IdAxis(side) for side in ("left", "bottom")}
        self.plot = SquarePlot("partial correlation", self._axes)
        self.plot.setToolTip(_TOOLTIP)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.dots = pg.ScatterPlotItem(pen=None)
        self.lines = pg.PlotCurveItem(connect="pairs")
        for item in (self.image, self.dots, self.lines):
            self.plot.addItem(item, ignoreBounds=item is not self.image)
        self.plot.scene().sigMouseMoved.connect(self._on_mouse)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.readout = wrapped()
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.readout.setMinimumHeight(2 * self.readout.fontMetrics().lineSpacing())
        stacked((self.plot, 1), self.readout, parent=self, spacing=3)

    def show_influence(
        self, influence: Influence, passing: NDArray[np.bool_], order: NDArray[np.int64]
    ) -> None:
        """Show connections.

        Parameters
        ----------
        influence : Influence
            Of N ROIs.
        passing : ndarray (N, N), bool
            [target, source] that get a dot.
        order : ndarray (N,), int64
            Positions of the ROIs, from the first row and column on.
        """
        self._influence, self._passing, self._order = influence, passing, order
        drawn = influence.strength[np.ix_(order, order)]
        top = max(float(np.abs(drawn).max()), 1e-12)
        self.image.setImage(drawn, levels=(-top, top), autoLevels=False)
        targets, sources = np.nonzero(passing[np.ix_(order, order)])
        self.dots.setData(sources + 0.5, targets + 0.5, size=max(3.0, min(_DOT, 120 / max(len(order), 1))))
        for axis in self._axes.values():
            axis.show_ids(influence.ids[order])
        self.mark(-1, -1)
        self.plot.autoRange(padding=0.02)
        self.readout.setText(_HINT)

    def mark(self, target: int, source: int) -> None:
        """Frame the row of a target and the column of a source, by the positions of ROIs; −1 frames none."""
        self._row, self._column = target, source
        end = len(self._order)
        x: list[float] = []
        y: list[float] = []
        for position, along, across in ((target, x, y), (source, y, x)):
            if position >= 0:
                at = int(np.flatnonzero(self._order == position)[0])
                along += [0, end, 0, end]
                across += [at, at, at + 1, at + 1]
        self.lines.setData(x, y, connect="pairs")

    def sentence(self, target: int, source: int) -> str:
        """Say what is known of a connection between two ROIs, by their positions."""
        influence = self._influence
        assert influence is not None
        assert influence.p_values is not None
        ids, lag = influence.ids, int(influence.lag[target, source])
        if target == source:
            return f"ROI {ids[source]} and itself: its own past is not drawn here."
        r, p = float(influence.strength[target, source]), float(influence.p_values[target, source])
        if np.isnan(p):
            return f"ROI {ids[source]} to ROI {ids[target]}: not tested, as they share light."
        frames = "1 frame" if lag == 1 else f"{lag} frames"
        verb, end = ("drives", "") if self._passing[target, source] else ("to", ", which may be chance")
        numbers = f"r = {r:.2f}, p = {p:.2g}".replace("-", "−")
        return f"ROI {ids[source]} {verb} ROI {ids[target]}, {frames} later: {numbers}{end}."

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme: no connection has the colour of the background."""
        paint_axes(self.plot, colours)
        self.image.setColorMap(around_zero(colours))
        self.dots.setBrush(pg.mkBrush(colours.text))
        self.lines.setPen(pg.mkPen(colours.text, width=1))

    def leaveEvent(self, event: QEvent) -> None:
        """Say again what was clicked, and forget what was pointed at."""
        super().leaveEvent(event)
        self._say(None)

    def _on_mouse(self, position: QPointF) -> None:
        self._say(self._cell(position))

    def _say(self, cell: tuple[int, int] | None) -> None:
        if self._influence is None:
            return
        if cell is None and min(self._row, self._column) >= 0:
            cell = self._row, self._column
        self.readout.setText(_HINT if cell is None else self.sentence(*cell))

    def _on_click(self, event: MouseClickEvent) -> None:
        cell = self._cell(event.scenePos())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(cell[1], cell[0])

    def _cell(self, position: QPointF) -> tuple[int, int] | None:
        """Return (target, source) at a place in the scene, as positions of ROIs; None beside the matrix."""
        at = self.image.mapFromScene(position)
        row, column = math.floor(at.y()), math.floor(at.x())
        if self._influence is None or not (0 <= row < len(self._order) and 0 <= column < len(self._order)):
            return None
        return int(self._order[row]), int(self._order[column])


class _IdAxis(pg.AxisItem):  # type: ignore[misc]
    """Names rows or columns by the ids of their ROIs, as many as there is room for."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)

    def show_ids(self, ids: NDArray[np.int64]) -> None:
        self._ids = ids
        self.picture = None
        self.update()

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        low, high = sorted((low, high))  # the first row is on top
        apart = max(1, math.ceil(_TICK[self.orientation] * (high - low) / max(size, 1)))
        first, last = max(0, math.floor(low)), min(len(self._ids), math.ceil(high))
        places = [it + 0.5 for it in range(-(-first // apart) * apart, last, apart)]
        return [(apart, [it for it in places if low <= it <= high])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [str(self._ids[int(it)]) for it in values]
