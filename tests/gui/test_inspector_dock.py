"""The Inspector in a real window: clicks, keys, slider, layers; what is missing is said."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inspector_scene import (
    FIRST,
    FRAMES,
    RATE,
    SHAPE,
    bring_to_front,
    chain_movie,
    show_movie,
    six_cells,
    take,
    train,
    wait_until_ready,
)
from napari.layers import Surface
from neuron_scene import place_of_roi, press
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

from napari_calcdyn.analysis.influence.roi_prediction import predicted_traces
from napari_calcdyn.analysis.maps import ContributionMaps, contribution_maps
from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.results import EXPLAINED, show_explained, show_sources
from napari_calcdyn.gui.inspector import runs as inspector_runs
from napari_calcdyn.gui.inspector.arrows.layer import ARROWS, SOURCES_OF_REGION
from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.inspector.prepared import Prepared
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.neurons.roi_layers import ROIS
from napari_calcdyn.gui.plots.trace_plot import PREDICTED, RAW, RECONSTRUCTED
from napari_calcdyn.gui.session import Session
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import RoiSet, extract_traces
from napari_calcdyn.recording.errors import Cancelled


@pytest.fixture(scope="module")
def rois() -> RoiSet:
    return six_cells()


@pytest.fixture(scope="module")
def pixels(rois: RoiSet) -> np.ndarray:
    return chain_movie(rois)


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> VARAutoencoder:
    return train(pixels)


@pytest.fixture
def dock(add_dock: Callable[[type, str], Any]) -> InspectorDock:
    found: InspectorDock = add_dock(InspectorDock, "Inspector (CalcDyn)")
    return found


@pytest.fixture
def session(
    viewer: Any, dock: InspectorDock, rois: RoiSet, pixels: np.ndarray, model: VARAutoencoder, qtbot: Any
) -> Session:
    """Ready: the warm-up is over."""
    session = show_movie(viewer, pixels)
    take(session, rois, model)
    wait_until_ready(qtbot, dock)
    viewer.reset_view()
    return session


def place_of_pixel(session: Session, y: float, x: float) -> np.ndarray:
    """Where a pixel of the movie is in the world, (y, x)."""
    layer = session.movie_layer
    assert layer is not None
    return np.asarray(layer.data_to_world([0, y, x]))[-2:]


def arrows(viewer: Any) -> Surface:
    layer = viewer.layers[ARROWS]
    assert isinstance(layer, Surface)
    return layer


def listed(table: Any) -> list[list[str]]:
    """What a table shows."""
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def noted(calls: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes its calls."""

    def note(*args: Any, **more: Any) -> Any:
        calls.append(name)
        return function(*args, **more)

    return note


