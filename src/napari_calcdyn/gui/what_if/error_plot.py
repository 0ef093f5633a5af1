"""How wrong forecasts were, against how far ahead they looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.plots.loss_plot import StillPlot, draw_points
from napari_calcdyn.gui.plots.theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from napari_calcdyn.analysis.what_if.forecasting import ForecastError

_TOOLTIP = (
    "<qt>Forecasts that start at each held-out frame, compared with the recording: squared error as a "
    "share of the variance. 0 is perfect; 1 is no better than the mean frame. The grey line is a forecast "
    "in which nothing changes.</qt>"
)


class ErrorPlot(QWidget):  # type: ignore[misc]
    """The error at each horizon, and that of a forecast in which nothing changes."""

    def __init__(self) -> None:
        super().__init__()
        self.legend = wrapped()
        self.plot = StillPlot(110, left=52, bottom=36)
        self.plot.getPlotItem().setContentsMargins(0, 6, 8, 6)
        self.plot.setLabel("bottom", "frames ahead")
        self.plot.setLabel("left", "error")
        for widget in (self.legend, self.plot):
            widget.setToolTip(_TOOLTIP)
        self.unchanged, self.curve = self.plot.plot(), self.plot.plot()
        self.mean = pg.InfiniteLine(1.0, angle=0)
        self.plot.addItem(self.mean, ignoreBounds=True)
        stacked(self.legend, self.plot, parent=self, spacing=2)

    def show_errors(self, errors: ForecastError) -> None:
        """Draw the errors of the picture."""
        self.curve.setData(errors.horizons, errors.picture)
        self.unchanged.setData(errors.horizons, errors.unchanged)
        # A forecast that runs away must not flatten the rest.
        highest = max(errors.picture.max(), errors.unchanged.max())
        self.plot.setYRange(0, min(max(highest, 1.0), 2.5) * 1.08, padding=0)
        longest = len(errors.horizons)
        self.plot.setXRange(0.5, longest + 0.5, padding=0)
        self.plot.getAxis("bottom").setTickSpacing(levels=[(1, 0)] if longest <= 10 else None)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.legend.setText(
            f'<span style="color: rgb{colours.held_out}">●</span> forecast &nbsp;&nbsp; '
            f'<span style="color: rgb{colours.training}">━</span> nothing changes &nbsp;&nbsp; '
            f'<span style="color: rgb{colours.text}">┄</span> mean'
        )
        paint_axes(self.plot, colours)
        draw_points(self.curve, colours.held_out)
        self.unchanged.setPen(pg.mkPen(colours.training, width=2))
        self.mean.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
