"""The ? in the head of every panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QPushButton, QSizePolicy

from .pages import PANEL_PAGES
from .window import show_help

if TYPE_CHECKING:
    from napari_calcdyn.gui.background.status import Topic
    from napari_calcdyn.gui.session import Session

_WIDTH = 26  # px


class HelpButton(QPushButton):  # type: ignore[misc]
    """Opens the page of a panel.

    Parameters
    ----------
    session : Session
        Of the viewer.
    topic : str
        The panel.
    """

    def __init__(self, session: Session, topic: Topic) -> None:
        super().__init__("?")
        self._session, self._topic = session, topic
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "<qt>How this panel works (F1 where it is in front). A right click in the panel restores its defaults.</qt>"
        )
        self.clicked.connect(self.open)

    def sizeHint(self) -> QSize:
        """Be as narrow as one sign; in the corner of tabs, too, which look at nothing else."""
        return QSize(_WIDTH, super().sizeHint().height())

    def open(self) -> None:
        """Open the page."""
        show_help(self._session, PANEL_PAGES[self._topic])
