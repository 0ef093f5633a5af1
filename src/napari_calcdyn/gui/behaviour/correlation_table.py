"""The ROIs or sources that go with one column of the behaviour, one in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_calcdyn.analysis.behaviour.correlation import BehaviourCorrelation

MOST_ROWS = 200
LEVEL = 0.05
_TIPS = (
    "",
    "Correlation over time, from −1 to 1, after drifts as slow as half the recording were taken off both.",
    "How often activity shifted in time goes with the behaviour as much, in any row of all: 0.05 keeps the share of "
    "tables with even one false row at 5 %. Rows below that are bold.",
)


class CorrelationTable(QTableWidget):  # type: ignore[misc]
    """Lists what goes with a column, the strongest first.

    Signals
    -------
    picked(object)
        The ids in the rows that the user selected (list of int).
    """

    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, len(_TIPS))
        self._ids: list[int] = []
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(30)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.itemSelectionChanged.connect(self._on_selected)

    def show_correlation(self, found: BehaviourCorrelation | None, column: str, kind: str) -> None:
        """Show one column of what was found, and no selection; None empties the table."""
        self.blockSignals(True)
        self.clearSelection()
        self.setHorizontalHeaderLabels([kind.removesuffix("s"), "r", "p"])
        for place, tip in enumerate(_TIPS):
            self.horizontalHeaderItem(place).setToolTip(f"<qt>{tip}</qt>" if tip else "")
        ranked = [] if found is None or column not in found.columns else found.ranked(column).tolist()
        self._ids = [] if found is None else [int(found.ids[at]) for at in ranked[:MOST_ROWS]]
        self.setRowCount(len(self._ids))
        for row, at in enumerate(ranked[:MOST_ROWS]):
            assert found is not None
            place = found.columns.index(column)
            p = found.p_values[place, at]
            for cell, text in enumerate(
                (
                    str(self._ids[row]),
                    f"{found.correlation[place, at]:+.2f}",
                    f"{p:.2g}" if p >= 0.001 else "< 0.001",
                )
            ):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                font = item.font()
                font.setBold(bool(p <= LEVEL))
                item.setFont(font)
                self.setItem(row, cell, item)
        self.blockSignals(False)

    def select_ids(self, ids: Collection[int]) -> None:
        """Select the rows of some ids, without `picked` being emitted."""
        rows = [row for row, number in enumerate(self._ids) if number in set(ids)]
        if rows == sorted({index.row() for index in self.selectedIndexes()}):
            return
        self.blockSignals(True)
        self.clearSelection()
        mode = self.selectionMode()
        self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        for row in rows:
            self.selectRow(row)
        self.setSelectionMode(mode)
        self.blockSignals(False)
        self.viewport().update()

    def _on_selected(self) -> None:
        self.picked.emit(
            [self._ids[row] for row in sorted({index.row() for index in self.selectedIndexes()})]
        )
