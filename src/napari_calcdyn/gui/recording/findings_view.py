"""What the check of the recording found, and a switch for each correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.docks.dock import Listener, caption
from napari_calcdyn.gui.docks.message import ProgressRow
from napari_calcdyn.gui.forms.pieces import button, stacked, wrapped
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.recording.quality.findings import FLICKER, TREND

from .check import RecordingCheck
from .quality_plot import QualityPlot

if TYPE_CHECKING:
    from napari_calcdyn.gui.plots.theme import PlotColours
    from napari_calcdyn.gui.session import Session

FINE = "Nothing is wrong with this recording."
_SWITCHES = {
    "motion": ("Motion", "Moves every frame back by as far as the picture has moved."),
    "brightness": (
        "Brightness",
        "Divides every frame by its light: by the slow trend of bleaching, or with a flickering lamp by all of it. Off "
        "where parts of the picture change differently, as that is more likely activity.",
    ),
    "lines": ("Odd lines", "Moves every second line back, which a scanner displaces."),
    "frames": ("Bad frames", "Leaves out the frames that are shaded in the plot. Time goes on in them."),
    "pixels": (
        "Bad pixels",
        "Leaves out pixels that are broken, saturated or empty, and those that you painted.",
    ),
}
_HINT = "Shift-drag marks frames as bad, Ctrl-drag as good."


class FindingsView(QWidget):  # type: ignore[misc]
    """Findings, switches and the plot; hidden while there is no recording.

    Parameters
    ----------
    session : Session
        Whose recording.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self._check = session.part(RecordingCheck)
        self._build()
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._show)
        recording, work = session.recording.events, session.work.events
        for signal in (recording.quality, recording.kinds, recording.movie, recording.unchecked, work.check):
            listener.connect(signal, self._show_later)
        listener.connect(work.check_status, self._show_status)
        self._show()
        self._show_status()

    def _build(self) -> None:
        self.findings = wrapped()
        self.switches: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        for place, (kind, (words, tip)) in enumerate(_SWITCHES.items()):
            box = self.switches[kind] = QCheckBox(words)
            box.setToolTip(f"<qt>{tip} The file is never changed.</qt>")
            box.toggled.connect(lambda on, kind=kind: self._check.switch(kind, on))
            grid.addWidget(box, place // 3, place % 3)
        self.corrected = wrapped()
        self.paint = button(
            "Paint bad pixels",
            "<qt>Brings the layer <i>masked pixels</i> to your hand: what you paint is left out, what you erase is "
            "taken in again.</qt>",
            self._check.show_mask,
        )
        grid.addWidget(self.paint, 1, 2)
        self.plot = QualityPlot()
        self.plot.moved.connect(lambda frame: show_frame(self.session, frame))
        self.plot.marked.connect(lambda frames, bad: self._check.mark_frames(frames, bad=bad))
        self.progress = ProgressRow()
        self.again = button("", "", self._on_again)
        self.known = QWidget()
        self.hint = wrapped(_HINT)
        stacked(grid, self.corrected, self.plot, self.hint, parent=self.known, spacing=4)
        stacked(
            caption("Check"),
            self.findings,
            self.progress,
            self.again,
            self.known,
            parent=self,
            margins=(0, 4, 0, 0),
            spacing=4,
        )

    def _on_again(self) -> None:
        if self.session.work.check is not None:
            self.session.work.check.stop()
        else:
            self._check.start()

    # What is shown

    def _show_later(self, *_: object) -> None:
        """Draw once where several things change together."""
        self._soon.start()

    def _show(self) -> None:
        recording, running = self.session.recording, self.session.work.check is not None
        quality, movie = recording.quality, recording.movie
        self.setVisible(movie is not None)
        once = movie is not None and len(movie.parts) > 1  # checked when they were opened
        self.again.setVisible(running or (bool(recording.unchecked) and not once))
        self.again.setText("Stop" if running else "Check again")
        self.known.setVisible(quality is not None and not running)
        if quality is None or movie is None or running:
            self.findings.setText(recording.unchecked)
            self.findings.setVisible(bool(recording.unchecked) and not running)
            return
        found = quality.findings
        self.findings.setVisible(True)
        self.findings.setText("<br>".join(f"• {it.text}" for it in found) if found else FINE)
        useful = {it.kind for it in found} | set(recording.kinds)
        if quality.brightness.trend >= TREND or quality.brightness.flicker >= FLICKER:
            useful.add("brightness")  # also where it is left alone because cells may be behind it
        for kind, box in self.switches.items():
            with signals_blocked(box):
                box.setChecked(kind in recording.kinds)
            box.setEnabled(kind in useful)
        self.corrected.setText("" if movie.corrections is None else str(movie.corrections))
        self.plot.show_quality(
            quality, movie.frame_rate, ~quality.valid_frames & ("frames" in recording.kinds)
        )
        self.show_time()

    def _show_status(self, *_: object) -> None:
        self.progress.show_status(self.session.work.check_status)

    def show_time(self) -> None:
        """Move the cursor with the slider; nothing is drawn anew."""
        if self.known.isVisible():
            self.plot.set_cursor(shown_frame(self.session))

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.plot.set_colours(colours)
