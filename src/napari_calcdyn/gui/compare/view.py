"""The answer of a comparison: a sentence, the null distribution, and the connections that changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_calcdyn.gui.docks.dock import caption
from napari_calcdyn.gui.docks.message import breakable
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped

from .changed_layer import show_changed
from .changed_table import MOST_ROWS, ChangedTable
from .null_plot import NullPlot
from .runs import export, show_difference
from .words import ALPHA, block_counts, cautions, livelier, verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.plots.theme import PlotColours
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.compared import Compared


class ComparisonView(QWidget):  # type: ignore[misc]
    """Shows the session's comparison.

    Parameters
    ----------
    session : Session
        Whose comparison; the dock around tells when it changes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._edges: NDArray[Any] = np.empty(0)
        layout = stacked(parent=self, margins=(0, 6, 0, 0), spacing=5)
        self.asked, self.verdict, self.livelier, self.cautions, self.outdated = (wrapped() for _ in range(5))
        for label in (self.verdict, self.livelier, self.asked, self.outdated, self.cautions):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        self.null = NullPlot()
        layout.addWidget(self.null)
        self.changed = caption("", "<qt>Their p-values hold for all of them together.</qt>")
        self.changed.setWordWrap(True)
        layout.addWidget(self.changed)
        self.table = ChangedTable()
        self.table.picked.connect(self._on_picked)
        layout.addWidget(self.table, 1)
        self.export = button(
            "Export …",
            "<qt>Writes into a folder: comparison.json with all numbers, the maps as TIFF, and a picture.</qt>",
            self._ask_export,
        )
        self.map = button(
            "Show map",
            "<qt>Shows the layer of the differences again if it was hidden or deleted.</qt>",
            self._on_map,
        )
        layout.addLayout(beside(self.map, self.export))

    def show_comparison(self, compared: Compared | None) -> None:
        """Show an answer; None hides everything."""
        self.setVisible(compared is not None)
        if compared is None:
            return
        comparison = compared.comparison
        edges = self._edges = comparison.edges(ALPHA)
        count = len(edges)
        self.verdict.setText(verdict(comparison))
        self.livelier.setText(livelier(comparison))
        in_a, in_b = block_counts(comparison)
        self.asked.setText(
            f"Compared: {breakable(compared.words)}; {in_a} and {in_b} blocks of {comparison.block_length} frames."
        )
        self.cautions.setText(" ".join(cautions(comparison)))
        self.cautions.setVisible(bool(self.cautions.text()))
        self.null.show_comparison(comparison)
        if not count:
            self.changed.setText("No single connection changed clearly.")
        else:
            which = f"; the clearest {MOST_ROWS}:" if count > MOST_ROWS else ":"
            self.changed.setText(f"{count:,} connection{'s' if count > 1 else ''} changed{which}")
        self.table.setVisible(bool(count))
        self.table.show_edges(edges, compared.centres if compared.rois is None else None)
        self.show_age()

    def show_age(self) -> None:
        """Say where the answer is of a model or a recording that was replaced since."""
        compared, session = self.session.answers.comparison, self.session
        old = ""
        here = compared is not None and compared.is_of(session.recording.movie)
        if compared is not None and not here:
            old = "This result belongs to another recording."
            if compared.source is not None and compared.source() is session.recording.source:
                old = "The corrections were changed since this result: press Compare to compute it anew."
        elif compared is not None and session.dynamics.model is not compared.model():
            old = "This result was computed with an earlier model: press Compare to use the present one."
        elif compared is not None and compared.rois not in (None, session.rois_of_movie()):
            old = "This result is between other ROIs than the present ones: press Compare to use these."
        self.outdated.setText(old)
        self.outdated.setVisible(bool(old))
        self.map.setEnabled(here)
        self.export.setEnabled(session.work.free)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.null.set_colours(colours)

    def _on_picked(self, rows: list[int]) -> None:
        compared = self.session.answers.comparison
        known = compared is not None and bool(compared.centres)  # not of a result without its model
        if compared is not None and known and compared.is_of(self.session.recording.movie):
            show_changed(self.session, self._edges[rows], compared.centres)

    def _on_map(self) -> None:
        show_difference(self.session)

    def _ask_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export the result: name its folder", "comparison")
        if name:
            export(self.session, Path(name))
