"""What goes with one column of the behaviour: ROIs or sources, in a table whose rows can be clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QWidget

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.message import ProgressRow
from napari_calcdyn.gui.dynamics.results import SOURCES
from napari_calcdyn.gui.forms.pieces import beside, button, offer, stacked, wrapped
from napari_calcdyn.gui.layers.layers import result_layer
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.recording.errors import InputError

from .correlation_table import LEVEL, CorrelationTable
from .correlations import KINDS, STOPPED, Correlations, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.gui.session import Session


class GoesWith(QWidget):  # type: ignore[misc]
    """The table of correlations with one column, and what it is about.

    Parameters
    ----------
    session : Session
        With a behaviour.
    correlations : Correlations
        Its own; closed by the dock around.
    listener : Listener
        Of the dock around.
    """

    def __init__(self, session: Session, correlations: Correlations, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self._correlations = correlations
        self.column = QComboBox()
        self.column.setToolTip("What goes with this column is in the table.")
        self.column.setMinimumContentsLength(8)
        self.column.currentIndexChanged.connect(self.show_table)
        self.kind = QComboBox()
        self.kind.addItems(list(KINDS))
        self.kind.setToolTip(
            "<qt>What to correlate with: the traces of the ROIs, or the sources, which are the patches of activity "
            "that the model of the Dynamics panel describes the movie with.</qt>"
        )
        self.kind.currentIndexChanged.connect(self.show_table)
        self.save = button("Save …", "Save the correlations of all columns as a CSV table.", self._on_save)
        self.said = wrapped()
        self.progress = ProgressRow()
        self.halt = button("", "", self._on_halt)
        self.table = CorrelationTable()
        self.table.setToolTip(
            "<qt>Click an ROI to select it in all views; Shift or Ctrl selects several. Click a source to see its "
            "map, where the Dynamics panel made one.</qt>"
        )
        self.table.picked.connect(self._on_picked)
        self.choice = QWidget()  # for the dock to place
        beside(QLabel("What goes with"), (self.column, 1), self.kind, parent=self.choice)
        head = beside((self.said, 1), self.save)
        stacked(head, self.progress, self.halt, (self.table, 1), parent=self, spacing=3).addStretch(0)
        for signal in (
            session.neurons.events.traces,
            session.rois.events.loaded,
            session.dynamics.events.model,
            correlations.changed,
        ):
            listener.connect(signal, self.show_table)
        listener.connect(session.rois.events.selected, self._on_selected)

    def offer(self, columns: Sequence[str]) -> None:
        """Offer columns of the session's behaviour; one of the name that was chosen stays chosen."""
        offer(self.column, columns)
        self.show_table()

    def show_table(self, *_: object) -> None:
        """Show what is known, and have the rest computed; nothing is while this is hidden."""
        kind, column = self._kind(), self.column.currentText()
        wanted = bool(column) and in_front(self)
        obstacle = self._correlations.obstacle(kind)
        found = self._correlations.of(kind) if wanted else None
        self.table.show_correlation(found, column, kind)
        self.save.setVisible(found is not None)
        running = wanted and not obstacle and found is None
        self.progress.show_status(self._correlations.status if running else None)
        self.halt.setText("Stop" if running else "Go on")
        self.halt.setVisible(running or (wanted and obstacle == STOPPED))
        if found is not None:
            p = found.p_values[found.columns.index(column)]
            known, bold = int(np.isfinite(p).sum()), int((p <= LEVEL).sum())
            words = f"{bold} of {known:,}\u00a0{kind}, p\u00a0≤\u00a0{LEVEL:g}"  # broken between the two if at all
            self.said.setText(
                words
                if known
                else f"{column} does not change, or too little of it is known: choose another one."
            )
            self.table.setVisible(known > 0)
        else:
            self.table.setVisible(False)
            self.said.setText(obstacle)
        self.said.setVisible(not running)
        self._on_selected()

    def showEvent(self, event: QShowEvent) -> None:
        """Compute what nobody waited for while this was hidden."""
        super().showEvent(event)
        self.show_table()

    def _on_picked(self, ids: list[int]) -> None:
        if self._kind() == "ROIs":
            views_of(self.session).select(ids)
        elif ids:
            _show_source(self.session, ids[-1])

    def _on_selected(self, *_: object) -> None:
        if self._kind() == "ROIs":
            self.table.select_ids(self.session.rois.selected)

    def _on_halt(self) -> None:
        if self._correlations.obstacle(self._kind()) == STOPPED:
            self._correlations.go_on(self._kind())
        else:
            self._correlations.stop()
        self.show_table()

    def _on_save(self) -> None:
        found, kind = self._correlations.of(self._kind()), self._kind()
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the correlations", f"behaviour and {kind}.csv", "Tables (*.csv)"
        )
        if not name or found is None:
            return
        try:
            found.write_csv(name, kind.removesuffix("s").lower())
        except InputError as error:
            self.session.work.tell("behaviour", str(error), True)
        else:
            self.session.work.tell("behaviour", f"The correlations were saved in {name}.")

    def _kind(self) -> Kind:
        kind: Kind = KINDS[self.kind.currentIndex()]
        return kind


def _show_source(session: Session, source: int) -> None:
    """Show the map of one source, where the maps of the sources are among the layers."""
    viewer = session.viewer
    if viewer is None:
        return
    layer = result_layer(viewer, SOURCES)
    if layer is not None:
        layer.visible = True
        viewer.dims.set_point(viewer.dims.ndim - 4, source)
