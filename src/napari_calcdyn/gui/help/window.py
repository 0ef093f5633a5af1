"""The window that shows the pages, one for each window of napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QApplication, QLineEdit, QWidget

from napari_calcdyn.gui.background.job import Latest
from napari_calcdyn.gui.forms.pieces import beside, button, stacked
from napari_calcdyn.gui.plots.theme import plot_colours

from .browser import PageBrowser
from .pages import CONTENTS, SHORTCUTS
from .report import NEW_ISSUE, about_computer, report_text

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session

_COPIED = (
    "This text was copied to the clipboard. It has no names of files, folders or recordings in it; please read it all"
    f' the same. Then open a <a href="{NEW_ISSUE}">new issue</a>, say what you did and what happened, and paste it.'
)


class HelpWindow(QWidget):  # type: ignore[misc]
    """The pages of the documentation.

    Parameters
    ----------
    session : Session
        Of the viewer whose theme it has.
    parent : QWidget
        The window of napari, which takes it along when it closes.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.session = session
        self.browser = PageBrowser(plot_colours(self._theme()))
        self.back = button("Back", "The page before.", self.browser.backward)
        self.contents = button("Contents", "The first page.", lambda: self.browser.show_page(CONTENTS))
        self.keys = button("Keys", "All key shortcuts.", lambda: self.browser.show_page(SHORTCUTS))
        self.report = button(
            "Report a problem",
            "<qt>Copies versions, settings and the last errors for a report, without the names of your files.</qt>",
            self.copy_report,
        )
        self._latest = Latest("Looking at versions and devices")
        self._gone = self._latest.close
        self.destroyed.connect(self._gone)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find on this page")
        self.search.setClearButtonEnabled(True)
        self.search.returnPressed.connect(self.find)
        self.browser.backwardAvailable.connect(self.back.setEnabled)
        self.back.setEnabled(False)
        top = beside(self.back, self.contents, self.keys, (self.search, 1), self.report)
        stacked(top, (self.browser, 1), parent=self, margins=(8, 8, 8, 8), spacing=6)
        self.browser.sourceChanged.connect(self._show_title)

    def copy_report(self) -> None:
        """Copy a report to the clipboard, and show it, once versions and devices are known."""
        self.browser.show_report("Looking at versions and devices …", "")
        self._latest.ask(about_computer, self._show_report)

    def _show_report(self, computer: str) -> None:
        text = report_text(self.session, computer)
        QApplication.clipboard().setText(text)
        self.browser.show_report(_COPIED, text)

    def find(self) -> None:
        """Go to the next place with the words that were typed, from the top after the last one."""
        words = self.search.text()
        found = not words or self.browser.find(words)
        if not found:
            self.browser.moveCursor(self.browser.textCursor().MoveOperation.Start)
            found = self.browser.find(words)
        self.search.setToolTip("" if found else "This page does not have these words.")
        self.search.setStyleSheet("" if found else "border: 1px solid #d9822b;")

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme, with which napari changes the style of its window."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.browser.set_colours(plot_colours(self._theme()))

    def sizeHint(self) -> QSize:
        """Leave room for lines that are read with ease."""
        return QSize(860, 820)

    def _show_title(self) -> None:
        self.setWindowTitle(self.browser.documentTitle() or "napari-calcdyn")

    def _theme(self) -> str:
        viewer = self.session.viewer
        return "dark" if viewer is None else str(viewer.theme)


def help_window(session: Session) -> HelpWindow | None:
    """Return the help window of a viewer, made when it is first asked for; None where the viewer is gone."""
    viewer = session.viewer
    if viewer is None:
        return None
    window = viewer.window._qt_window
    return window.findChild(HelpWindow) or HelpWindow(session, window)


def show_help(session: Session, page: str) -> None:
    """Show a page in the help window, in front of what else is open.

    Parameters
    ----------
    session : Session
        Of the viewer.
    page : str
        Its name in ``docs``, which may end with the name of a section.
    """
    window = help_window(session)
    if window is not None:
        window.show()  # first, as pictures are made as wide as it
        window.browser.show_page(page)
        window.raise_()
        window.activateWindow()
