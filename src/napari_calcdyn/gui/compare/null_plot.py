"""What chance gives, and what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QLabel, QWidget

from napari_calcdyn.gui.forms.pieces import stacked
from napari_calcdyn.gui.plots.loss_plot import StillPlot
from napari_calcdyn.gui.plots.theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from napari_calcdyn.analysis.sequences.comparison import Comparison

_BINS = 32
_TOOLTIP = (
    "<qt>Grey: the difference where about half of the blocks, drawn at random, count with the opposite sign, once for "
    "each shuffle. "
    "Orange: the difference between A and B. The p-value is the share of shuffles that reach it.</qt>"
)


class NullPlot(QWidget):  # type: ignore[misc]
    """A histogram of a comparison's null distribution, with the observed value."""

    def __init__(self) -> None:
        super().__init__()
        self.legend = QLabel()
        self.legend.setToolTip(_TOOLTIP)
        self.plot = _Histogram(110, left=42, bottom=36)
        self.plot.setToolTip(_TOOLTIP)
        self.plot.getPlotItem().setContentsMargins(0, 6, 10, 6)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        self.plot.setLabel("bottom", "difference in dynamics")
        self.bars = self.plot.plot(stepMode="center", fillLevel=0)
        self.observed = pg.InfiniteLine()
        self.plot.addItem(self.observed, ignoreBounds=True)
        stacked(self.legend, self.plot, parent=self, spacing=2)

    def show_comparison(self, comparison: Comparison) -> None:
        """Draw the null distribution of a comparison and its statistic."""
        count, edges = np.histogram(comparison.null, bins=_BINS)
        self.bars.setData(edges, count)
        self.observed.setValue(comparison.statistic)
        low = min(float(edges[0]), comparison.statistic)
        high = max(float(edges[-1]), comparison.statistic)
        self.plot.setXRange(low, high, padding=0.05)
        self.plot.setYRange(0, max(int(count.max()), 1), padding=0.05)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.legend.setText(
            f'<span style="color: rgb{colours.training}">■</span> shuffled blocks &nbsp;&nbsp; '
            f'<span style="color: rgb{colours.held_out}">┃</span> A against B'
        )
        paint_axes(self.plot, colours)
        self.bars.setPen(None)
        self.bars.setFillBrush(pg.mkBrush(colours.training))
        self.observed.setPen(pg.mkPen(colours.held_out, width=3))


class _Histogram(StillPlot):
    def sizeHint(self) -> QSize:
        return QSize(260, 130)
