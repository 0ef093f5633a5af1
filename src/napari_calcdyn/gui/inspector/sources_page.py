"""The page *Sources* of the Inspector: what drives a region, ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHeaderView, QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.forms.table import PlainTable

from .rankings import LATENT_HEADINGS, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SourcesPage(QWidget):  # type: ignore[misc]
    """A table of the sources that drive a region.

    Signals
    -------
    chosen()
        Other rows were selected; `sources` are those that the map should show.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ranking: Ranking | None = None
        self.words = wrapped()
        self.table = ranking_table(LATENT_HEADINGS)
        self.table.itemSelectionChanged.connect(self.chosen)
        stacked(self.words, (self.table, 1), parent=self, margins=(2, 4, 2, 2), spacing=4)

    @property
    def sources(self) -> NDArray[np.int64]:
        """The sources of the rows that are selected, or else those that drive the region most."""
        if self._ranking is None:
            return np.empty(0, np.int64)
        rows = self.table.selected_rows()
        return self._ranking.sources[rows] if rows else self._ranking.mapped

    def show_ranking(self, ranking: Ranking | None) -> None:
        """List the sources of a region; nothing where there is none."""
        self._ranking = ranking
        self.table.blockSignals(True)
        self.table.clearSelection()
        if ranking is None:
            self.table.fill([])
        else:
            self.table.head(ranking.headings)
            self.table.fill(ranking.rows)
        self.words.setText("" if ranking is None else ranking.words)
        self.table.blockSignals(False)

    def rows(self) -> list[list[object]]:
        """Return all sources of the region as a table, first the titles; empty where there is none."""
        return [] if self._ranking is None else self._ranking.table


def ranking_table(headings: dict[str, str]) -> PlainTable:
    """Return a table whose column “Lag” is as wide as its texts."""
    table = PlainTable(headings, height=120)
    table.verticalHeader().setDefaultSectionSize(22)
    longest = list(headings).index("Lag")
    table.horizontalHeader().setSectionResizeMode(longest, QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setHighlightSections(False)
    return table