def test_a_click_shows_traces_sources_map_and_arrows(
    viewer: Any, dock: InspectorDock, session: Session, model: VARAutoencoder, rois: RoiSet
) -> None:
    press(viewer, place_of_roi(session, FIRST + 1))
    assert dock.head.title.text() == f"<b>ROI {FIRST + 1}</b>"
    assert dock.state.advice.isHidden()
    assert session.recording.movie is not None
    latents = model.encode(session.recording.movie)
    weights = rois.footprints[[1]]
    drawn = [item.getOriginalDataset() for item in dock.traces.plot.listDataItems()]
    decoded = model.decode(latents).reshape(FRAMES, -1)
    expected = {
        RAW: extract_traces(session.recording.movie, rois).values[1],
        RECONSTRUCTED: (weights @ decoded.T)[0],
        PREDICTED: predicted_traces(model, latents, weights)[0],
    }
    assert len(drawn) == 3
    for (times, values), wanted in zip(drawn, expected.values(), strict=True):
        assert np.allclose(times, np.arange(FRAMES) / RATE)
        assert np.allclose(values, wanted, rtol=1e-3, equal_nan=True)
    assert np.isnan(drawn[2][1][0])

    found = dock.inspection.current
    assert found is not None
    rows = listed(dock.sources.table)
    assert [int(row[0]) for row in rows] == found.drivers.sources.tolist()
    assert rows[0][1] == f"{found.drivers.shares[0]:.0%}"
    assert rows[0][2] == "1 frame (0.1 s)"
    image = viewer.layers[SOURCES_OF_REGION]
    assert image.data.shape == SHAPE
    brightest = np.unravel_index(image.data.argmax(), SHAPE)
    assert np.hypot(*(np.array(brightest) - rois.centres[1])) < 8
    assert np.array_equal(image.scale, [0.5, 0.5])
    assert np.array_equal(image.translate, [30, 40])

    dock.pages.setCurrentWidget(dock.arrows)
    ways = [row[0] for row in listed(dock.arrows.table)]
    assert set(ways[:2]) == {
        f"from {FIRST}",
        f"to {FIRST + 2}",
    }  # which it was made with, as strong as each other
    first, second = sorted(dock.arrows.edges[:2], key=lambda edge: -edge["strength"])
    assert (first["roi"], second["roi"]) == (FIRST, FIRST + 2)
    assert first["strength"] > 0.4
    assert second["strength"] < -0.4
    layer = arrows(viewer)
    assert layer.ndim == 2
    assert np.array_equal(layer.scale, [0.5, 0.5])
    assert viewer.layers.selection.active not in (layer, image)  # the user's own layer stays in hand
    # The arrow that comes in begins at the first cell, and the one that goes out ends at the third.
    around = layer.data[0][layer.data[2] == 0]
    assert np.hypot(*(around - rois.centres[0]).T).min() < 8
    around = layer.data[0][layer.data[2] == 0.5]
    assert np.hypot(*(around - rois.centres[2]).T).min() < 8


def test_the_slider_moves_the_cursor_and_computes_nothing(
    viewer: Any, dock: InspectorDock, session: Session, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    calls: list[str] = []
    for owner, name in (
        (Prepared, "inspect"),
        (inspector_runs, "region_map"),
        (inspector_runs, "show_arrows"),
        (inspector_runs, "show_sources"),
    ):
        monkeypatch.setattr(owner, name, noted(calls, name, getattr(owner, name)))
    press(viewer, place_of_roi(session, FIRST))
    assert set(calls) == {"inspect", "region_map", "show_arrows", "show_sources"}
    assert calls.count("inspect") == 1
    calls.clear()
    items = dock.traces.plot.listDataItems()
    for frame in (3, 200, 399):
        show_frame(session, frame)
        qtbot.wait(20)
        assert dock.traces.plot.cursor_line.value() == pytest.approx(frame / RATE)
    assert not calls
    assert dock.traces.plot.listDataItems() == items
    dock.traces.plot.moved.emit(123)
    assert shown_frame(session) == 123
    press(viewer, place_of_roi(session, FIRST + 1))
    assert calls.count("inspect") == 1


def test_keys_and_buttons_walk_and_pin(
    viewer: Any, dock: InspectorDock, session: Session, qtbot: Any
) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    press(viewer, place_of_roi(session, FIRST))
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_K)
    assert session.rois.selected == (FIRST + 1,)
    qtbot.keyClick(canvas, Qt.Key.Key_H)
    assert session.rois.pinned == (FIRST + 1,)
    assert dock.head.pin.isChecked()
    dock.head.next.click()
    assert session.rois.selected == (FIRST + 2,)
    qtbot.keyClick(canvas, Qt.Key.Key_J)
    qtbot.keyClick(canvas, Qt.Key.Key_J)
    assert session.rois.selected == (FIRST,)
    dock.head.previous.click()
    assert session.rois.selected == (FIRST + 5,)  # round the end
    labels = [found.region.name for found in dock.traces.shown]
    assert labels == [f"ROI {FIRST + 5}", f"ROI {FIRST + 1}"]
    assert len(dock.traces.plot.listDataItems()) == 6
    dock.head.unpin.click()
    assert not session.rois.pinned
    assert len(dock.traces.plot.listDataItems()) == 3
    viewer.window._qt_window.activateWindow()
    dock.sources.table.setFocus()  # anywhere in the dock
    qtbot.wait(50)
    qtbot.keyClick(dock.sources.table, Qt.Key.Key_K)
    assert session.rois.selected == (FIRST,)


