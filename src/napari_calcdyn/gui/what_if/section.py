"""The section *What if*: push a source or an ROI and see it spread; forecast the frames to come."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_calcdyn.gui.docks.dock import Listener, caption
from napari_calcdyn.gui.forms.rows import in_rows
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.plots.theme import plot_colours

from .dynamics import Dynamics, dynamics_of
from .error_plot import ErrorPlot
from .panels import SOURCE, forecast_panel, push_panel
from .runs import (
    FORECASTING,
    MEASURING,
    PUSHING,
    Push,
    Spread,
    obstacle,
    push_obstacle,
    rois_fit,
    start_errors,
    start_forecast,
    start_push,
)
from .words import about_dynamics, error_words, forecast_words, push_words

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_calcdyn.analysis.what_if.forecasting import ForecastError
    from napari_calcdyn.gui.session import Session

_CHANGED = "The model's connections changed: press the button again."
_OTHER_ROIS = "The ROIs changed: push again."


class WhatIf(QWidget):  # type: ignore[misc]
    """Questions to the fitted dynamics; the answers are layers over the movie.

    Parameters
    ----------
    session : Session
        With a recording, a model and the point of its path that is shown; ROIs where one is to be pushed. Where it is
        known what drives which of them, that is asked.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._listener = Listener()
        self._layers: dict[QLabel, weakref.ref[Image]] = {}  # by the label that says what they show
        self._of_roi = False  # the push that is shown
        self._dynamics: Dynamics | None = None  # that the answers are of
        self._measured = 0  # how far ahead the errors that are shown were asked for
        self._build()
        for signal, slot in (
            (session.recording.events.movie, self._on_dynamics),
            (session.dynamics.events.model, self._on_dynamics),
            (session.dynamics.events.var, self._on_dynamics),
            (session.answers.events.between, self._on_dynamics),
            (session.rois.events.loaded, self._on_rois),
            (session.rois.events.selected, self._show_readiness),
            (session.work.events.job, self._show_readiness),
        ):
            self._listener.connect(signal, slot)
        viewer = session.viewer
        if viewer is not None:
            self._listener.connect(viewer.dims.events.current_step, self._on_time)
            self._listener.connect(viewer.events.theme, self._show_theme)
        self._gone = partial(Listener.close, self._listener)
        self.destroyed.connect(self._gone)
        self._show_theme()
        self._on_dynamics()

    # What the section is made of

    def _build(self) -> None:
        self.of, self.hint, self.push_said, self.forecast_said, self.errors_said = (
            _words() for _ in range(5)
        )
        self.push, self.forecast = push_panel(), forecast_panel()
        self.push.changed.connect(self._show_readiness)
        self.push.called.connect(self._on_push)
        self.forecast.called.connect(self._on_forecast)
        self.push.call_button.tooltip = (
            "Add activity at the frame that is shown and see how it spreads in the frames after: a small "
            "movie of the difference, starting at this frame."
        )
        self.forecast.call_button.tooltip = (
            "Predict the frames after the one that is shown, as if the recording ended there. The forecast "
            "covers the recorded frames: hide its layer to see them."
        )
        self._push_rows = in_rows(self.push)
        in_rows(self.forecast)
        self.errors = ErrorPlot()
        self.errors.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 6)
        layout.setSpacing(5)
        for widget in (
            self.of,
            self.hint,
            caption("A push", "How added activity spreads."),
            self.push.native,
            self.push_said,
            caption("A forecast", "How the recording would continue."),
            self.forecast.native,
            self.forecast_said,
            self.errors,
            self.errors_said,
        ):
            layout.addWidget(widget)
        layout.addStretch(1)

    def settings(self) -> dict[str, Any]:
        """Return what would be pushed, and how far would be looked ahead."""
        return {"push": self.push, "forecast": self.forecast}

    # What the user does

    def _on_push(self, push: Push) -> None:
        if not self._stop(PUSHING):
            push = replace(push, source=None) if not self._by_source else push
            start_push(
                self.session,
                replace(push, roi=None if self._by_source else self._selected()),
                self._on_spread,
            )

    def _on_forecast(self, ahead: int) -> None:
        if not self._stop(FORECASTING, MEASURING):
            start_forecast(self.session, ahead, self._on_forecasted)

    def _stop(self, *titles: str) -> bool:
        """Stop the job under way where it is one of these; returns whether it was."""
        job = self.session.work.job
        ours = job is not None and job.title in titles
        if ours:
            self.session.work.stop()
        return ours

    # What comes back

    def _on_spread(self, spread: Spread, layer: Image) -> None:
        self._layers[self.push_said], self._of_roi = weakref.ref(layer), spread.push.roi is not None
        rate = self.session.recording.movie.frame_rate if self.session.recording.movie is not None else None
        self._say(self.push_said, push_words(spread, rate))

    def _on_forecasted(self, start: int, layer: Image) -> None:
        self._layers[self.forecast_said] = weakref.ref(layer)
        self._say(self.forecast_said, forecast_words(start, len(layer.data)))
        show_frame(self.session, start)
        horizon = self.forecast.ahead.value
        if horizon != self._measured:
            start_errors(self.session, horizon, partial(self._on_errors, horizon))

    def _on_errors(self, horizon: int, errors: ForecastError) -> None:
        self._measured = horizon
        self.errors.show_errors(errors)
        self.errors.setVisible(True)
        movie, model = self.session.recording.movie, self.session.dynamics.model
        same = movie is not None and model is not None and model.metrics.get("frames") == movie.n_frames
        self._say(self.errors_said, error_words(errors, same_recording=same))

    def _forget(self, *_: object) -> None:
        """Remove what was shown of another model or recording."""
        self._measured = 0
        self.errors.setVisible(False)
        self._say(self.errors_said, "")
        for said in (self.push_said, self.forecast_said):
            self._take_away(said, _CHANGED)

    def _on_rois(self, *_: object) -> None:
        if self._of_roi:
            self._take_away(self.push_said, _OTHER_ROIS)
        self._on_dynamics()

    def _take_away(self, said: QLabel, why: str) -> None:
        """Remove a layer of ours where it is still there, and say why."""
        viewer, reference = self.session.viewer, self._layers.pop(said, None)
        layer = reference() if reference is not None else None
        gone = viewer is not None and layer is not None and layer in viewer.layers
        if viewer is not None and gone:
            viewer.layers.remove(layer)
        self._say(said, why if gone and not obstacle(self.session) else "")

    # What the section shows

    def _on_dynamics(self, *_: object) -> None:
        """Forget the answers where they are of other dynamics than those that are there now."""
        now, model = dynamics_of(self.session), self.session.dynamics.model
        if model is not None:
            self.push.source.max = len(model.latent_centres) - 1
        self._say(self.of, "" if now is None else about_dynamics(now))
        if now is None or not now.same(self._dynamics):
            self._dynamics = now
            self._forget()
        self._show_readiness()

    @property
    def _by_source(self) -> bool:
        """Whether a latent is to be pushed; between cells, there are none."""
        return self.push.what.value == SOURCE and (self._dynamics is None or self._dynamics.cells is None)

    def _on_time(self, *_: object) -> None:
        """Name the frame that a forecast would start from; nothing is computed."""
        frame, job = shown_frame(self.session), self.session.work.job
        stoppable = job is not None and job.title in (FORECASTING, MEASURING)
        words = "Forecast" if frame is None else f"Forecast from frame {frame:,}"
        self.forecast.call_button.text = "Stop" if stoppable else words

    def _show_readiness(self, *_: object) -> None:
        """Offer what can be asked, and say what the rest needs."""
        missing = obstacle(self.session)
        by_source, roi = self._by_source, self._selected()
        between_cells = self._dynamics is not None and self._dynamics.cells is not None
        self._push_rows.setRowVisible(self.push.what.native, not between_cells)
        self._push_rows.setRowVisible(self.push.source.native, by_source)
        needs = missing or push_obstacle(self.session, roi, self.push.size.value, by_source=by_source)
        self._say(self.hint, needs)
        pushing = self.session.work.job is not None and self.session.work.job.title == PUSHING
        name = f"source {self.push.source.value}" if by_source else "the ROI" if roi is None else f"ROI {roi}"
        self.push.call_button.text = "Stop" if pushing else f"Push {name}"
        self.push.call_button.enabled = pushing or not needs
        self.forecast.call_button.enabled = not missing
        self._on_time()

    def _selected(self) -> int | None:
        """Return the id of the ROI that was selected last; None where it is of another recording."""
        selected, rois = self.session.rois.selected, self.session.rois.loaded
        if not selected or rois is None or not np.isin(selected[-1], rois.ids):
            return None
        return selected[-1] if rois_fit(self.session) else None

    def _show_theme(self, *_: object) -> None:
        viewer = self.session.viewer
        if viewer is not None:
            self.errors.set_colours(plot_colours(viewer.theme))

    @staticmethod
    def _say(label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))


def _words() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setVisible(False)
    return label
