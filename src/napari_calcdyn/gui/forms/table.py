"""A table to read and to select rows in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem


class PlainTable(QTableWidget):  # type: ignore[misc]
    """A table to read and to select rows in.

    Parameters
    ----------
    headings : mapping of str to str
        Titles of the columns, with tooltips.
    height : int
        Least height, in pixels; 0 leaves it to Qt.
    """

    def __init__(self, headings: Mapping[str, str], height: int = 0) -> None:
        super().__init__(0, len(headings))
        self.head(headings)
        self.verticalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        if height:
            self.setMinimumHeight(height)

    def head(self, headings: Mapping[str, str]) -> None:
        """Write other titles and tooltips over the columns."""
        self.setHorizontalHeaderLabels(list(headings))
        for place, tip in enumerate(headings.values()):
            self.horizontalHeaderItem(place).setToolTip(f"<qt>{tip}</qt>" if tip else "")

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        """Put texts into the table; what else was set of a cell stays."""
        self.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for place, text in enumerate(texts):
                item = self.item(row, place)
                if item is None:
                    item = QTableWidgetItem()
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                    self.setItem(row, place, item)
                item.setText(text)

    def selected_rows(self) -> list[int]:
        """Return the numbers of the rows that are selected, from the top."""
        return sorted({index.row() for index in self.selectedIndexes()})
