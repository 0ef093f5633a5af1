"""Learning curves: every part of the loss apart, what is trained on and what is held out in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from qtpy.QtCore import QCoreApplication, QSize
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QLabel, QWidget

from napari_calcdyn.gui.forms.pieces import stacked

from .theme import Colour, PlotColours, paint_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_calcdyn.models.progress import Progress


class LossPlot(QWidget):  # type: ignore[misc]
    """Small plots over the steps of a training run, for a `history` as the session holds it.

    Parameters
    ----------
    panels : mapping of str to (str, str)
        Heading and tooltip of each plot, by the name of what it shows in `Progress.losses`.
    samples : str
        What is held out, as "frames".
    """

    saved_as_one = True  # a curve alone would not say what it shows

    def __init__(self, panels: Mapping[str, tuple[str, str]], samples: str) -> None:
        super().__init__()
        self._samples = samples
        self.legend = QLabel()
        self.legend.setToolTip(
            f"<qt>Validation {samples} are a part of the recording that the network never trains on;"
            " they decide which state of it is kept.</qt>"
        )
        self.panels = {key: _Panel(title, tip) for key, (title, tip) in panels.items()}
        curves = [it for panel in self.panels.values() for it in (panel.heading, panel.plot)]
        stacked(self.legend, *curves, parent=self, spacing=2)
        panel = list(self.panels.values())[-1]
        panel.plot.setLabel("bottom", "training step")
        panel.plot.getAxis("bottom").setHeight(36)
        panel.plot.getPlotItem().setContentsMargins(0, 6, 6, 6)  # pyqtgraph lets the label stick out
        self._shown: tuple[Progress, ...] = ()

    def show_history(self, history: tuple[Progress, ...]) -> None:
        """Draw the curves of a run; a longer version of the one shown is only extended."""
        shown = len(self._shown)
        if not (shown and len(history) >= shown and history[0] is self._shown[0]):
            for panel in self.panels.values():
                panel.clear()
            shown = 0
        self.setUpdatesEnabled(False)  # else the window is painted for each plot, and again for its axes
        for key, panel in self.panels.items():
            panel.extend(key, history[shown:])
        self.setUpdatesEnabled(True)
        self._shown = history

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.legend.setText(
            f'<span style="color: rgb{colours.training}">━</span> training {self._samples} &nbsp;&nbsp; '
            f'<span style="color: rgb{colours.held_out}">●</span> validation {self._samples}'
        )
        for panel in self.panels.values():
            panel.set_colours(colours)


class StillPlot(pg.PlotWidget):  # type: ignore[misc]
    """A plot that is looked at only: it leaves the mouse wheel to the dock around it.

    Parameters
    ----------
    height, left, bottom : int
        Least height, width of the left axis and height of the lower one, in pixels.
    """

    def __init__(self, height: int, left: int, bottom: int) -> None:
        super().__init__(enableMenu=False)
        self.setMinimumHeight(height)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.getAxis("left").setWidth(left)
        self.getAxis("bottom").setHeight(bottom)
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Hand the wheel on."""
        event.ignore()

    def sizeHint(self) -> QSize:
        """Stay small: a dock has little room."""
        return QSize(260, 100)


class _Panel:
    """One plot with a training and a held-out curve."""

    def __init__(self, title: str, tooltip: str) -> None:
        self.heading = QLabel(title)
        self.heading.setToolTip(f"<qt>{tooltip}</qt>")
        self.plot = StillPlot(84, left=42, bottom=20)
        self.plot.setToolTip(f"<qt>{tooltip}</qt>")
        self.plot.getPlotItem().setContentsMargins(0, 6, 6, 0)
        self.training = self.plot.plot()
        self.held_out = self.plot.plot()
        self.clear()

    def clear(self) -> None:
        self._training: tuple[list[float], list[float]] = ([], [])
        self._held_out: tuple[list[float], list[float]] = ([], [])
        self.training.setData([], [])
        self.held_out.setData([], [])

    def extend(self, key: str, news: Sequence[Progress]) -> None:
        for points, curve, name in (
            (self._training, self.training, key),
            (self._held_out, self.held_out, f"held_out_{key}"),
        ):
            fresh = [(it.step, it.losses[name]) for it in news if name in it.losses]
            if fresh:
                points[0].extend(float(step) for step, _ in fresh)
                points[1].extend(value for _, value in fresh)
                curve.setData(*points)
        scene = self.plot.scene()
        scene.prepareForPaint()
        QCoreApplication.sendPostedEvents(scene)

    def set_colours(self, colours: PlotColours) -> None:
        paint_axes(self.plot, colours)
        self.training.setPen(pg.mkPen(colours.training, width=1))
        draw_points(self.held_out, colours.held_out)


def draw_points(curve: pg.PlotDataItem, colour: Colour) -> None:
    """Draw a curve as points on a line."""
    curve.setPen(pg.mkPen(colour, width=2))
    curve.setSymbol("o")
    curve.setSymbolSize(5)
    curve.setSymbolPen(None)
    curve.setSymbolBrush(colour)
