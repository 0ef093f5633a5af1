"""The dock Traces below the picture: curves of the selected neurons, and the movie's time in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from neuron_scene import (
    analyse,
    as_new,
    events,
    grid_of_rois,
    place_of_point,
    place_of_roi,
    press,
    show_recording,
)
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_calcdyn.analysis.influence.roi_prediction import predicted_traces
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.neurons.latent_layer import LATENT_MAP
from napari_calcdyn.gui.neurons.roi_layers import ROIS
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.plots.trace_plot import LEAST_LABEL, PREDICTED, RAW, REDRAWN
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.state import ShownTraces
from napari_calcdyn.gui.traces.dock import MOST_ROWS, TracesDock
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie, Traces


@pytest.fixture
def dock(viewer: Any) -> TracesDock:
    """The dock, opened at the side as napari's menu does it."""
    dock = TracesDock(viewer)
    viewer.window.add_dock_widget(dock, name="Traces (CalcDyn)", area="right")
    return dock


@pytest.fixture
def session(viewer: Any, dock: TracesDock) -> Session:
    """20 neurons with traces at 10 Hz, one of them with a gap; analysed."""
    rois = grid_of_rois(4, 5)
    traces = events(rois.ids)
    traces.values[7, 20:30] = np.nan
    session = show_recording(viewer, rois, traces, scale=(1, 0.5, 0.5), translate=(3, 30, 40))
    analyse(session)
    return session


def curves(dock: TracesDock) -> list[tuple[np.ndarray, np.ndarray]]:
    """What is drawn, as (times, values); a gap is NaN."""
    return [item.getOriginalDataset() for item in dock.plot.listDataItems()]


def written_beside(dock: TracesDock) -> dict[str, float]:
    """What the left axis has room for, and at which height, in pixels from the top."""
    axis = dock.plot.getAxis("left")
    QApplication.processEvents()  # the plot finds its size
    picture = QPixmap(1, 1)
    painter = QPainter(picture)
    painter.setFont(axis.style["tickFont"])
    _, _, texts = axis.generateDrawSpecs(painter)
    painter.end()
    return {text.split(" (")[0]: place.center().y() for place, _, text in texts}


def at_time(dock: TracesDock, time: float) -> Any:
    """Where a time is in the plot, in pixels of its viewport."""
    middle = float(np.mean(dock.plot.viewRange()[1]))
    scene = dock.plot.getViewBox().mapViewToScene(QPointF(time, middle))
    return dock.plot.mapFromScene(scene)


def test_one_neuron_raw_and_denoised_below_the_picture(
    viewer: Any, dock: TracesDock, session: Session, qtbot: Any
) -> None:
    frame = dock.parentWidget()
    assert isinstance(frame, QDockWidget)
    below = Qt.DockWidgetArea.BottomDockWidgetArea
    qtbot.waitUntil(lambda: viewer.window._qt_window.dockWidgetArea(frame) == below, timeout=2000)
    assert viewer.window._qt_window.width() <= 1280
    assert viewer.window._qt_window.height() <= 800
    at_side = viewer.window._qt_viewer.dockLayerList
    assert at_side.geometry().bottom() > frame.geometry().top()  # the list of layers keeps its height
    as_new(viewer)
    assert curves(dock) == []
    assert "Click an ROI" in dock.hint.text()
    assert dock.hint.isVisible()
    assert not dock.plot.isVisible()
    press(viewer, place_of_roi(session, 107))
    assert session.neurons.traces is not None
    assert session.neurons.result is not None
    (raw_times, raw), (_, denoised) = curves(dock)
    assert np.allclose(raw_times, np.arange(60) / 10)
    assert np.array_equal(raw, session.neurons.traces.values[7], equal_nan=True)
    assert np.isnan(raw[20:30]).all()
    assert np.array_equal(denoised, session.neurons.result.denoised.values[7])
    (band,) = dock.plot._bands
    assert np.ptp([edge.yData[40] for edge in band.curves]) == pytest.approx(2 * 1.5 * 0.05)
    dock.kinds[REDRAWN].setChecked(True)
    assert np.array_equal(curves(dock)[2][1], session.neurons.result.reconstruction[7])
    dock.kinds[REDRAWN].setChecked(False)
    assert "ROI 107" in dock.heading.text()
    assert dock.plot.getAxis("bottom").labelText == "time (s)"
    assert dock.plot.getAxis("left").labelText == "ΔF/F"
    drawn = dock.plot.listDataItems()[0].curve.getData()[1]
    assert np.isnan(drawn).any()  # drawn as a gap, and not as a line across
    dock.kinds[RAW].setChecked(False)
    assert len(curves(dock)) == 1
    dock.kinds[RAW].setChecked(True)


