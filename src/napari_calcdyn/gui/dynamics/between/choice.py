"""One cell of all, chosen by a slider, whose map is shown while a box is ticked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QSlider, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.pieces import beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOOLTIP = (
    "<qt>Map what the past of one cell explains: in its own place, and in the cells that it drives. Choose the cell "
    "with the slider, in the matrix or in the picture. Bright means at least a fiftieth of the strongest own "
    "past, so that what it drives can be seen beside it.</qt>"
)


class CellChoice(QWidget):  # type: ignore[misc]
    """A box to tick, and a slider over the cells in the order of the matrix.

    Signals
    -------
    changed()
        Another cell, or the box was ticked or not: see `shown`.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self.box = QCheckBox()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        for widget in (self.box, self.slider):
            widget.setToolTip(_TOOLTIP)
        self.box.toggled.connect(lambda: self.changed.emit())
        self.slider.valueChanged.connect(self._on_moved)
        beside(self.box, (self.slider, 1), parent=self)

    @property
    def shown(self) -> int:
        """Position of the ROI whose map is wanted; -1 while none is."""
        return int(self._order[self.slider.value()]) if self.box.isChecked() and len(self._order) else -1

    def values(self) -> dict[str, Any]:
        """Return which cell is chosen, as a row of the matrix, and whether its map is shown."""
        return {"row": self.slider.value(), "mapped": self.box.isChecked()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Choose a cell, without a signal."""
        with signals_blocked(self.slider), signals_blocked(self.box):
            self.slider.setValue(int(values["row"]))
            self.box.setChecked(bool(values["mapped"]))
        self._name()

    def set_cells(self, ids: NDArray[np.int64], order: NDArray[np.int64]) -> None:
        """Choose among other cells: their ids (N,), and their positions from the first row of the matrix on."""
        self._ids, self._order = ids, order
        with signals_blocked(self.slider), signals_blocked(self.box):
            self.box.setChecked(False)
            self.slider.setRange(0, max(len(order) - 1, 0))
            self.slider.setValue(0)
        self._name()

    def choose(self, position: int) -> None:
        """Move to the ROI at a position; whether its map is shown stays as it is."""
        with signals_blocked(self.slider):
            self.slider.setValue(int(np.flatnonzero(self._order == position)[0]))
        self._name()
        if self.box.isChecked():
            self.changed.emit()

    def _on_moved(self) -> None:
        self._name()
        with signals_blocked(self.box):
            self.box.setChecked(True)
        self.changed.emit()

    def _name(self) -> None:
        if len(self._order):
            self.box.setText(f"Map of ROI {self._ids[self._order[self.slider.value()]]}")
