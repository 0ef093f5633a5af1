"""Two rows to type the stretches A and B into, with what they come to beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QLineEdit, QSizePolicy, QWidget

from napari_calcdyn.gui.docks.message import duration
from napari_calcdyn.recording.ranges import format_ranges, parse_ranges

from .time_ranges import A, B, condition_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.gui.plots.theme import PlotColours

_TIP = (
    "<qt>START:STOP in frames, counted from 0, STOP excluded. “:250” starts at the beginning, “250:” goes to the end; "
    "put a comma between several.</qt>"
)


class RangeEdits(QWidget):  # type: ignore[misc]
    """Stretches of time as text.

    Signals
    -------
    typed()
        The user changed one.
    """

    typed = Signal()

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        self.letters: dict[str, QLabel] = {}
        self.edits: dict[str, QLineEdit] = {}
        self.lengths: dict[str, QLabel] = {}
        for row, name in enumerate((A, B)):
            self.letters[name], self.edits[name], self.lengths[name] = QLabel(name), QLineEdit(), QLabel()
            self.edits[name].setToolTip(_TIP)
            self.edits[name].textEdited.connect(lambda _: self.typed.emit())
            self.lengths[name].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self.lengths[name].setWordWrap(True)
            for column, widget in enumerate((self.letters[name], self.edits[name], self.lengths[name])):
                grid.addWidget(widget, row, column)
        self._grid = grid
        self.set_typing(True)

    def ranges(self, name: str, n_frames: int) -> list[range]:
        """Return the stretches of `A` or `B`, or raise InputError; see `parse_ranges`."""
        return parse_ranges(self.edits[name].text(), n_frames)

    def write(self, name: str, ranges: Sequence[range]) -> None:
        """Write other stretches, without `typed` being emitted."""
        self.edits[name].setText(format_ranges(sorted(ranges, key=lambda it: it.start)))

    def show_length(self, name: str, ranges: Sequence[range] | None, frame_rate: float | None) -> None:
        """Say beside `A` or `B` when its stretches are, and how long; nothing where that is not clear."""
        self.lengths[name].setText("" if ranges is None else describe(ranges, frame_rate))

    def set_typing(self, possible: bool) -> None:
        """Show or hide the text; what it comes to stays."""
        for edit in self.edits.values():
            edit.setVisible(possible)
        for column, stretch in ((1, 2 if possible else 0), (2, 3)):
            self._grid.setColumnStretch(column, stretch)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        for name, letter in self.letters.items():
            letter.setStyleSheet(f"font-weight: 600; color: rgb{condition_colour(name, colours)};")


def describe(ranges: Sequence[range], frame_rate: float | None) -> str:
    """Say when stretches are, and how long.

    Parameters
    ----------
    ranges : sequence of range
        In frames.
    frame_rate : float or None
        In Hz; without it nothing can be said in seconds.

    Returns
    -------
    str
        Such as ``"10 to 35 s (25 s)"``, or ``"1,200 frames in 9 stretches (40 s)"``.
    """
    frames = sum(map(len, ranges))
    long = f" ({duration(frames / frame_rate)})" if frame_rate else ""
    if len(ranges) == 1:
        if not frame_rate:
            return f"{frames:,} frames"
        start, stop = (f"{edge / frame_rate:.4g}" for edge in (ranges[0].start, ranges[0].stop))
        return f"{start} to {stop} s{long}"
    return f"{frames:,} frames in {len(ranges)} stretches{long}"