def test_a_slider_hides_weak_arrows(viewer: Any, dock: InspectorDock, session: Session) -> None:
    press(viewer, place_of_roi(session, FIRST + 1))
    dock.arrows.slider.setValue(0)
    everything = len(dock.arrows.edges)
    assert everything > 2
    vertices = len(arrows(viewer).data[0])
    for value in (200, 300):
        dock.arrows.slider.setValue(value)
        assert (np.abs(dock.arrows.edges["strength"]) > dock.arrows.least).all()
    assert 0 < len(dock.arrows.edges) < everything
    assert len(arrows(viewer).data[0]) < vertices
    assert f"{len(dock.arrows.edges[dock.arrows.edges['incoming']])} into ROI" in dock.arrows.legend.text()
    dock.arrows.slider.setValue(400)
    assert not len(dock.arrows.edges)
    assert not np.ptp(arrows(viewer).data[0])  # nothing to be seen
    dock.arrows.slider.setValue(250)
    other = int(dock.arrows.edges["roi"][0])
    assert other in (FIRST, FIRST + 2)
    dock.arrows.table.cellClicked.emit(0, 0)
    assert session.rois.selected == (other,)  # goes to the other end


def test_only_arrows_that_pass_are_left_after_the_test(
    viewer: Any, dock: InspectorDock, session: Session, qtbot: Any
) -> None:
    press(viewer, place_of_roi(session, FIRST + 1))
    dock.arrows.slider.setValue(0)
    assert not dock.arrows.only_passed.isEnabled()
    assert dock.arrows.hidden.text() == "30 of 30 arrows between all ROIs are left."
    dock.arrows.run.click()
    assert dock.state.stop.isVisible()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=60_000)
    assert session.answers.influence is not None
    assert session.answers.influence.p_values is not None
    assert "pass" in dock.message.text()
    assert dock.arrows.only_passed.isChecked()
    dock.arrows.slider.setValue(0)
    assert {(int(it["roi"]), bool(it["incoming"])) for it in dock.arrows.edges} == {
        (FIRST, True),
        (FIRST + 2, False),
    }
    assert float(listed(dock.arrows.table)[0][3]) <= 0.05
    dock.arrows.only_passed.setChecked(False)
    assert len(dock.arrows.edges) > 2
    tested = session.answers.influence
    assert session.dynamics.model is not None
    session.dynamics.var = session.dynamics.model.var.at(fraction=0.2)
    wait_until_ready(qtbot, dock)
    assert session.answers.influence is tested  # which another point of the path does not change
    assert "pass" in dock.message.text()
    dock.state.stop.click()  # a moment too late
    assert dock.state.advice.isHidden()
    session.rois.loaded = session.rois.loaded.select(np.array([0]))  # type: ignore[union-attr]
    wait_until_ready(qtbot, dock)
    assert dock.message.isHidden()  # it was about other arrows
    session.rois.selected = (FIRST,)
    assert "is the only ROI" in dock.state.advice.text()
    assert not dock.arrows.run.isEnabled()
    assert dock.arrows.hidden.text() == ""


def test_layers_that_were_deleted_come_back_with_the_next_click(
    viewer: Any, dock: InspectorDock, session: Session
) -> None:
    press(viewer, place_of_roi(session, FIRST))
    for name in (ARROWS, SOURCES_OF_REGION):
        viewer.layers.remove(name)
    press(viewer, place_of_roi(session, FIRST))  # the same one again
    assert ARROWS in viewer.layers
    assert SOURCES_OF_REGION in viewer.layers
    viewer.layers.remove(ARROWS)
    press(viewer, place_of_roi(session, FIRST + 1))
    assert len([it for it in viewer.layers if it.name == ARROWS]) == 1
    arrows(viewer).opacity = 0.4
    press(viewer, place_of_roi(session, FIRST))
    assert arrows(viewer).opacity == 0.4  # what the user changed stays


