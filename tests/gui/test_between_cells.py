"""The page *Between cells*: what drives which cell, found, shown and clicked in a real window."""

from __future__ import annotations

import copy
import gc
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inspector_scene import (
    FIRST,
    PLACE,
    chain_movie,
    show_movie,
    six_cells,
    take,
    train,
)
from neuron_scene import press
from qtpy.QtCore import QPointF, Qt

from napari_calcdyn.gui.dynamics.between import runs
from napari_calcdyn.gui.dynamics.between.layers import (
    DRIVEN,
    DRIVING,
    LAYERS,
    ONE_CELL,
    OUTLINES,
    OWN,
    show_between,
)
from napari_calcdyn.gui.dynamics.between.page import BetweenPage
from napari_calcdyn.gui.dynamics.between.runs import LOOKING, by_place
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.layers.layers import IN_COLOUR, OUT_COLOUR
from napari_calcdyn.gui.neurons.roi_layers import CELLS_FOUND, ROIS
from napari_calcdyn.jobs.between_rois import VISIBLE, BetweenRois, look_between_rois
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Traces

TRUE = {(FIRST, FIRST + 1), (FIRST + 1, FIRST + 2)}  # source and target


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> VARAutoencoder:
    return train(pixels, 40)


@pytest.fixture
def page(viewer: Any, add_dock: Any, pixels: np.ndarray, model: VARAutoencoder, qtbot: Any) -> BetweenPage:
    """The page of a session with a model and without ROIs."""
    dock = add_dock(DynamicsDock, "Dynamics")
    take(show_movie(viewer, pixels), None, model)
    dock.views.setCurrentIndex(2)
    qtbot.wait(50)
    shown: BetweenPage = dock.between
    return shown


def find(qtbot: Any, page: BetweenPage) -> None:
    page.find.click()
    assert page.session.work.doing == LOOKING
    assert page.find.text() == "Stop"
    qtbot.waitUntil(lambda: page.session.work.job is None, timeout=30_000)
    assert page.session.work.notice is None, page.session.work.notice


def passing(page: BetweenPage) -> set[tuple[int, int]]:
    edges = page.session.answers.between.found.influence.edges(alpha=0.05)
    return set(zip(edges["source"].tolist(), edges["target"].tolist(), strict=True))


def having(viewer: Any, colour: tuple[float, ...]) -> set[int]:
    """The ROIs, by position, whose outlines have a colour."""
    layer = viewer.layers[OUTLINES]
    drawn = layer.colormap.map(np.arange(1, layer.data.max() + 1, dtype=layer.data.dtype))
    return set(np.flatnonzero(np.isclose(drawn, (*colour, 1.0), atol=0.01).all(axis=1)).tolist())


def test_rois_of_the_session_are_the_cells_and_every_map_lies_over_the_movie(
    viewer: Any, page: BetweenPage, pixels: np.ndarray, model: VARAutoencoder, qtbot: Any
) -> None:
    rois = six_cells()
    take(page.session, rois, None)
    assert "6 ROIs" in page.summary.text()
    find(qtbot, page)
    movie = page.session.recording.movie
    expected = look_between_rois(movie, model, model.encode(movie), rois, 0, lambda progress: None).maps
    for name, image in ((OWN, expected.own), (DRIVEN, expected.driven), (DRIVING, expected.driving)):
        layer = viewer.layers[name]
        assert np.allclose(layer.data, image, atol=1e-6 * expected.explained.max())
        assert layer.visible == (name == DRIVEN)
        assert np.allclose(layer.scale, PLACE["scale"][1:])
        assert np.allclose(layer.translate, PLACE["translate"][1:])
        assert viewer.layers.index(layer) > viewer.layers.index("movie")
    assert np.array_equal(viewer.layers[OUTLINES].data, rois.labels)
    assert viewer.layers[ROIS].contour == 1  # so that the map is not covered
    assert passing(page) == TRUE
    assert having(viewer, (1, 1, 1)) == {1, 2}  # something drives them
    assert page.summary.text().startswith("6 cells; 2 connections pass the test")
    assert "Other sources take" in page.summary.text()
    assert page.session.answers.influence is page.session.answers.between.found.influence