def test_several_neurons_in_rows_of_their_colours(viewer: Any, dock: TracesDock, session: Session) -> None:
    assert session.rois.loaded is not None
    views_of(session).select([103, 112, 119])
    drawn = curves(dock)
    assert len(drawn) == 6
    assert session.neurons.traces is not None
    heights = np.ptp(session.neurons.traces.values[[3, 12, 19]], axis=1)
    assert np.allclose([np.ptp(values) for _, values in drawn[::2]], 1, atol=1e-3)  # as high as each other
    tops = [np.nanmax(values) for _, values in drawn[::2]]
    assert tops == sorted(tops, reverse=True)
    assert np.nanmin(drawn[0][1]) > np.nanmax(drawn[2][1])  # they do not run into each other
    own = views_of(session).colours_of(np.array([103, 112, 119]))
    pens = [item.opts["pen"].color().getRgbF()[:3] for item in dock.plot.listDataItems()[1::2]]
    assert np.allclose(pens, own, atol=0.01)
    assert [text for _, text in dock.plot.getAxis("left")._tickLevels[0]] == [
        f"ROI {number} ({height:.2g})" for number, height in zip((103, 112, 119), heights, strict=True)
    ]
    assert "3 ROIs</b> (height in ΔF/F)" in dock.heading.text()
    views_of(session).colour_by("mu_1")
    pens = [item.opts["pen"].color().getRgbF()[:3] for item in dock.plot.listDataItems()[1::2]]
    assert not np.allclose(pens, own, atol=0.01)
    views_of(session).select(session.rois.loaded.ids.tolist())
    assert len(curves(dock)) == 2 * MOST_ROWS
    assert f"{MOST_ROWS} of 20 ROIs" in dock.heading.text()
    written = written_beside(dock)
    assert list(written) == [f"ROI {100 + row}" for row in range(MOST_ROWS)]  # none is left out
    assert (np.diff(list(written.values())) >= 0.8 * LEAST_LABEL).all()  # nor on another one
    views_of(session).select([100])
    assert not any(text.startswith("ROI") for text in written_beside(dock))  # numbers again
    lightness = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        lightness.append(dock.plot.backgroundBrush().color().lightness())
    assert lightness[1] > lightness[0] + 100


def test_a_trace_that_cannot_be_used_says_why(viewer: Any, dock: TracesDock, session: Session) -> None:
    assert session.neurons.traces is not None
    values = session.neurons.traces.values.copy()
    values[3], values[4] = np.nan, 7.0
    session.neurons.traces = replace(session.neurons.traces, values=values)
    session.rois.selected = (103,)
    assert dock.hint.text() == "ROI 103: trace left out, no valid samples"
    session.rois.selected = (104,)
    assert "ROI 104: trace left out, constant" in dock.heading.text()
    session.rois.selected = (103, 104, 105)
    labels = [text for _, text in dock.plot.getAxis("left")._tickLevels[0]]
    assert labels[:2] == ["ROI 103 (no valid samples)", "ROI 104 (constant)"]


def test_cursor_and_slider_follow_each_other(
    viewer: Any, dock: TracesDock, session: Session, qtbot: Any
) -> None:
    press(viewer, place_of_point(session, 107))
    items = dock.plot.listDataItems()
    for frame in (0, 33, 59):
        show_frame(session, frame)
        assert dock.plot.cursor_line.value() == pytest.approx(frame / 10)
    assert dock.plot.listDataItems() == items
    dock.plot.setXRange(0, 1, padding=0)
    show_frame(session, 50)
    left, right = dock.plot.viewRange()[0]
    assert left < 5 < right  # the view goes along
    assert right - left == pytest.approx(1, rel=0.1)
    as_new(viewer)
    dock.plot.setXRange(0, 5.9)
    press(viewer, place_of_roi(session, 107))
    show_frame(session, 10)
    qtbot.wait(50)  # the plot finds its size
    canvas, left = dock.plot.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseMove(canvas, at_time(dock, 1.0))
    qtbot.mousePress(canvas, left, pos=at_time(dock, 1.0))
    for time in (1.5, 2.5, 4.0):
        qtbot.mouseMove(canvas, at_time(dock, time))
        qtbot.wait(20)
    qtbot.mouseRelease(canvas, left, pos=at_time(dock, 4.0))
    assert shown_frame(session) == 40
    assert dock.plot.cursor_line.value() == pytest.approx(4.0)
    qtbot.mouseMove(canvas, at_time(dock, 2.0))
    qtbot.mouseClick(canvas, left, pos=at_time(dock, 2.0))
    assert shown_frame(session) == 20
    assert dock.plot.cursor_line.value() == pytest.approx(2.0)
    as_new(viewer)
    assert session.rois.loaded is not None
    session.neurons.traces = Traces(np.random.default_rng(0).normal(size=(20, 300)), session.rois.loaded.ids)
    session.neurons.result = None
    press(viewer, place_of_roi(session, 107))
    assert len(curves(dock)) == 1
    assert dock.plot.getAxis("bottom").labelText == "frame"
    assert not dock.plot.cursor_line.isVisible()
    frame = shown_frame(session)
    dock.plot.moved.emit(250)
    assert shown_frame(session) == frame


