"""The dialog in which a file is looked at before it is opened; the one for recordings and for ROIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qtpy.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.background.job import Job, Work
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.gui.forms.pieces import beside, stacked, wrapped
from napari_calcdyn.gui.session import Session, SessionPart

from .look import Look
from .picture import Picture

READING = "Reading a few frames …"
_EXCHANGE_TIP = (
    "<qt>Programs do not agree on whether y or x comes first in the pixels of an ROI. If the outlines do not lie on the"
    " cells, try this. What you choose is remembered for such files of this folder.</qt>"
)
_LEFT_WIDTH = 340


class ImportDialog(QDialog):  # type: ignore[misc]
    """What was found at the left, with what can be chosen; at the right, a picture of it.

    Parameters
    ----------
    parent : QWidget
        The window that it belongs to.
    title : str
        What is to be opened, in a few words.
    exchanged : bool
        Whether y and x of ROIs are exchanged at first, as remembered.
    accept : callable
        Called with the last `Look` and whether y and x are exchanged, when the user wants it opened.
    """

    def __init__(
        self, parent: QWidget, title: str, exchanged: bool, accept: Callable[[Look, bool], object]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._accept = accept
        self.now = Look()
        self._running: list[Job] = []  # one at most
        self._build(exchanged)
        self.finished.connect(self._on_finished)
        self.destroyed.connect(partial(_drop, self._running))

    def _build(self, exchanged: bool) -> None:
        self.facts = wrapped()
        self.question = MessageLine()
        self.rows = QWidget()
        self.rows_layout = stacked(parent=self.rows)
        self.exchange = QCheckBox("Exchange y and x of the ROIs")
        self.exchange.setToolTip(_EXCHANGE_TIP)
        self.exchange.setChecked(exchanged)
        self._chosen = False  # whether the user has set it
        self.exchange.toggled.connect(self._on_exchange)
        self.fit = wrapped()
        self.under_way = wrapped()
        self.picture = Picture()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self.open_button = self.buttons.button(QDialogButtonBox.StandardButton.Open)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        left = QWidget()
        left.setFixedWidth(_LEFT_WIDTH)
        column = stacked(
            self.facts,
            self.question,
            self.rows,
            self.exchange,
            self.fit,
            self.under_way,
            parent=left,
            spacing=8,
        )
        column.addStretch(1)
        self.legend = wrapped()
        right = stacked((self.picture, 1), self.legend, spacing=4)
        both = beside(left)
        both.addLayout(right, 1)
        both.setSpacing(12)
        stacked(both, self.buttons, parent=self, margins=(12, 12, 12, 12), spacing=10)

    def look(self, work: Work, first: Look | None = None) -> None:
        """Look at something else: `work` reports a `Look` again and again, and returns the last one.

        What is known already is shown `first`, where there is something.
        """
        _drop(self._running)
        first = first or Look(facts=self.now.facts, can_open=False, found=self.now.found)
        self.show_look(replace(first, under_way="Reading …"))
        job = Job("Looking at a file", work)
        self._running.append(job)
        job.progressed.connect(self._on_progress)
        job.done.connect(self.show_look)
        job.failed.connect(self._on_failed)
        job.start()

    def show_look(self, look: Look) -> None:
        """Show what is known now."""
        self.now = look
        self.facts.setText(look.facts)
        self.question.say(look.question)
        if look.agreement is not None and not self._chosen:
            with signals_blocked(self.exchange):
                self.exchange.setChecked(not look.agreement.fits)
        self.exchange.setVisible(look.rois > 0 and not look.are_open)
        self.fit.setText("" if look.agreement is None else str(look.agreement))
        self.fit.setVisible(look.agreement is not None)
        self.under_way.setText(look.under_way)
        self.under_way.setVisible(bool(look.under_way))
        nothing = READING if look.under_way else "" if look.can_open else "There is no picture yet."
        self.picture.show_image(look.frame_shape, look.mean, nothing)
        mean = "Mean of a few frames" if look.mean is not None else ""
        rois = f"outlines of {look.rois:,} ROI{'s' * (look.rois != 1)}" if look.outlines[0] else ""
        if look.are_open:
            rois = rois.replace("of ", "of the ") + " that " + ("are" if look.rois != 1 else "is") + " open"
        self.legend.setText(" and ".join(filter(None, (mean, rois))))
        self._show_outlines()
        self.open_button.setEnabled(look.can_open)

    def accept(self) -> None:
        """Open it, as it is chosen."""
        if self.now.can_open:
            super().accept()
            self._accept(self.now, self.exchange.isChecked())

    def _show_outlines(self) -> None:
        self.picture.show_outlines(self.now.outlines[self.exchange.isChecked()])

    def _on_exchange(self) -> None:
        self._chosen = True
        self._show_outlines()

    def _on_progress(self, looks: list[Look]) -> None:
        self.show_look(looks[-1])

    def _on_failed(self, text: str) -> None:
        self.show_look(Look(facts=self.now.facts, can_open=False, found=self.now.found))
        self.question.say(text, True)

    def _on_finished(self, _: int) -> None:
        _drop(self._running)
        self.deleteLater()


def look_box(what: str) -> QCheckBox:
    """Return a switch by which the dialog is shown before something is opened."""
    box = QCheckBox("Look before opening")
    box.setToolTip(
        f"<qt>Shows a picture of {what} before anything is opened, and all that can be chosen. Without this, you are"
        " asked only where the file leaves something open.</qt>"
    )
    return box


class Looking(SessionPart):
    """The dialog that is open in a viewer, as ``session.part(Looking)``; there is one at most.

    Parameters
    ----------
    session : Session
        That keeps it.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.dialog: ImportDialog | None = None

    def show(self, make: Callable[[QWidget], ImportDialog]) -> None:
        """Show a dialog, made for the viewer's window, in place of one that is open."""
        self.close()
        viewer = self.session.viewer
        if viewer is None:
            return
        self.dialog = dialog = make(viewer.window._qt_window)
        dialog.finished.connect(self._forget)
        dialog.destroyed.connect(self._forget)
        dialog.open()  # the window waits for it, and stays alive

    def close(self) -> None:
        """Close it, as with *Cancel*."""
        if self.dialog is not None:
            self.dialog.reject()

    def _forget(self, *_: object) -> None:
        self.dialog = None


def _drop(running: list[Job]) -> None:
    """Stop what is being read, without waiting, and call nothing back."""
    while running:
        running.pop().drop()