def test_without_rois_cells_are_found_and_become_those_of_the_session(
    viewer: Any, page: BetweenPage, qtbot: Any
) -> None:
    assert "cells are found first" in page.summary.text()
    assert not page.matrix.isVisible()
    find(qtbot, page)
    found = page.session.rois.loaded
    assert found is not None
    assert page.session.rois.found
    assert found is page.session.answers.between.rois
    assert CELLS_FOUND in viewer.layers
    assert len(found) == 6
    y, x = np.rint(found.centres).astype(int).T
    true_id = dict(zip(found.ids.tolist(), (six_cells().labels[y, x] + FIRST - 1).tolist(), strict=True))
    assert {(true_id[a], true_id[b]) for a, b in passing(page)} == TRUE
    assert page.find.text() == "Show on the movie"
    assert page.matrix.isVisible()
    assert viewer.window._qt_window.width() <= 1280
    for widget in (page.find, page.summary, page.matrix, page.matrix.plot):
        assert widget.mapTo(page, widget.rect().topRight()).x() <= page.width()


def test_cells_that_are_found_do_not_put_traces_aside(viewer: Any, page: BetweenPage, qtbot: Any) -> None:
    traces = Traces(np.random.default_rng(0).normal(size=(3, 400)), np.arange(3), unit="a.u.")
    page.session.neurons.fluorescence = page.session.neurons.traces = traces
    find(qtbot, page)
    assert page.session.neurons.traces is traces
    assert page.session.rois.loaded is None
    assert viewer.layers[OUTLINES].data.max() == 6
    assert page.find.text() == "Show on the movie"


def test_a_second_run_replaces_the_layers_and_deleted_ones_come_back(
    viewer: Any, page: BetweenPage, qtbot: Any
) -> None:
    take(page.session, six_cells(), None)
    find(qtbot, page)
    first, names = page.session.answers.between, [it.name for it in viewer.layers]
    viewer.layers[DRIVEN].colormap = "viridis"
    other = six_cells().select(np.array([0, 1, 3]))
    take(page.session, other, None)
    assert "with other ROIs" in page.version.text()
    assert page.find.text() == "Find again"
    find(qtbot, page)
    assert page.session.answers.between is not first
    assert page.version.text() == ""
    assert [it.name for it in viewer.layers] == names
    assert viewer.layers[DRIVEN].colormap.name == "viridis"
    assert np.array_equal(viewer.layers[OUTLINES].data, other.labels)
    assert page.summary.text().startswith("3 cells; 1 connection passes")
    for name in (DRIVEN, OUTLINES):
        del viewer.layers[name]
    page.matrix.picked.emit(0, 1)  # does no harm
    page.find.click()
    assert page.session.work.job is None
    assert set(LAYERS) <= {it.name for it in viewer.layers}
    assert viewer.layers[OWN].data is page.session.answers.between.found.maps.own


def test_what_is_outdated_says_why(page: BetweenPage, model: VARAutoencoder, viewer: Any, qtbot: Any) -> None:
    take(page.session, six_cells(), None)
    find(qtbot, page)
    of, page.session.dynamics.model = model, copy.copy(model)
    assert "with another model" in page.version.text()
    page.session.dynamics.model = of
    assert page.version.text() == ""
    viewer.layers.remove("movie")
    assert "another recording" in page.version.text()
    assert not page.find.isEnabled()


def test_weak_maps_do_not_look_bright(viewer: Any, page: BetweenPage, qtbot: Any) -> None:
    take(page.session, six_cells(), None)
    find(qtbot, page)
    between, top = page.session.answers.between, viewer.layers[OWN].contrast_limits[1]
    maps = between.found.maps
    shown = viewer.layers[DRIVEN].contrast_limits[1]
    assert np.isclose(shown, np.nanpercentile(maps.driven, 99.8))
    assert shown > VISIBLE * top
    weak = replace(maps, driven=0.001 * maps.driven, driving=0.0 * maps.driving)
    page.session.answers.between = replace(between, found=replace(between.found, maps=weak))
    show_between(page.session)
    for name in (DRIVEN, DRIVING):
        assert np.isclose(viewer.layers[name].contrast_limits[1], VISIBLE * top)


