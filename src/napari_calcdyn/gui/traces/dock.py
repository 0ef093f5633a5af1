"""The dock below the picture: traces of the selected neurons, and the movie's time in them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QStackedWidget

from napari_calcdyn.gui.docks.bottom_dock import BottomDock
from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped
from napari_calcdyn.gui.layers.movie_time import belong_together, show_frame, shown_frame
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.plots.trace_plot import DENOISED, PREDICTED, RAW, REDRAWN, Row, TracePlot, line_icon
from napari_calcdyn.recording.traces import BAND

from .predictions import Predictions

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

MOST_ROWS = 8
_HINT = "Click an ROI on the movie or a point of the map. Shift adds more; with Shift held, drag a lasso round several."
_KINDS = {
    RAW: "The trace as it was extracted or opened.",
    DENOISED: "The trace without its noise, estimated from all its samples and from neurons that behave alike. The"
    " true trace is in the band at 90 % of the samples.",
    REDRAWN: "The trace as the neurons' model draws it from its latents alone: what it has in common with others.",
    PREDICTED: "What the dynamics predict of this ROI from the frames before, one frame ahead: those between cells "
    "where they were found (Dynamics panel, Between cells).",
}


class TracesDock(BottomDock):
    """Traces of what is selected; a click or a drag in them moves the movie."""

    topic = "traces"
    own = (RAW, DENOISED, REDRAWN, PREDICTED)

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._predictions = Predictions(self.session)
        self._listener.at_end(self._predictions.close)
        self._views = views_of(self.session)

        self.heading = wrapped()
        self.heading.setTextFormat(Qt.TextFormat.RichText)
        self.hint = wrapped()
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back = button("Back", "Show the traces of the selected neurons again.", self._on_back)
        self.plot = TracePlot()
        self.plot.moved.connect(self._on_moved)
        self.picture = QStackedWidget()
        for widget in (self.hint, self.plot):
            self.picture.addWidget(widget)
        self.kinds = {kind: QCheckBox(kind) for kind in _KINDS}
        for kind, box in self.kinds.items():
            box.setChecked(kind != REDRAWN)
            box.setToolTip(f"<qt>{_KINDS[kind]}</qt>")
            box.toggled.connect(self._show)
        self._lay_out()

        session = self.session
        for signal in (
            session.rois.events.selected,
            session.neurons.events.shown_traces,
            session.neurons.events.traces,
            session.neurons.events.result,
            session.rois.events.loaded,
            session.dynamics.events.var,  # set after the model that it belongs to
            session.answers.events.between,
            session.recording.events.movie,
            self._views.recoloured,
        ):
            self.listen(signal, self._show)
        self.listen(self._predictions.changed, self._on_predictions)
        self.follow_time(napari_viewer)
        self.follow_theme(napari_viewer)
        self.show_remembered()

    def _lay_out(self) -> None:
        top = beside((self.heading, 1), self.back, *self.kinds.values(), self.help)
        top.setSpacing(10)
        stacked(top, self.message, (self.picture, 1), parent=self, margins=(8, 4, 8, 4), spacing=2)

    # What the user does

    def _on_moved(self, sample: int) -> None:
        if belong_together(self.session):
            show_frame(self.session, sample)

    def _on_predictions(self) -> None:
        if self._predictions.progress is None:
            self._show()
        else:
            self._show_kinds()

    def _on_back(self) -> None:
        self.session.neurons.shown_traces = None

    # What the dock shows

    def _show(self, *_: object) -> None:
        shown, traces = self.session.neurons.shown_traces, self.session.neurons.traces
        for box in self.kinds.values():
            box.setVisible(shown is None)
        self.back.setVisible(shown is not None)
        rate = traces.frame_rate if traces is not None else None
        unit = traces.unit if traces is not None else ""
        if shown is not None:
            words = html.escape(shown.title)
            rows = tuple(Row("", None, {REDRAWN: values}) for values in shown.values)
        else:
            words, rows = self._selected()
        self.plot.show_rows(rows, unit=unit, frame_rate=rate, one_scale=shown is not None)
        note = f" {html.escape(self.plot.note)}" if self.plot.note else ""
        self.heading.setText(f"<b>{words}</b>{note}" if rows else "")
        self.hint.setText("" if rows else words)
        self.picture.setCurrentWidget(self.plot if rows else self.hint)
        self._show_kinds()
        self.show_time()

    def _selected(self) -> tuple[str, tuple[Row, ...]]:
        """Return the heading and the rows of the selected neurons, or what to say where there are none."""
        selected, traces = self.session.rois.selected, self.session.neurons.traces
        if not selected:
            return _HINT, ()
        if traces is None:
            return "There are no traces yet: extract or open them in the Neurons panel.", ()
        known = set(traces.ids.tolist())
        listed = [it for it in selected if it in known][:MOST_ROWS]
        wanted = in_front(self) and self.kinds[PREDICTED].isChecked()
        predicted = self._predictions.of(listed) if wanted else {}
        colours = (255 * self._views.colours_of(np.array(listed, np.int64))).round().astype(int)
        rows = []
        for number, colour in zip(listed, colours.tolist(), strict=True):
            place = _place(traces.ids, number)
            curves = {RAW: traces.values[place]}
            found, band = self._of_model(number)
            curves |= found
            if number in predicted:
                curves[PREDICTED] = predicted[number]
            shown = {kind: curve for kind, curve in curves.items() if self.kinds[kind].isChecked()}
            rows.append(Row(f"ROI {number}", tuple(colour), shown, traces.problems[place] or "", band))
        if len(selected) == len(rows) == 1 and rows[0].problem:
            empty = not np.isfinite(traces.values[place]).any()
            return f"{rows[0].label}: trace left out, {rows[0].problem}", () if empty else tuple(rows)
        return _names(listed, len(selected)), tuple(rows)

    def _of_model(self, number: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32] | None]:
        """Return the denoised and the redrawn trace of a neuron, and the half width of the band."""
        neurons = self.session.neurons.result
        if neurons is None or number not in neurons.ids:
            return {}, None
        place = _place(neurons.ids, number)
        curves = {DENOISED: neurons.denoised.values[place], REDRAWN: neurons.reconstruction[place]}
        return curves, np.float32(BAND) * neurons.denoised.sd[place]

    def _show_kinds(self) -> None:
        """Offer the kinds of traces that there are, and say what the others need."""
        trained = self.session.neurons.result is not None
        untrained = "" if trained else "Train on the traces in the Neurons panel first."
        missing = {
            RAW: "" if self.session.neurons.traces is not None else "Extract or open traces first.",
            DENOISED: untrained,
            REDRAWN: untrained,
            PREDICTED: self._predictions.obstacle(),
        }
        for kind, box in self.kinds.items():
            box.setEnabled(not missing[kind])
            box.setToolTip(f"<qt>{_KINDS[kind]} {missing[kind]}</qt>")
        progress = self._predictions.progress
        self.kinds[PREDICTED].setText(PREDICTED if progress is None else f"{PREDICTED} ({progress:.0%})")

    def show_time(self) -> None:
        """Move the cursor with the slider; nothing is drawn anew."""
        together = belong_together(self.session) and self.session.neurons.shown_traces is None
        self.plot.set_cursor(shown_frame(self.session) if together else None)

    def settings(self) -> dict[str, Any]:
        """Return which kinds of traces are drawn."""
        return dict(self.kinds)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.plot.set_colours(colours)
        for kind, box in self.kinds.items():
            box.setIcon(line_icon(kind, colours))
        self._show()

    def on_front(self, front: bool) -> None:
        """Draw with predictions, which nobody waits for while the dock is out of sight."""
        if front:
            self._show()


def _place(ids: NDArray[np.int64], number: int) -> int:
    return int(np.flatnonzero(ids == number)[0])


def _names(listed: list[int], selected: int) -> str:
    if not listed:
        return "The selected ROIs have no traces."
    if len(listed) == 1 == selected:
        return f"ROI {listed[0]}"
    return f"{len(listed)} of {selected:,} ROIs" if selected > len(listed) else f"{selected} ROIs"
