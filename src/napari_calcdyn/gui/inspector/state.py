"""What is under way in the Inspector, what is missing, and the way on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_calcdyn.gui.docks.message import MessageLine, ProgressRow
from napari_calcdyn.gui.forms.pieces import button, stacked

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.status import Status

    from .advice import Advice


class StateRows(QWidget):  # type: ignore[misc]
    """A sentence with a button, and the progress of the warm-up with one to stop it; no room while all is well.

    Signals
    -------
    way_on()
        The button beside the sentence was pressed.
    stopped()
        What is under way should end.
    """

    way_on = Signal()
    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.advice = MessageLine()
        self.way = QPushButton()
        self.way.clicked.connect(lambda: self.way_on.emit())
        self.warm_up = ProgressRow()
        self.stop = button(
            "Stop", "Stop the computation; it can be started again.", lambda: self.stopped.emit()
        )
        stacked(self.advice, self.way, self.warm_up, self.stop, parent=self)

    def show_state(self, say: Advice, status: Status | None, *, stoppable: bool) -> None:
        """Show the advice, or the progress of the warm-up while there is some."""
        self.advice.say("" if status is not None else say.text)
        self.way.setText(say.button)
        self.way.setVisible(bool(say.way) and status is None)
        self.warm_up.show_status(status)
        self.stop.setVisible(stoppable or status is not None)
        self.setVisible(bool(say.text) or stoppable or status is not None)
