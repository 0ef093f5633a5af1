"""The traces of the Inspector: raw, reconstructed and predicted, of the current region and of pinned ROIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.plots.trace_plot import PREDICTED, RAW, RECONSTRUCTED, Row, TracePlot, line_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.gui.neurons.views import NeuronViews

    from .prepared import Inspected

KINDS = {
    RAW: "What was recorded: the mean over the region's pixels, extracted like the traces of the Neurons panel.",
    RECONSTRUCTED: "The same mean in the model's reconstruction of each frame.",
    PREDICTED: "What the dynamics predict one frame ahead from the frames before.",
}


class InspectorPlot(QWidget):  # type: ignore[misc]
    """Rows of traces, and a choice of kinds.

    Parameters
    ----------
    views : NeuronViews
        Knows the ROIs' colours.
    """

    def __init__(self, views: NeuronViews) -> None:
        super().__init__()
        self._views = views
        self._shown: tuple[Inspected, ...] = ()
        self._unit = ""
        self._rate: float | None = None
        self.plot = TracePlot()
        self.plot.setMinimumHeight(150)
        self.plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.note = wrapped()
        self.kinds = {kind: QCheckBox(kind) for kind in KINDS}
        row = QHBoxLayout()
        row.setSpacing(8)
        for kind, box in self.kinds.items():
            box.setChecked(True)
            box.setToolTip(f"<qt>{KINDS[kind]}</qt>")
            box.toggled.connect(self._draw)
            row.addWidget(box)
        row.addStretch(1)
        stacked(row, (self.plot, 1), self.note, parent=self, spacing=2)

    @property
    def shown(self) -> tuple[Inspected, ...]:
        """The regions whose traces are drawn."""
        return self._shown

    def show_regions(self, shown: Sequence[Inspected], *, unit: str, rate: float | None) -> None:
        """Draw the traces of some regions, one above the other; none empties the plot."""
        self._shown, self._unit, self._rate = tuple(shown), unit, rate
        self._draw()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.plot.set_colours(colours)
        for kind, box in self.kinds.items():
            box.setIcon(line_icon(kind, colours))

    def _draw(self, *_: object) -> None:
        rows = []
        for found in self._shown:
            region = found.region
            colour = None
            if region.roi is not None:
                own = self._views.colours_of(np.array([region.roi]))[0]
                red, green, blue = (round(255 * float(value)) for value in own)
                colour = (red, green, blue)
            curves = {kind: it for kind, it in found.curves.items() if self.kinds[kind].isChecked()}
            rows.append(Row(region.name, colour, curves, found.problem))
        self.plot.show_rows(tuple(rows), unit=self._unit, frame_rate=self._rate)
        problem = next((it.problem for it in self._shown[:1]), "")
        self.note.setText(f"Its raw trace cannot be used: {problem}." if problem else self.plot.note)
        self.note.setVisible(bool(self.note.text()))
