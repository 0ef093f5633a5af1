"""The connections of the model as a picture: which region's past predicts which region."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QPointF, QSize, Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QWidget
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import csr_array
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.pieces import beside, stacked, wrapped
from napari_calcdyn.gui.plots.theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

    from napari_calcdyn.models.var.model import VAR

_HINT = "Point at the matrix to read a connection; click to map it."
_NOTHING = (
    "The model found no connections between regions, only each one's own past. Move the slider to the right to include"
    " weaker ones."
)
_LEAST_PIXELS = 3.0  # of a connection on the screen
_MOST_PIXELS = 512  # of the picture, along each side
_TOOLTIP = (
    "<qt>Every row is a region that is predicted, every column a region it is predicted from. Colour is the "
    "coefficient: orange above zero, blue below, none where the past of the column says nothing about the "
    "row. Drag to move, turn the wheel to zoom, click a connection to see what it explains.</qt>"
)


class MatrixPlot(QWidget):  # type: ignore[misc]
    """VAR coefficients of one lag, from source (columns) to target (rows).

    Signals
    -------
    picked(int, int, int)
        Source, target and lag (from 1 on) of a connection that was clicked.
    """

    picked = Signal(int, int, int)

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entries] = []
        self._latents = 0
        self._centres: np.ndarray | None = None
        self._drawn_reach = 0
        self._hint = ""

        self.lag = QComboBox()
        self.lag.setToolTip("How many frames back the source is looked at.")
        self.lag.currentIndexChanged.connect(self._draw)
        self._lag_row = QWidget()
        beside(QLabel("Lag"), (self.lag, 1), parent=self._lag_row)
        self._lag_row.setVisible(False)

        self.plot = SquarePlot("coefficient")
        self.plot.setToolTip(_TOOLTIP)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self.plot.getViewBox().sigTransformChanged.connect(self._on_zoom)
        self.plot.scene().sigMouseMoved.connect(self._on_mouse)
        self.plot.scene().sigMouseClicked.connect(self._on_click)

        self.readout = wrapped()
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.readout.setMinimumHeight(2 * self.readout.fontMetrics().lineSpacing())

        stacked(self._lag_row, (self.plot, 1), self.readout, parent=self, spacing=3)

    def show_var(self, var: VAR | None, centres: np.ndarray | None = None) -> None:
        """Show the coefficients of a VAR.

        Parameters
        ----------
        var : VAR or None
            None empties the plot.
        centres : ndarray of shape (d, 2), optional
            Where each latent sits in the image, in pixels (y, x), for the words under the plot.
        """
        before = self._latents, len(self._entries)
        self._latents = 0 if var is None else var.latents
        self._entries = [] if var is None else [Entries(table) for table in var.tables]
        self._centres = centres
        connected = any((it.targets != it.sources).any() for it in self._entries)
        self._hint = "" if var is None else _HINT if connected else _NOTHING
        self.readout.setText(self._hint)
        if not self._entries:
            self.image.clear()
            return
        new = (self._latents, len(self._entries)) != before
        if new:
            lags = len(self._entries)
            with signals_blocked(self.lag):
                self.lag.clear()
                self.lag.addItems([f"{lag} frame{'s' if lag > 1 else ''} back" for lag in range(1, lags + 1)])
            self._lag_row.setVisible(lags > 1)
        self._draw()
        if new:
            self.plot.autoRange(padding=0.02)

    def _draw(self) -> None:
        if not self._entries:
            return
        # One scale for all lags. A region's own past is far stronger than all else and would hide it.
        others = np.concatenate([np.abs(it.values[it.targets != it.sources]) for it in self._entries])
        top = float(np.percentile(others, 98)) if others.size else 1.0
        block = self._block()
        matrix = self._shown.in_blocks(self._latents, block)
        self.image.setImage(spread(matrix, self._reach_in_blocks()), levels=(-top, top), autoLevels=False)
        self.image.setRect(0, 0, block * matrix.shape[1], block * matrix.shape[0])

    @property
    def _shown(self) -> Entries:
        return self._entries[max(int(self.lag.currentIndex()), 0)]

    def _block(self) -> int:
        """Return how many latents share a pixel of the picture, along each side."""
        return max(1, math.ceil(self._latents / _MOST_PIXELS))

    def _reach_in_blocks(self) -> int:
        return math.ceil(self._reach() / self._block())

    def _reach(self) -> int:
        """Return how many cells around it a connection is drawn over, so that it can be seen at this zoom."""
        cells_per_pixel = float(self.plot.getViewBox().viewPixelSize()[0])
        return max(0, math.ceil((_LEAST_PIXELS * cells_per_pixel - 1) / 2))

    def _on_zoom(self) -> None:
        if self._reach() != self._drawn_reach:
            self._drawn_reach = self._reach()
            self._draw()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme: no connection has the colour of the background."""
        paint_axes(self.plot, colours)
        self.image.setColorMap(around_zero(colours))

    def _on_mouse(self, position: QPointF) -> None:
        cell = self._cell(position)
        if cell is None:
            self.readout.setText(self._hint)
            return
        target, source = cell
        value = self._shown.at(target, source)
        self.readout.setText(
            f"source {source}{self._where(source)} → target {target}{self._where(target)}: "
            + (f"{value:+.3g}" if value else "no connection")
        )

    def _on_click(self, event: MouseClickEvent) -> None:
        cell = self._cell(event.scenePos())
        if cell is None or event.button() != Qt.MouseButton.LeftButton:
            return
        target, source = cell
        if self._shown.at(target, source):
            self.picked.emit(source, target, max(int(self.lag.currentIndex()), 0) + 1)

    def _cell(self, position: QPointF) -> tuple[int, int] | None:
        """Return (target, source) of what is drawn at a place in the scene, or None beside the matrix."""
        at = self.image.mapFromScene(position) * self._block()
        target, source = int(np.floor(at.y())), int(np.floor(at.x()))
        if not (0 <= target < self._latents and 0 <= source < self._latents):
            return None
        # The strongest connection that is drawn here, or this very cell where there is none.
        if not self._reach() and self._shown.at(target, source):
            return target, source
        return self._shown.strongest(target, source, self._block(), self._reach_in_blocks()) or (
            target,
            source,
        )

    def _where(self, latent: int) -> str:
        if self._centres is None:
            return ""
        y, x = self._centres[latent]
        return f" (y {y:.0f}, x {x:.0f})"

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the connection that was pointed at."""
        super().leaveEvent(event)
        self.readout.setText(self._hint)


class Entries:
    """Coefficients of one lag that are not zero, the strongest last.

    Parameters
    ----------
    table : ndarray or csr_array (d, d)
        [target, source].
    """

    def __init__(self, table: Any) -> None:
        entries = csr_array(table).tocoo()
        order = np.abs(entries.data).argsort()
        self.targets, self.sources = entries.row[order], entries.col[order]
        self.values: np.ndarray = entries.data[order]

    def at(self, target: int, source: int) -> float:
        """Return one coefficient, 0 where there is no connection."""
        return float(self.values[(self.targets == target) & (self.sources == source)].sum())

    def in_blocks(self, latents: int, block: int) -> np.ndarray:
        """Draw the matrix with so many rows and columns to a pixel, which shows the strongest of its entries."""
        size = math.ceil(latents / block)
        matrix: np.ndarray = np.zeros((size, size), np.float32)
        matrix[self.targets // block, self.sources // block] = self.values
        return matrix

    def strongest(self, target: int, source: int, block: int, reach: int) -> tuple[int, int] | None:
        """Return (target, source) of the strongest entry at most so many blocks away, if there is one."""
        near = np.abs(self.targets // block - target // block) <= reach
        near &= np.abs(self.sources // block - source // block) <= reach
        found = np.flatnonzero(near)
        return (int(self.targets[found[-1]]), int(self.sources[found[-1]])) if len(found) else None


def spread(matrix: np.ndarray, reach: int) -> np.ndarray:
    """Draw every entry over its neighbours within `reach`; where entries meet, the stronger one shows."""
    if reach == 0:
        return matrix
    above: np.ndarray = maximum_filter(matrix, 2 * reach + 1)
    below: np.ndarray = minimum_filter(matrix, 2 * reach + 1)
    return np.where(above >= -below, above, below)


def around_zero(colours: PlotColours) -> pg.ColorMap:
    """Return colours of a matrix in which zero is the background."""
    return pg.ColorMap([0.0, 0.5, 1.0], [colours.negative, colours.background, colours.positive])


class SquarePlot(pg.PlotWidget):  # type: ignore[misc]
    """Axes of a matrix from source (columns) to target (rows), the first row on top.

    Parameters
    ----------
    values : str
        What the colours mean, for the colour bar of a saved figure.
    axes : dict, optional
        Axes of another kind, as of `PlotItem`.
    """

    def __init__(self, values: str, axes: dict[str, pg.AxisItem] | None = None) -> None:
        super().__init__(axisItems=axes, enableMenu=False)
        self.values = values
        self.setMinimumHeight(200)
        self.setAspectLocked(True)
        self.invertY(True)
        self.hideButtons()
        self.setLabel("bottom", "from source")
        self.setLabel("left", "to target")

    def sizeHint(self) -> QSize:
        """Stay small: a dock has little room."""
        return QSize(260, 260)