def test_where_no_cells_are_found_it_says_so_and_earlier_maps_go(
    viewer: Any, page: BetweenPage, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(qtbot, page)
    take(page.session, None, None)
    assert page.find.text() == "Find again"
    nothing = replace(page.session.answers.between.found.maps, own=None, driven=None, driving=None)
    monkeypatch.setattr(
        "napari_calcdyn.jobs.between_rois.look_between_rois",
        lambda *_: BetweenRois(nothing, None, None, None, {}),
    )
    find(qtbot, page)
    assert "No cells were found" in page.summary.text()
    assert not page.matrix.isVisible()
    assert not set(LAYERS) & {it.name for it in viewer.layers}


def at_square(page: BetweenPage, target: int, source: int) -> QPointF:
    order = page.session.answers.between.order.tolist()
    place = QPointF(order.index(source) + 0.5, order.index(target) + 0.5)
    return page.matrix.image.mapToScene(place)


def test_clicks_on_a_square_or_a_cell_outline_the_cells_and_say_what_connects_them(
    viewer: Any, page: BetweenPage, qtbot: Any
) -> None:
    take(page.session, six_cells(), None)
    find(qtbot, page)
    qtbot.wait(50)
    matrix = page.matrix
    strength = page.session.answers.between.found.influence.strength
    order = page.session.answers.between.order
    assert np.array_equal(matrix.image.image, strength[np.ix_(order, order)])
    assert len(matrix.dots.getData()[0]) == 2
    matrix._on_mouse(at_square(page, 1, 0))
    read = matrix.readout.text()
    assert read == f"ROI {FIRST} drives ROI {FIRST + 1}, 1 frame later: r = {strength[1, 0]:.2f}, p = 0.005."
    matrix._on_mouse(at_square(page, 5, 0))
    assert "may be chance" in matrix.readout.text()
    viewport = matrix.plot.viewport()
    at = matrix.plot.mapFromScene(at_square(page, 2, 1))
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: f"ROI {FIRST + 1} drives ROI {FIRST + 2}" in viewer.status, timeout=5000)
    assert "r = −0." in viewer.status
    assert having(viewer, IN_COLOUR) == {1}
    assert having(viewer, OUT_COLOUR) == {2}
    assert len(matrix.lines.getData()[0]) == 8
    for axis in matrix._axes.values():
        ticks = axis.tickStrings(axis.tickValues(6.0, 0.0, 300)[0][1], 1, 1)
        assert ticks == [str(it) for it in six_cells().ids[order]]
    centre = viewer.layers[OUTLINES].data_to_world(six_cells().centres[1])
    press(viewer, centre)
    assert page.session.rois.selected == (FIRST + 1,)  # as everywhere
    assert having(viewer, (1, 1, 1)) == {1}
    assert having(viewer, IN_COLOUR) == {0}  # as the arrows of the Inspector
    assert having(viewer, OUT_COLOUR) == {2}
    assert (
        page.matrix.readout.text()
        == f"ROI {FIRST + 1}: driven by ROI {FIRST} (blue); drives ROI {FIRST + 2} (orange)."
    )
    press(viewer, viewer.layers[OUTLINES].data_to_world((20, 20)))
    assert having(viewer, (1, 1, 1)) == {1, 2}
    assert page.matrix.lines.getData()[0] is None or not len(page.matrix.lines.getData()[0])


