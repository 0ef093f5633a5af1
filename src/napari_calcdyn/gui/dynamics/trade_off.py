"""What a better prediction costs in the picture, and the γ of a model on that curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.plots.loss_plot import StillPlot, draw_points
from napari_calcdyn.gui.plots.theme import PlotColours, paint_axes

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

_NEAR = 20  # pixels
_MOST = 25.0  # per cent; nobody wants a picture that is worse
_TOOLTIP = (
    "<qt>What a better prediction costs in the picture, on validation frames: each point is a value of γ on "
    "the way from 0 upwards. The ring is the one that the budget chose. Click on another point to train with "
    "its γ.</qt>"
)


class TradeOffPlot(QWidget):  # type: ignore[misc]
    """Prediction error against the price in the picture, for each γ of a training with a budget.

    Signals
    -------
    picked(float)
        γ of the point that was clicked on.
    """

    picked = Signal(float)
    saved_as_one = True  # the curve alone would not say what it shows

    def __init__(self) -> None:
        super().__init__()
        self.keep = False  # the curve, when the next model has none: it was trained with a γ of this one
        self._points: list[Mapping[str, float]] = []
        self.words = wrapped()
        self.plot = StillPlot(120, left=52, bottom=36)
        self.plot.getPlotItem().setContentsMargins(0, 6, 8, 6)
        self.plot.setLabel("bottom", "picture worse by (%)")
        self.plot.setLabel("left", "error")
        for widget in (self.words, self.plot):
            widget.setToolTip(_TOOLTIP)
        self.curve, self.ring = self.plot.plot(), self.plot.plot()
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        stacked(self.words, self.plot, parent=self, spacing=2)
        self.hide()

    def show_model(self, metrics: Mapping[str, Any], gamma: float) -> None:
        """Draw the curve of a model that was trained with a budget; one that was not keeps the curve or hides it.

        Parameters
        ----------
        metrics : mapping
            Of the model.
        gamma : float
            Of its settings, where no budget chose one.
        """
        if "trade_off" in metrics:
            self._points = list(metrics["trade_off"])
            self._points = [it for it in self._points if self._place(it)[0] <= _MOST]
            self.curve.setData(*zip(*map(self._place, self._points), strict=True))
        self.setVisible("trade_off" in metrics or (self.keep and bool(self._points)))
        self.keep = False
        if self.isHidden():
            return
        chosen = float(metrics.get("gamma", gamma))
        cost, error = self._place([it for it in self._points if it["gamma"] <= 1.01 * chosen][-1])
        self.ring.setData([cost], [error])
        self.words.setText(
            f"γ = {chosen:.2g}. On the way there, with the picture {max(cost, 0):.1f} % worse than with γ = 0, the"
            f" prediction error was {error:.3g} in place of {self._points[0]['prediction']:.3g}, on validation frames."
        )

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        paint_axes(self.plot, colours)
        draw_points(self.curve, colours.held_out)
        self.ring.setPen(None)
        self.ring.setSymbol("o")
        self.ring.setSymbolSize(13)
        self.ring.setSymbolBrush(None)
        self.ring.setSymbolPen(pg.mkPen(colours.text, width=2))

    def _place(self, point: Mapping[str, float]) -> tuple[float, float]:
        cost = point["reconstruction"] / self._points[0]["reconstruction"] - 1
        return 100 * cost, point["prediction"]

    def _on_click(self, event: MouseClickEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or len(self._points) < 2:
            return
        at, view = event.scenePos(), self.plot.getViewBox()

        def distance(point: Mapping[str, float]) -> float:
            away = view.mapViewToScene(QPointF(*self._place(point))) - at
            return float(away.x() ** 2 + away.y() ** 2)

        nearest = min(self._points[1:], key=distance)
        if distance(nearest) <= _NEAR**2:
            self.picked.emit(float(f"{nearest['gamma']:.3g}"))