def test_neurons_made_up_by_the_model_are_shown_until_something_is_selected(
    viewer: Any, dock: TracesDock, session: Session
) -> None:
    views_of(session).select([103, 104])
    made_up = np.random.default_rng(0).normal(size=(9, 60)).astype(np.float32)
    session.neurons.shown_traces = ShownTraces("From ROI 103 to ROI 104", made_up)
    assert len(curves(dock)) == 9
    tall = np.ptp(made_up, axis=1)
    assert np.allclose([np.ptp(values) for _, values in curves(dock)], tall / tall.max(), rtol=1e-3)
    assert "From ROI 103 to ROI 104" in dock.heading.text()
    assert dock.back.isVisible()
    assert not any(box.isVisible() for box in dock.kinds.values())  # these traces are of one kind
    assert not dock.plot.cursor_line.isVisible()
    dock.back.click()
    assert "2 ROIs" in dock.heading.text()
    assert len(curves(dock)) == 4
    session.neurons.shown_traces = ShownTraces("9 neurons made up", made_up)
    press(viewer, place_of_roi(session, 107))
    assert session.neurons.shown_traces is None
    assert not dock.back.isVisible()
    assert "ROI 107" in dock.heading.text()


def test_it_stays_right_when_layers_go_and_come(viewer: Any, dock: TracesDock, session: Session) -> None:
    views_of(session).select([107])
    for name in (ROIS, LATENT_MAP, "movie"):
        viewer.layers.remove(name)
        assert len(curves(dock)) == 2
    assert not dock.plot.cursor_line.isVisible()
    session.rois.selected = (108, 999)  # one that is not there
    assert "1 of 2 ROIs" in dock.heading.text()
    session.neurons.traces = None
    assert curves(dock) == []
    assert "no traces yet" in dock.hint.text()


def train(movie: Movie) -> VARAutoencoder:
    config = VARAutoencoderConfig.preset("quick", steps=20, latents=8)
    fit = VARAutoencoder(config).fit_steps(movie, device="cpu")
    while True:
        try:
            next(fit)
        except StopIteration as finished:
            model: VARAutoencoder = finished.value
            return model


def test_the_dynamics_predict_the_selected_neurons(
    viewer: Any, dock: TracesDock, session: Session, qtbot: Any
) -> None:
    assert session.recording.movie is not None
    assert session.rois.loaded is not None
    views_of(session).select([107])
    assert not dock.kinds[PREDICTED].isEnabled()
    assert "Dynamics panel" in dock.kinds[PREDICTED].toolTip()
    model = train(session.recording.movie)
    session.dynamics.model, session.dynamics.var = model, model.var
    qtbot.waitUntil(lambda: len(curves(dock)) == 3, timeout=20_000)
    assert dock.kinds[PREDICTED].isEnabled()
    latents = model.encode(session.recording.movie)
    expected = predicted_traces(model, latents, session.rois.loaded.footprints)
    assert np.allclose(curves(dock)[2][1], expected[7], equal_nan=True, rtol=1e-5)
    calls: list[Any] = []
    encode, model.encode = model.encode, lambda *_: calls.append(_)  # type: ignore[method-assign]
    views_of(session).select([103])
    qtbot.waitUntil(lambda: len(curves(dock)) == 3, timeout=5000)
    assert np.allclose(curves(dock)[2][1], expected[3], equal_nan=True, rtol=1e-5)
    views_of(session).select([107])
    assert len(curves(dock)) == 3  # at once
    other = model.var.at(fraction=1.0)
    session.dynamics.var = other
    flat = predicted_traces(model, latents, session.rois.loaded.footprints, var=other)[7]
    qtbot.waitUntil(
        lambda: len(curves(dock)) == 3 and np.allclose(curves(dock)[2][1], flat, equal_nan=True, rtol=1e-5),
        timeout=5000,
    )
    assert not calls  # the recording was encoded once
    model.encode = encode  # type: ignore[method-assign]
    dock.kinds[PREDICTED].setChecked(False)
    assert len(curves(dock)) == 2
    dock.kinds[PREDICTED].setChecked(True)
    session.dynamics.model = session.dynamics.var = None
    assert len(curves(dock)) == 2
