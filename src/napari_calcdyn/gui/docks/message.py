"""What a dock says: one sentence, and how far its work has come."""

from __future__ import annotations

import html
import re

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QWidget

from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.forms.pieces import beside, stacked, wrapped


class MessageLine(QLabel):  # type: ignore[misc]
    """One calm sentence; it takes no room while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""
        self._shown = ("", False)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)  # of `breakable`; without a tag Qt would not notice
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setVisible(False)

    def say(self, text: str, is_error: bool = False) -> None:
        """Show a sentence, or nothing where it is empty."""
        if (text, is_error) == self._shown:
            return
        self._shown = text, is_error
        self.setStyleSheet(
            "border-left: 3px solid #d9822b; padding: 3px 0px 3px 8px;"
            if is_error
            else "border-left: 3px solid #808890; padding: 3px 0px 3px 8px;"
        )
        self._said = text
        self.setText(breakable(text))  # else the name of a file made the window wider
        self.setVisible(bool(text))

    def text(self) -> str:
        """Return the sentence, without the places at which it may be broken."""
        return self._said


class ProgressRow(QWidget):  # type: ignore[misc]
    """A progress bar with the words of the stage and the time left; hidden while nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.stage = wrapped()
        self.stage.setTextFormat(Qt.TextFormat.RichText)
        self.time_left = QLabel()
        stacked(self.bar, beside((self.stage, 1), self.time_left), parent=self, spacing=3)
        self.setVisible(False)

    def show_status(self, status: Status | None) -> None:
        """Show how far a job has come; None hides the row and resets it."""
        self.setUpdatesEnabled(
            False
        )  # a bar paints itself with every value, and with it the window's picture
        self.setVisible(status is not None)
        if status is None or status.fraction is None:
            self.bar.setRange(0, 0 if status is not None else 1000)
            self.bar.setValue(0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * min(max(status.fraction, 0.0), 1.0)))
        self.stage.setText(breakable(status.stage) if status is not None else "")
        eta = status.eta if status is not None else None
        about = "" if eta is None else duration(eta) if eta < 60 else f"{round(eta / 60):,} min"
        self.time_left.setText(about and f"{about} left")  # short, that the stage keeps to one line
        self.setUpdatesEnabled(True)


def duration(seconds: float) -> str:
    """Return a duration in words short enough for a label, as ``"1 min 20 s"``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 1 else "< 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def breakable(text: str) -> str:
    """Return words, names or paths as rich text that a narrow label can break between their parts."""
    return re.sub(r"([/\\_.\-]+|[^\W_]{20})", "\\1\u200b", html.escape(text))
