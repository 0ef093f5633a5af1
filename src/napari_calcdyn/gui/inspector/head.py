"""The top row of the Inspector: which region it is, the ROIs before and after it, and pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_calcdyn.gui.forms.pieces import beside, button

from .roi_keys import NEXT, PIN, PREVIOUS

if TYPE_CHECKING:
    from .regions import Region


class HeadRow(QWidget):  # type: ignore[misc]
    """A title between arrows to the left and to the right, and two buttons for pins.

    Signals
    -------
    walked(int)
        To the ROI before (−1) or after (1).
    pinned()
        The current ROI should be pinned, or not any more.
    unpinned()
        No ROI should be pinned.
    """

    walked = Signal(int)
    pinned = Signal()
    unpinned = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.previous = _small("◀", f"The ROI before this one (key {PREVIOUS}).")
        self.previous.clicked.connect(lambda: self.walked.emit(-1))
        self.next = _small("▶", f"The ROI after this one (key {NEXT}).")
        self.next.clicked.connect(lambda: self.walked.emit(1))
        self.title = QLabel()
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pin = QPushButton("Pin")
        self.pin.setCheckable(True)
        self.pin.setToolTip(
            f"<qt>Keep the traces of this ROI in the plot to compare others with them (key {PIN}).</qt>"
        )
        self.pin.clicked.connect(lambda: self.pinned.emit())
        self.unpin = button("", "Remove all pinned ROIs from the plot.", lambda: self.unpinned.emit())
        beside(self.previous, (self.title, 1), self.next, self.pin, self.unpin, parent=self)

    def show_region(self, region: Region | None, pinned: tuple[int, ...], *, walkable: bool) -> None:
        """Show which region it is, and how many ROIs are pinned."""
        self.title.setText("" if region is None else f"<b>{region.name}</b>")
        self.pin.setEnabled(region is not None and region.roi is not None)
        self.pin.setChecked(region is not None and region.roi in pinned)
        self.unpin.setVisible(bool(pinned))
        self.unpin.setText(f"Unpin {len(pinned)}")
        for way in (self.previous, self.next):
            way.setEnabled(walkable)


def _small(text: str, tooltip: str) -> QPushButton:
    small = QPushButton(text)
    small.setFixedWidth(34)
    small.setToolTip(tooltip)
    return small
