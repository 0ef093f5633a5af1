"""The ROIs or sources that go with one column of the behaviour, one in a row."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_calcdyn.analysis.behaviour.correlation import BehaviourCorrelation

MOST_ROWS = 200
LEVEL = 0.05
_TIPS = (
    "",
    "Correlation over time, from −1 to 1, after drifts as slow as half the recording were taken off both.",
    "Family-wise p-value: how often activity shifted in time is correlated as strongly in any row. At "
    "0.05, one table in twenty has a false row. Rows below 0.05 are bold.",
)


class CorrelationTable(PlainTable):
    """Lists what goes with a column, the strongest first.

    Signals
    -------
    picked(object)
        The ids in the rows that the user selected (list of int).
    """

    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__(_headings("ROIs"))
        self._ids: list[int] = []
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setMinimumSectionSize(30)
        self.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)  # “< 0.001”
        self.itemSelectionChanged.connect(self._on_selected)

    def show_correlation(self, found: BehaviourCorrelation | None, column: str, kind: str) -> None:
        """Show one column of what was found, and no selection; None empties the table."""
        ranked = [] if found is None or column not in found.columns else found.ranked(column).tolist()
        ranked, rows, bold = ranked[:MOST_ROWS], [], []
        self._ids = []
        for at in ranked:
            assert found is not None
            place, number = found.columns.index(column), int(found.ids[at])
            r, p = found.correlation[place, at], found.p_values[place, at]
            self._ids.append(number)
            rows.append((str(number), f"{r:+.2f}", f"{p:.2g}" if p >= 0.001 else "< 0.001"))
            bold.append(bool(p <= LEVEL))
        with signals_blocked(self):
            self.clearSelection()
            self.head(_headings(kind))
            self.fill(rows)
            for row, cell in product(range(len(rows)), range(self.columnCount())):
                font = self.item(row, cell).font()
                font.setBold(bold[row])
                self.item(row, cell).setFont(font)

    def select_ids(self, ids: Collection[int]) -> None:
        """Select the rows of some ids, without `picked` being emitted."""
        rows = [row for row, number in enumerate(self._ids) if number in set(ids)]
        if rows == self.selected_rows():
            return
        with signals_blocked(self):
            self.clearSelection()
            mode = self.selectionMode()
            self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
            for row in rows:
                self.selectRow(row)
            self.setSelectionMode(mode)
        self.viewport().update()

    def _on_selected(self) -> None:
        self.picked.emit([self._ids[row] for row in self.selected_rows()])


def _headings(kind: str) -> dict[str, str]:
    return dict(zip((kind.removesuffix("s"), "r", "p"), _TIPS, strict=True))
