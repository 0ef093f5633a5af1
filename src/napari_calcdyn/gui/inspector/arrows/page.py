"""The page *Arrows* of the Inspector: which ROIs drive the inspected one, and which it drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QCheckBox, QLabel, QSlider, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped
from napari_calcdyn.gui.inspector.rankings import lag_words
from napari_calcdyn.gui.inspector.sources_page import ranking_table
from napari_calcdyn.gui.layers.layers import IN_COLOUR, OUT_COLOUR

from .roi_edges import ALPHA, ROI_EDGE, RoiEdges

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("source", "target", "lag_frames", "lag_s", "strength", "p_value")
"""Of the table that is copied and exported."""
MOST_LISTED = 100
_STEPS = 400  # of the slider
_HEADINGS = {
    "ROI": "The other ROI, and the way of the arrow. Click a row to go there.",
    "Strength": "How closely the driven ROI follows the other one's past, once all other past is known: a partial "
    "correlation, from −1 to 1. Below 0 it falls where the other one rose.",
    "Lag": "The lag at which it follows most closely.",
    "p": "Probability that chance alone gives an arrow this strong anywhere in the image; computed by "
    "“Test the arrows”.",
}


class ArrowsPage(QWidget):  # type: ignore[misc]
    """A slider that hides weak arrows, what the arrows mean, and a table of them.

    Signals
    -------
    changed()
        Other arrows are wanted: `edges` says which.
    picked(int)
        The ROI at the other end of an arrow that was clicked in the table.
    test()
        The arrows should be tested.
    """

    changed = Signal()
    picked = Signal(int)
    test = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._all: RoiEdges | None = None
        self._number: int | None = None
        self._rate: float | None = None
        self._dark = True
        self._listed: NDArray[np.void] = np.empty(0, ROI_EDGE)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setToolTip("<qt>Move to the right to hide weaker arrows.</qt>")
        self.slider.valueChanged.connect(self._on_filter_changed)
        self.hidden = wrapped()
        self.run = button(
            "Test the arrows",
            "<qt>Compares every arrow with those that chance gives, after stretches of the recording were shuffled for "
            "each ROI by itself. Takes from seconds to a minute, in the background.</qt>",
            self.test,
        )
        self.only_passed = QCheckBox("only those that pass")
        self.only_passed.setToolTip(
            f"<qt>Show only arrows with p ≤ {ALPHA:g}: in {1 - ALPHA:.0%} of recordings without any influence, none "
            "would.</qt>"
        )
        self.only_passed.toggled.connect(self._on_filter_changed)
        self.table = ranking_table(_HEADINGS)
        self.table.cellClicked.connect(self._on_row)
        test = beside(self.run, self.only_passed)
        test.addStretch(1)
        parts = (self.legend, self.slider, self.hidden, test, (self.table, 1))
        stacked(*parts, parent=self, margins=(2, 4, 2, 2), spacing=4)

    @property
    def least(self) -> float:
        """Strength that an arrow has to exceed."""
        # Most arrows are weak: the slider moves finely among those.
        return 0.0 if self._all is None else self._all.strongest * (self.slider.value() / _STEPS) ** 2

    @property
    def edges(self) -> NDArray[np.void]:
        """The arrows that are shown, `ROI_EDGE`, the strongest first."""
        return self._listed

    @property
    def all_edges(self) -> RoiEdges | None:
        """The arrows between all ROIs; None while there are none."""
        return self._all

    @property
    def alpha(self) -> float | None:
        """The p-value that arrows have to keep below; None where all are wanted."""
        return ALPHA if self.only_passed.isChecked() else None

    @property
    def pairs(self) -> int:
        """How many arrows there could be between all ROIs."""
        count = 0 if self._all is None else len(self._all.influence.ids)
        return count * (count - 1)

    def settings(self) -> dict[str, Any]:
        """Return the widgets that say which arrows are shown."""
        return {"weak": self.slider, "passed": self.only_passed}

    def set_edges(self, edges: RoiEdges | None) -> None:
        """Take the arrows between all ROIs; the slider goes where the strongest few of each are left."""
        before, self._all = self._all, edges
        if edges is not None and (before is None or before.strongest != edges.strongest):
            start = (edges.default / edges.strongest) ** 0.5 if edges.strongest else 0.0
            with signals_blocked(self.slider):
                self.slider.setValue(round(_STEPS * start))
        self.slider.setEnabled(self.pairs > 0)
        tested = edges is not None and edges.tested and self.pairs > 0
        with signals_blocked(self.only_passed):
            self.only_passed.setEnabled(tested)
            self.only_passed.setChecked(tested)
        self.table.setColumnHidden(len(_HEADINGS) - 1, not tested)
        self._say_hidden()

    def set_dark(self, dark: bool) -> None:
        """Follow the viewer's theme; seen with the next `show_roi`."""
        self._dark = dark

    def set_frame_rate(self, rate: float | None) -> None:
        """Take the frames per second (Hz) that lags are given in; seen with the next `show_roi`."""
        self._rate = rate

    def show_roi(self, number: int | None) -> None:
        """List the arrows of an ROI; nothing where there is none."""
        self._number = number
        known = self.pairs > 0 and number is not None
        self._listed = np.empty(0, ROI_EDGE)
        if self._all is not None and number is not None:
            self._listed = self._all.of(number, self.least, only_passed=self.only_passed.isChecked())
        inwards, outwards = (_ink(colour, self._dark) for colour in (IN_COLOUR, OUT_COLOUR))
        count_in = int(self._listed["incoming"].sum())
        self.legend.setText(
            f'<span style="color: {inwards}">■</span> {count_in} into ROI {number}: these drive it. '
            f'<span style="color: {outwards}">■</span> {len(self._listed) - count_in} out of it: it drives these.<br>'
            "A point raises, a bar across lowers; the wider, the stronger."
            if known
            else ""
        )
        listed = self._listed[:MOST_LISTED]
        rows = []
        for edge in listed.tolist():
            other, _, incoming, lag, strength, p_value = edge
            way = f"from {other}" if incoming else f"to {other}"
            p_words = "" if np.isnan(p_value) else f"{p_value:.2g}"
            rows.append((way, f"{strength:+.2f}".replace("-", "−"), lag_words(lag, self._rate), p_words))
        self.table.fill(rows)
        for row, incoming in enumerate(listed["incoming"].tolist()):
            self.table.item(row, 0).setForeground(QColor(inwards if incoming else outwards))

    def rows(self) -> list[list[object]]:
        """Return the arrows that are shown as rows of `COLUMNS`."""
        return [
            [
                *((other, self._number) if incoming else (self._number, other)),
                lag,
                "" if self._rate is None else f"{lag / self._rate:.5g}",
                f"{strength:.5g}",
                "" if np.isnan(p_value) else f"{p_value:.5g}",
            ]
            for other, _, incoming, lag, strength, p_value in self._listed.tolist()
        ]

    def _on_filter_changed(self) -> None:
        self._say_hidden()
        self.changed.emit()

    def _on_row(self, row: int, _: int) -> None:
        if row < len(self._listed):
            self.picked.emit(int(self._listed["roi"][row]))

    def _say_hidden(self) -> None:
        if self._all is None or not self.pairs:
            self.hidden.setText("")
            return
        count = self._all.count(self.least, only_passed=self.only_passed.isChecked())
        weak = f"Weaker than {self.least:.2g} is hidden: " if self.least else ""
        self.hidden.setText(f"{weak}{count:,} of {self.pairs:,} arrows between all ROIs are left.")


def _ink(colour: tuple[float, float, float], dark: bool) -> str:
    """Return the colour of an arrow as text of that colour can be read, on dark or on light ground."""
    red, green, blue = (round(255 * value * (1.0 if dark else 0.62)) for value in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"
