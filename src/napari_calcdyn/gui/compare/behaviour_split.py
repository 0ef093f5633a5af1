"""What the animal did parts the recording in two: running against resting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from napari_calcdyn.gui.forms.pieces import beside, button, form_layout, offer, stacked
from napari_calcdyn.recording.behaviour.behaviour import averaged, known, where
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.ranges import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.recording import Behaviour

MOST_VALUES = 100  # of a column of words, in the list of values
_TIP = "<qt>A: the frames in which this is true. B: all other frames in which the column is known.</qt>"


class BehaviourSplit(QWidget):  # type: ignore[misc]
    """A column of the behaviour and what holds in A.

    Signals
    -------
    changed()
        Other frames belong to A and B.
    table_wanted(), panel_wanted()
        The user wants to open a table, or the dock that shows it.
    """

    changed = Signal()
    table_wanted = Signal()
    panel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._behaviour: Behaviour | None = None
        self.open = button(
            "Open table …",
            "<qt>A CSV table with a row for each frame, or with times.</qt>",
            self.table_wanted,
        )
        self.panel = button(
            "Behaviour panel",
            "<qt>Shows all columns below the picture, and what goes with them.</qt>",
            self.panel_wanted,
        )
        self.column = QComboBox()
        self.column.setToolTip("The column of the table that separates A from B.")
        self.column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column.currentIndexChanged.connect(self._on_column)
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(-1e12, 1e12)
        self.threshold.setPrefix("above ")
        self.threshold.setKeyboardTracking(False)
        self.threshold.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.threshold.valueChanged.connect(lambda _: self.changed.emit())
        self.value = QComboBox()
        self.value.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.condition = QStackedWidget()
        self.condition.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for widget in (self.threshold, self.value):
            widget.setToolTip(_TIP)
            self.condition.addWidget(widget)
        self.smooth = QSpinBox()
        self.smooth.setRange(1, 100_000)
        self.smooth.setSuffix(" frames")
        self.smooth.setSpecialValueText("not at all")
        self.smooth.setKeyboardTracking(False)
        self.smooth.setToolTip(
            "<qt>Average the column over this many frames first. Otherwise noise near the threshold cuts A "
            "and B into pieces that are too short to compare.</qt>"
        )
        self.smooth.valueChanged.connect(lambda _: self.changed.emit())
        self.rows = QWidget()
        form = form_layout(self.rows)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("A is where", self.column)
        form.addRow("is", self.condition)
        form.addRow("averaged over", self.smooth)
        self._form = form
        stacked(beside(self.open, self.panel), self.rows, parent=self)
        self.show_behaviour(None)

    def show_behaviour(self, behaviour: Behaviour | None) -> None:
        """Offer the columns of a behaviour; one of the name that was chosen stays chosen."""
        self._behaviour = behaviour
        offer(self.column, behaviour.columns if behaviour is not None else ())
        self.rows.setVisible(behaviour is not None)
        self._on_column()

    def chosen(self) -> tuple[str, NDArray[Any]] | None:
        """Return name and values (T,) of the column, averaged as the user wants; None where there is none."""
        name = self.column.currentText()
        if self._behaviour is None or name not in self._behaviour.columns:
            return None
        values = self._behaviour.columns[name]
        return name, averaged(values, self.smooth.value()) if _has_numbers(values) else values

    @property
    def number(self) -> float | None:
        """The threshold; None where the column has no numbers."""
        column = self.chosen()
        return self.threshold.value() if column is not None and _has_numbers(column[1]) else None

    def words(self) -> str:
        """Say what holds in A, as ``"speed above 0.5"``."""
        column = self.chosen()
        if column is None:
            return ""
        if self.number is None:
            return f"{column[0]} {self.value.currentText()}"
        over = f", averaged over {self.smooth.value()} frames," if self.smooth.value() > 1 else ""
        return f"{column[0]}{over} above {self.number:g}"

    def frames(self) -> tuple[list[range], list[range]]:
        """Return the stretches of A and B.

        Raises
        ------
        InputError
            If there is no behaviour, or all frames would be in one of the two.
        """
        column = self.chosen()
        if column is None:
            raise InputError("Open a table of what the animal did first, with “Open table …”.")
        name, values = column
        if self.number is not None:
            inside = where(values, above=self.number)
            way_on = "choose another threshold"
        else:
            inside = where(values, value=self.value.currentText())
            way_on = "choose another value"
        a, b = stretches(inside & known(values)), stretches(~inside & known(values))
        if not a or not b:
            raise InputError(
                f"The column {name} puts no frame in {'A' if not a else 'B'}: {way_on}, so that there is something"
                " to compare."
            )
        return a, b

    def _on_column(self) -> None:
        column = self.chosen()
        for widget in (self.threshold, self.value):
            widget.blockSignals(True)
        self.value.clear()
        if column is not None and _has_numbers(column[1]):
            finite = column[1][np.isfinite(column[1])]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
            self.threshold.setDecimals(min(max(3 - _magnitude(high - low), 0), 8))
            self.threshold.setValue(float(finite.mean()) if finite.size else 0.0)  # parts any but a constant
            self.condition.setCurrentWidget(self.threshold)
        elif column is not None:
            self.value.addItems(values_of(column[1])[:MOST_VALUES])
            self.condition.setCurrentWidget(self.value)
        self._form.setRowVisible(self.smooth, self.number is not None)
        for widget in (self.threshold, self.value):
            widget.blockSignals(False)
        self.changed.emit()


def values_of(column: NDArray[Any]) -> list[str]:
    """Return the different values of a column of words or truth values, "True" before "False"."""
    if column.dtype == bool:
        return ["True", "False"]
    return [str(it) for it in np.unique(column[known(column)])]


def as_curve(column: NDArray[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Return a column as numbers (T,), and what 0, 1, … stand for where it has none."""
    if _has_numbers(column):
        return np.asarray(column, np.float64), []
    if column.dtype == bool:
        return column.astype(np.float64), ["False", "True"]
    names = values_of(column)
    return np.where(known(column), np.searchsorted(names, column), np.nan), names


def _has_numbers(column: NDArray[Any]) -> bool:
    return column.dtype.kind in "fiu"


def _magnitude(span: float) -> int:
    return math.floor(math.log10(span)) if span > 0 else 0