@pytest.fixture
def held(page: BetweenPage, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> threading.Event:
    """A run that is under way, and reports until this is set."""
    goes_on = threading.Event()

    def slow(*args: Any) -> Any:
        from napari_calcdyn.models.progress import Progress

        while not goes_on.wait(0.01):
            args[-1](Progress("Finding cells", 1, 4))
        return look_between_rois(*args)

    monkeypatch.setattr("napari_calcdyn.jobs.between_rois.look_between_rois", slow)
    take(page.session, six_cells(), None)
    page.find.click()
    qtbot.waitUntil(
        lambda: page.session.work.status is not None and page.session.work.status.fraction == 0.25,
        timeout=10_000,
    )
    return goes_on


def test_stop_leaves_everything_as_it_was(
    viewer: Any, page: BetweenPage, held: threading.Event, qtbot: Any
) -> None:
    assert page.session.work.status.stage == "Finding cells …"
    page.find.click()
    qtbot.waitUntil(lambda: page.session.work.job is None, timeout=1000)
    assert page.session.answers.between is None
    assert not set(LAYERS) & {it.name for it in viewer.layers}
    assert "was stopped" in page.session.work.notice.text
    assert page.find.text() == "Find what drives which cell"


def test_it_makes_way_for_other_jobs_and_follows_them(
    page: BetweenPage, held: threading.Event, qtbot: Any
) -> None:
    work, other = page.session.work, threading.Event()
    assert work.start("dynamics", "Something", lambda progress: other.wait(10), lambda found: None)
    assert not page.find.isEnabled()
    other.set()
    qtbot.waitUntil(lambda: work.doing == LOOKING, timeout=5000)
    held.set()
    qtbot.waitUntil(lambda: work.job is None, timeout=30_000)
    assert passing(page) == TRUE


def test_rois_that_were_changed_meanwhile_are_not_mixed_up(
    page: BetweenPage, held: threading.Event, qtbot: Any
) -> None:
    take(page.session, six_cells().select(np.array([0, 1])), None)
    held.set()
    qtbot.waitUntil(lambda: page.session.work.job is None, timeout=30_000)
    assert page.session.answers.between is None
    assert "changed in the meantime" in page.session.work.notice.text


def test_closing_the_window_ends_it(
    viewer: Any, page: BetweenPage, held: threading.Event, qtbot: Any
) -> None:
    job = page.session.work.job
    viewer.close()
    qtbot.wait(50)
    assert job._finished.is_set()
    gc.collect()


def test_a_closed_dock_does_not_answer_and_a_new_one_shows_what_was_found(
    viewer: Any, page: BetweenPage, add_dock: Any, qtbot: Any
) -> None:
    session = page.session
    take(session, six_cells(), None)
    find(qtbot, page)
    again = add_dock(DynamicsDock, "again")
    next(iter(viewer.window.dock_widgets.values())).parentWidget().destroyOnClose()
    qtbot.wait(50)
    press(viewer, viewer.layers[OUTLINES].data_to_world(six_cells().centres[0]))
    assert again.between.summary.text().startswith("6 cells")
    assert np.array_equal(again.between.matrix.image.image.shape, (6, 6))


def test_it_says_that_it_needs_footprints(page: BetweenPage, model: VARAutoencoder) -> None:
    assert page.find.isEnabled()
    convolutional = copy.copy(model)
    convolutional.config = model.config.model_copy(update={"network": "convolutional"})
    take(page.session, None, convolutional)
    assert "footprints" in page.summary.text()
    assert not page.find.isEnabled()


def test_it_waits_for_a_model(viewer: Any, add_dock: Any, pixels: np.ndarray) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    session = show_movie(viewer, pixels)
    assert not dock.between.find.isEnabled()
    assert not runs.look_between(session)
    assert "Train or load a model" in session.work.notice.text


def test_near_cells_stand_near_each_other() -> None:
    places = np.array([(0, 0), (50, 50), (1, 0), (50, 51), (0, 2)])
    order = by_place(places).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert {order.index(1), order.index(3)} in ({0, 1}, {3, 4})
    assert by_place(places[:1]).tolist() == [0]


def test_the_map_of_one_cell_follows_slider_matrix_and_picture(
    viewer: Any, page: BetweenPage, qtbot: Any
) -> None:
    take(page.session, six_cells(), None)
    find(qtbot, page)
    maps, choice = page.session.answers.between.found.maps, page.choice
    page.matrix.picked.emit(0, 1)
    assert choice.box.text() == f"Map of ROI {FIRST + 1}"
    assert ONE_CELL not in viewer.layers  # nobody asked for a map
    choice.box.click()
    layer = viewer.layers[ONE_CELL]
    assert np.array_equal(layer.data, maps.sources[1])
    assert layer.visible
    assert not viewer.layers[DRIVEN].visible
    assert viewer.layers.index(layer) < viewer.layers.index(viewer.layers[OUTLINES])
    choice.slider.setValue(3)
    chosen = int(page.session.answers.between.order[3])
    assert np.array_equal(layer.data, maps.sources[chosen])
    assert f"ROI {FIRST + chosen}: driven by" in page.matrix.readout.text()
    page._on_clicked(None, viewer.layers[OUTLINES].data_to_world(six_cells().centres[0]))
    assert np.array_equal(layer.data, maps.sources[0])
    del viewer.layers[ONE_CELL]
    page.matrix.picked.emit(0, 2)
    assert np.array_equal(viewer.layers[ONE_CELL].data, maps.sources[2])
    choice.box.click()
    assert ONE_CELL not in viewer.layers
    assert viewer.layers[DRIVEN].visible