def test_any_pixel_and_what_is_drawn_elsewhere_can_be_inspected(
    viewer: Any, dock: InspectorDock, session: Session, pixels: np.ndarray, qtbot: Any
) -> None:
    press(viewer, place_of_roi(session, FIRST))
    press(viewer, place_of_pixel(session, 10, 20))
    assert dock.head.title.text() == "<b>Pixel y 10, x 20</b>"
    assert session.rois.selected == ()
    assert "click an ROI" in dock.state.advice.text()
    assert not np.ptp(arrows(viewer).data[0])
    qtbot.waitUntil(lambda: len(dock.traces.plot.listDataItems()) == 3, timeout=5000)
    assert np.allclose(dock.traces.plot.listDataItems()[0].getOriginalDataset()[1], pixels[:, 10, 20])
    assert not dock.head.pin.isEnabled()
    # A shape, half as fine as the movie and elsewhere in the world.
    corners = [
        place_of_pixel(session, y, x) for y, x in ((17.5, 19.5), (17.5, 23.5), (21.5, 23.5), (21.5, 19.5))
    ]
    shapes = viewer.add_shapes([np.array(corners)], shape_type="polygon", name="drawn")
    press(viewer, place_of_pixel(session, 20, 21))
    assert dock.head.title.text() == "<b>Shape 1 of drawn</b>"
    qtbot.waitUntil(lambda: len(dock.traces.plot.listDataItems()) == 3, timeout=5000)
    expected = pixels[:, 18:22, 20:24].mean(axis=(1, 2))
    assert np.allclose(dock.traces.plot.listDataItems()[0].getOriginalDataset()[1], expected, rtol=1e-4)
    assert dock.state.way.text() == "Use its ROIs"
    dock.state.way.click()
    qtbot.waitUntil(lambda: session.rois.loaded is not None and len(session.rois.loaded) == 1, timeout=5000)
    assert not shapes.visible
    # A label, painted on the movie's grid in a stack of frames.
    labels = np.zeros((4, *SHAPE), np.uint8)
    labels[:, 2:4, 50:53] = 7
    viewer.add_labels(labels, name="painted", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    show_frame(session, 2)
    press(viewer, place_of_pixel(session, 3, 51))
    assert dock.head.title.text() == "<b>Label 7 of painted</b>"
    assert dock.inspection.region is not None
    assert dock.inspection.region.rois.labels.sum() == 6


def test_the_map_is_the_sum_of_the_maps_of_its_sources(
    viewer: Any, dock: InspectorDock, session: Session, model: VARAutoencoder
) -> None:
    assert session.recording.movie is not None
    maps = contribution_maps(model, session.recording.movie)
    session.dynamics.maps = maps
    show_sources(session, session.recording.movie, maps)
    show_explained(session, maps)
    press(viewer, place_of_roi(session, FIRST + 1))
    found = dock.inspection.current
    assert found is not None
    leading = found.drivers.leading(0.8)
    assert np.allclose(viewer.layers[SOURCES_OF_REGION].data, maps.sources[leading].sum(axis=0))
    assert not viewer.layers[EXPLAINED].visible  # which it is a part of
    exact = viewer.layers[SOURCES_OF_REGION].data
    dock.sources.table.selectRow(1)
    one = maps.sources[found.drivers.sources[1]]
    assert np.allclose(viewer.layers[SOURCES_OF_REGION].data, one)
    session.dynamics.maps = None
    dock.sources.table.clearSelection()
    without = viewer.layers[SOURCES_OF_REGION].data
    assert not np.array_equal(without, exact)
    assert np.corrcoef(without.ravel(), exact.ravel())[0, 1] > 0.95


def test_the_map_comes_from_the_moments_where_the_file_of_the_maps_is_gone(
    viewer: Any, dock: InspectorDock, session: Session, model: VARAutoencoder, tmp_path: Path
) -> None:
    assert session.recording.movie is not None
    press(viewer, place_of_roi(session, FIRST + 1))
    without = viewer.layers[SOURCES_OF_REGION].data
    maps = contribution_maps(model, session.recording.movie)
    maps.save(tmp_path)
    session.dynamics.maps = ContributionMaps.load(tmp_path)
    (tmp_path / "contribution_sources.tif").unlink()
    dock.sources.table.selectRow(1)
    dock.sources.table.clearSelection()
    assert np.array_equal(viewer.layers[SOURCES_OF_REGION].data, without)
    assert session.work.notice is not None
    assert "contribution_sources.tif could not be read" in session.work.notice.text


def test_what_is_missing_is_said_with_a_way_on(
    viewer: Any, dock: InspectorDock, rois: RoiSet, pixels: np.ndarray, model: VARAutoencoder, qtbot: Any
) -> None:
    def says(*words: str) -> None:
        qtbot.waitUntil(lambda: all(word in dock.state.advice.text() for word in words), timeout=10_000)
        assert dock.state.advice.text().count(". ") == 0
        assert dock.state.advice.isVisible()

    says("Open a recording first.")
    assert dock.state.way.text() == "To the Recording panel"
    session = show_movie(viewer, pixels)
    says("no trained model")
    press(viewer, place_of_pixel(session, 10, 10))  # nothing to be said of it
    dock.state.way.click()
    opened = [
        it
        for it in viewer.window._qt_window.findChildren(QDockWidget)
        if isinstance(it.widget(), DynamicsDock)
    ]
    assert len(opened) == 1
    qtbot.waitUntil(lambda: not opened[0].widget().visibleRegion().isEmpty(), timeout=2000)
    bring_to_front(qtbot, dock)
    take(session, None, model)
    wait_until_ready(qtbot, dock)
    says("no ROIs yet", "any pixel")
    assert dock.state.way.text() == "To the Neurons panel"
    viewer.reset_view()
    press(viewer, place_of_pixel(session, SHAPE[0] - 1, SHAPE[1] - 1))
    says("No source of the model reaches")
    assert dock.state.way.text() == "To the Dynamics panel"
    press(viewer, place_of_pixel(session, 10, 10))
    assert len(dock.inspection.current.drivers.sources)  # type: ignore[union-attr]
    own_past_too = dataclasses.replace(model.var, weights=torch.ones_like(model.var.weights))
    session.dynamics.var = own_past_too.at(fraction=1.0)  # where it is penalised, nothing is left
    says("no source drives")
    elsewhere = RoiSet(np.ones((1, 12), np.float32), np.array([1]), (3, 4))
    session.rois.loaded = elsewhere
    session.dynamics.var = model.var
    dock.inspection.look_at(None)
    says("frames of another size")
    session.rois.loaded = rois
    says("Click an ROI")


def test_the_warm_up_shows_progress_and_can_be_stopped(
    viewer: Any,
    dock: InspectorDock,
    rois: RoiSet,
    pixels: np.ndarray,
    model: VARAutoencoder,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = [True]
    calls: list[str] = []

    def slow(movie: Any, progress: Any) -> np.ndarray:
        calls.append("started")
        done = 0
        while held[0]:
            done = min(done + 1, 90)
            if progress(done, 100):
                calls.append("stopped")
                raise Cancelled("stopped")
            time.sleep(0.01)
        return VARAutoencoder.encode(model, movie)

    monkeypatch.setattr(model, "encode", slow)
    session = show_movie(viewer, pixels)
    take(session, rois, model)
    qtbot.waitUntil(
        lambda: dock.state.warm_up.isVisible() and dock.state.warm_up.bar.value() > 100, timeout=5000
    )
    assert "Encoding the recording" in dock.state.warm_up.stage.text()
    press(viewer, place_of_roi(session, FIRST))  # may be clicked meanwhile
    assert dock.head.title.text() == f"<b>ROI {FIRST}</b>"
    dock.state.stop.click()
    assert not dock.state.warm_up.isVisible()
    assert "stopped" in dock.state.advice.text()
    assert dock.inspection.prepared is None
    qtbot.waitUntil(lambda: calls == ["started", "stopped"], timeout=2000)
    held[0] = False
    dock.state.way.click()
    wait_until_ready(qtbot, dock)
    assert dock.inspection.current is not None
    assert calls == ["started", "stopped", "started"]
    session.neurons.traces = extract_traces(session.recording.movie, rois)  # type: ignore[arg-type]
    wait_until_ready(qtbot, dock)
    assert len(calls) == 3  # not encoded again


@pytest.mark.parametrize("how", ["hidden", "behind another tab"])
def test_a_dock_that_nobody_sees_computes_nothing_and_leaves_no_arrows_of_another_roi(
    how: str,
    viewer: Any,
    dock: InspectorDock,
    session: Session,
    rois: RoiSet,
    add_dock: Callable[[type, str], Any],
    monkeypatch: pytest.MonkeyPatch,
    qtbot: Any,
) -> None:
    press(viewer, place_of_roi(session, FIRST))
    if how == "hidden":
        dock.parentWidget().hide()
    else:
        dynamics = add_dock(DynamicsDock, "Dynamics (CalcDyn)")
        qtbot.waitUntil(lambda: in_front(dynamics) and not in_front(dock), timeout=5000)
    calls: list[str] = []
    monkeypatch.setattr(Prepared, "inspect", noted(calls, "inspect", Prepared.inspect))
    viewer.reset_view()
    press(viewer, place_of_roi(session, FIRST + 1))
    assert session.rois.selected == (FIRST + 1,)
    assert not calls
    assert not np.ptp(arrows(viewer).data[0])
    session.rois.loaded = RoiSet.from_labels(rois.labels)  # the same, but they would have to be prepared anew
    assert not viewer.layers[SOURCES_OF_REGION].data.any()
    session.rois.selected = (2,)
    qtbot.wait(50)
    assert dock.inspection.prepared is None
    assert dock.inspection.status is None
    if how == "hidden":
        dock.parentWidget().show()
    else:
        bring_to_front(qtbot, dock)
    qtbot.waitUntil(lambda: dock.head.title.text() == "<b>ROI 2</b>", timeout=2000)
    wait_until_ready(qtbot, dock)
    qtbot.waitUntil(lambda: bool(np.ptp(arrows(viewer).data[0])), timeout=2000)


def test_it_survives_what_goes_away(
    viewer: Any, dock: InspectorDock, session: Session, pixels: np.ndarray, qtbot: Any
) -> None:
    press(viewer, place_of_roi(session, FIRST))
    session.rois.pinned = (FIRST + 1,)
    viewer.layers.remove(ROIS)
    viewer.layers.remove("movie")
    qtbot.waitUntil(lambda: "Open a recording" in dock.state.advice.text(), timeout=2000)
    assert not dock.traces.plot.listDataItems()
    again = show_movie(viewer, pixels)
    assert again is session
    wait_until_ready(qtbot, dock)
    session.rois.loaded = None
    qtbot.waitUntil(lambda: session.answers.influence is None, timeout=2000)
    assert not session.rois.pinned
    session.dynamics.model = session.dynamics.var = None
    qtbot.waitUntil(lambda: "no trained model" in dock.state.advice.text(), timeout=2000)


def test_the_keys_are_given_back_when_the_dock_is_closed(
    viewer: Any, dock: InspectorDock, qtbot: Any
) -> None:
    assert {"H", "J", "K"} <= {str(it) for it in viewer.keymap}
    viewer.window.remove_dock_widget(dock)
    assert not {"H", "J", "K"} & {str(it) for it in viewer.keymap}
