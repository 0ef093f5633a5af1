"""Which frames are A and which are B: typed, dragged, from the behaviour, or of another recording."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.forms.pieces import form_layout, offer, stacked
from napari_calcdyn.gui.layers.movie_time import show_frame
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.ranges import format_ranges, frames_in, stretches

from .activity import Activity
from .behaviour_split import BehaviourSplit, as_curve
from .between import BetweenWhat
from .other_recording import OtherRecording
from .range_edits import RangeEdits
from .runs import NO_MOVIE, Question
from .time_ranges import A, B, TimeRanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.plots.theme import PlotColours
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Behaviour, Movie

STRETCHES, BEHAVIOUR, OTHER = "two stretches of time", "what the animal did", "another recording"
BRIGHTNESS = "mean brightness"
_HOW = {
    STRETCHES: "Type or drag two stretches of this recording.",
    BEHAVIOUR: "A column of a table divides this recording in two, such as running and resting.",
    OTHER: "A is this recording and B is another one of the same field of view; one model describes both.",
}


class CompareInputs(QWidget):  # type: ignore[misc]
    """Chooses A and B.

    Parameters
    ----------
    session : Session
        Whose recording and behaviour; the dock around tells when they change.

    Signals
    -------
    changed()
        A and B are others.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._movie: Movie | None = None
        self._source: Movie | None = None  # the same, whatever is corrected in it
        self.activity = Activity()
        self.activity.changed.connect(self._show_curves)
        self.how = QComboBox()
        self.other = OtherRecording(session)
        self.between = BetweenWhat(session)
        self.curve = QComboBox()
        self.split = BehaviourSplit()
        self.plot, self.other_plot = TimeRanges(), TimeRanges()
        self.edits = RangeEdits()
        self._lay_out()
        self.how.currentIndexChanged.connect(self._on_how)
        self.other.changed.connect(self._on_other)
        self.between.currentIndexChanged.connect(lambda: self.changed.emit())
        self.curve.currentIndexChanged.connect(self._show_curves)
        self.split.changed.connect(self._on_split)
        self.plot.threshold_dragged.connect(self.split.threshold.setValue)
        self.edits.typed.connect(self._show_ranges)
        for plot in (self.plot, self.other_plot):
            plot.dragged.connect(self._on_dragged)
            plot.dropped.connect(self._on_dropped)
            plot.moved.connect(partial(show_frame, session))
        self._on_how()

    def _lay_out(self) -> None:
        self.form = form_layout()
        self.how.addItems(list(_HOW))
        for row, tip in enumerate(_HOW.values()):
            self.how.setItemData(row, f"<qt>{tip}</qt>", Qt.ItemDataRole.ToolTipRole)
        self.curve.setToolTip("The curve that is drawn below to help find the stretches.")
        self.curve.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.form.addRow("Compare", self.how)
        self.form.addRow("B is in", self.other)
        self.form.addRow("Between", self.between)
        self.form.addRow("Curve", self.curve)
        stacked(self.form, self.split, self.plot, self.other_plot, self.edits, parent=self, spacing=4)

    # What the dock asks and tells

    def question(self) -> Question:
        """Return what is to be compared.

        Raises
        ------
        InputError
            If that is not clear yet; it says what to do.
        """
        movie, other = self._movie, self._other()
        if movie is None:
            raise InputError(NO_MOVIE)
        if other is None and self.how.currentText() == OTHER:
            height, width = movie.frame_shape
            raise InputError(
                "Open the other recording too, for instance by dropping it on the picture: its frames must have"
                f" {height} × {width} pixels as well."
            )
        a, b, rois = self._frames(A), self._frames(B), self.between.rois()
        what = "" if rois is None else f"activities of {len(rois):,} ROIs in "
        if other is not None:
            words = f"frames {format_ranges(a)} of {movie.name} (A), frames {format_ranges(b)} of {other.name} (B)"
            return Question((movie, other), a, b, what + words, rois)
        if self.how.currentText() == BEHAVIOUR:
            words = f"{self.split.words()} (A), the other frames (B) of {movie.name}"
            return Question((movie,), a, b, what + words, rois)
        both = stretches(frames_in(a, movie.n_frames) & frames_in(b, movie.n_frames))
        if both:
            raise InputError(f"A and B share the frames {format_ranges(both)}: move one of them away.")
        words = f"frames {format_ranges(a)} (A), {format_ranges(b)} (B) of {movie.name}"
        return Question((movie,), a, b, what + words, rois)

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Return which frames of the session's recording are in A and B, (T,) each, as far as that is clear."""
        if self._movie is None:
            return {}
        known = {name: self._clear_frames(name) for name in self._names(self.plot)}
        return {name: frames_in(ranges, self._movie.n_frames) for name, ranges in known.items() if ranges}

    def show_movie(self) -> None:
        """Follow the session's recording, its frame rate, and the others in the viewer."""
        recording = self.session.recording
        suggest = (
            recording.source is not self._source
        )  # another recording, and not another version of this one
        self._movie, self._source = recording.movie, recording.source
        self.other.show_layers()
        if suggest:
            self._suggest()
            self.show_behaviour()
        else:
            self._show_all()

    def show_behaviour(self) -> None:
        """Follow the session's behaviour."""
        behaviour = self._behaviour()
        offer(self.curve, [BRIGHTNESS, *(behaviour.columns if behaviour is not None else ())])
        self.split.show_behaviour(behaviour)
        self._show_all()

    def set_cursor(self, frame: int | None) -> None:
        """Move the time cursors."""
        other = self._other()
        self.plot.set_cursor(frame)
        beyond = other is None or frame is None or frame >= other.n_frames
        self.other_plot.set_cursor(None if beyond else frame)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        for widget in (self.plot, self.other_plot, self.edits):
            widget.set_colours(colours)

    # What the user does

    def _on_how(self) -> None:
        self.how.setToolTip(f"<qt>{_HOW[self.how.currentText()]}</qt>")
        if self.how.currentText() != BEHAVIOUR:
            self._suggest()
        self._show_all()

    def _on_other(self) -> None:
        self._suggest()
        self._show_all()

    def _on_split(self) -> None:
        self._show_curves()
        self._show_ranges()

    def _on_dragged(self, name: str, ranges: list[range]) -> None:
        self.edits.write(name, ranges)
        self._show_lengths()
        self.changed.emit()

    def _on_dropped(self, name: str, ranges: list[range]) -> None:
        self.edits.write(name, ranges)
        self._show_ranges()

    # What is shown

    def _suggest(self) -> None:
        """Take the halves of the recording, the first and the last of several, or all of both recordings."""
        movie, other = self._movie, self._other()
        if movie is not None and other is None and len(movie.parts) > 1:
            self.edits.write(A, [movie.parts[0].frames])
            self.edits.write(B, [movie.parts[-1].frames])
            return
        frames = movie.n_frames if movie is not None else 0
        half = frames // 2
        self.edits.write(A, [range(frames if other is not None else half)] if frames else [])
        rest = range(other.n_frames) if other is not None else range(half, frames)
        self.edits.write(B, [rest] if frames else [])

    def _show_all(self) -> None:
        how, movie, other = self.how.currentText(), self._movie, self._other()
        self.form.setRowVisible(self.other, how == OTHER)
        self.form.setRowVisible(self.curve, how != BEHAVIOUR and self.curve.count() > 1)
        self.split.setVisible(how == BEHAVIOUR)
        self.plot.setVisible(movie is not None)
        self.other_plot.setVisible(other is not None)
        self.edits.setVisible(movie is not None)
        self.edits.set_typing(how != BEHAVIOUR)
        self._show_curves()
        self._show_ranges()

    def _show_curves(self) -> None:
        for plot, movie in ((self.plot, self._movie), (self.other_plot, self._other())):
            if movie is None:
                continue
            plot.show_time(movie.n_frames, movie.frame_rate)
            column = self._column() if plot is self.plot else None
            if column is not None:
                values, names = as_curve(column)
                plot.show_curve(np.arange(len(values)), values, names)
            elif in_front(self):  # nobody waits for it while the dock is hidden
                plot.show_curve(*(self.activity.of(movie) or (np.empty(0, np.int64), np.empty(0))))
        self.plot.show_threshold(self.split.number if self.how.currentText() == BEHAVIOUR else None)

    def _show_ranges(self) -> None:
        for plot in (self.plot, self.other_plot):
            known = {name: self._clear_frames(name) for name in self._names(plot)}
            plot.show_ranges(
                {name: ranges for name, ranges in known.items() if ranges},
                movable=self.how.currentText() != BEHAVIOUR,
            )
        self._show_lengths()
        self.changed.emit()

    def _show_lengths(self) -> None:
        for name in (A, B):
            movie = self._movie_of(name)
            rate = movie.frame_rate if movie is not None else None
            self.edits.show_length(name, self._clear_frames(name), rate)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the brightness now that it can be seen."""
        super().showEvent(event)
        self.show_movie()

    # What is asked

    def _other(self) -> Movie | None:
        return self.other.movie if self.how.currentText() == OTHER else None

    def _movie_of(self, name: str) -> Movie | None:
        return self._movie if name == A else self._other() or self._movie

    def _names(self, plot: TimeRanges) -> tuple[str, ...]:
        if self.how.currentText() != OTHER:
            return (A, B) if plot is self.plot else ()
        return (A,) if plot is self.plot else (B,)

    def _frames(self, name: str) -> list[range]:
        """Return the stretches of `A` or `B`, or raise InputError."""
        if self.how.currentText() == BEHAVIOUR:
            return self.split.frames()[name == B]
        movie = self._movie_of(name)
        return self.edits.ranges(name, movie.n_frames if movie is not None else 0)

    def _clear_frames(self, name: str) -> list[range] | None:
        try:
            return self._frames(name)
        except InputError:
            return None

    def _behaviour(self) -> Behaviour | None:
        """Return the session's behaviour, None where it belongs to another recording."""
        behaviour, movie = self.session.recording.behaviour, self._movie
        if behaviour is None or movie is None:
            return None
        return behaviour if all(len(it) == movie.n_frames for it in behaviour.columns.values()) else None

    def _column(self) -> NDArray[np.generic] | None:
        """Return the column that is drawn, None where it is the brightness."""
        behaviour = self._behaviour()
        if self.how.currentText() == BEHAVIOUR:
            chosen = self.split.chosen()
            return chosen[1] if chosen is not None else None
        return None if behaviour is None else behaviour.columns.get(self.curve.currentText())
