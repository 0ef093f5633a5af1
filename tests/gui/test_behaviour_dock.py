"""The dock Behaviour: a table over the movie's time, and the ROIs and sources that go with it."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuron_scene import events, grid_of_rois, place_of_roi, press, show_recording
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QFileDialog, QTableWidgetItem

from napari_calcdyn import recording
from napari_calcdyn.analysis.behaviour.correlation import correlate_behaviour, numeric_columns
from napari_calcdyn.gui.behaviour.correlations import STOPPED
from napari_calcdyn.gui.behaviour.dock import BehaviourDock, open_behaviour_dock
from napari_calcdyn.gui.behaviour.files import load_behaviour
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.dynamics.results import SOURCES
from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.gui.layers.layers import put_image
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.session import Session
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, Movie

FRAMES = 120


@pytest.fixture
def dock(viewer: Any) -> BehaviourDock:
    """The dock, opened at the side as napari's menu does it."""
    dock = BehaviourDock(viewer)
    viewer.window.add_dock_widget(dock, name=panel_name("behaviour"), area="right")
    return dock


@pytest.fixture
def session(viewer: Any, dock: BehaviourDock) -> Session:
    """12 ROIs, each with one event, in a recording at 10 Hz."""
    rois = grid_of_rois(3, 4)
    session = show_recording(viewer, rois, events(rois.ids, FRAMES))
    assert session.recording.movie is not None
    session.recording.movie.frame_rate = 10.0
    return session


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Speed goes with ROI 104, licks with nothing; a row for each frame."""
    random = np.random.default_rng(0)
    speed = events(np.arange(104, 105), FRAMES).values[0]  # the event of the first ROI …
    speed = np.roll(speed, 4)  # … four frames later, which is that of the fifth
    licks, words = random.random(FRAMES) < 0.3, np.where(speed > 0.3, "run", "rest")
    path = tmp_path / "running.csv"
    rows = [f"{a:.4f},{b},{c}" for a, b, c in zip(speed, licks, words, strict=True)]
    path.write_text("\n".join(["speed,lick,state", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def loaded(dock: BehaviourDock, session: Session, table: Path, qtbot: Any) -> BehaviourDock:
    load_behaviour(session, table)
    qtbot.waitUntil(lambda: session.recording.behaviour is not None, timeout=5000)
    qtbot.waitUntil(dock.goes_with.table.isVisible, timeout=10_000)
    return dock


def rows(dock: BehaviourDock) -> list[list[str]]:
    """What the table of correlations says."""
    table = dock.goes_with.table

    def cell(row: int, column: int) -> str:
        item = table.item(row, column)
        assert isinstance(item, QTableWidgetItem)
        return str(item.text())

    return [[cell(row, column) for column in range(3)] for row in range(table.rowCount())]


def tick(dock: BehaviourDock, name: str, on: bool) -> None:
    (item,) = dock.list.findItems(name, Qt.MatchFlag.MatchExactly)
    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def test_without_a_recording_or_a_table_it_says_what_to_do(
    viewer: Any, dock: BehaviourDock, table: Path, qtbot: Any
) -> None:
    assert "Open a recording first" in dock.hint.text()
    assert not dock.goes_with.isVisible()
    load_behaviour(dock.session, table)
    assert "Open the recording in the Recording panel first" in dock.message.text()
    show_recording(viewer, grid_of_rois(3, 4), events(np.arange(100, 112), FRAMES))
    assert dock.hint.text().startswith("Open a CSV table")


def test_columns_are_drawn_over_the_movies_time(viewer: Any, loaded: BehaviourDock, qtbot: Any) -> None:
    session = loaded.session
    assert session.recording.behaviour is not None
    names = [loaded.list.item(row).text() for row in range(loaded.list.count())]
    assert names == ["speed", "lick", "state = rest", "state = run"]
    assert len(loaded.plot.listDataItems()) == 4
    for name in names[1:]:
        tick(loaded, name, False)
    (curve,) = loaded.plot.listDataItems()
    time, values = curve.getOriginalDataset()
    np.testing.assert_allclose(time, np.arange(FRAMES) / 10)
    np.testing.assert_allclose(values, session.recording.behaviour.columns["speed"], rtol=1e-6)
    show_frame(session, 33)
    assert loaded.plot.cursor_line.value() == pytest.approx(3.3)
    box = loaded.plot.getViewBox()
    at = loaded.plot.mapFromScene(box.mapViewToScene(QPointF(8.0, 0.5)))
    qtbot.mouseMove(loaded.plot.viewport(), at)
    qtbot.mouseClick(loaded.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert shown_frame(session) == pytest.approx(80, abs=1)
    tick(loaded, "speed", False)
    assert loaded.hint.isVisible()
    assert "Tick a column" in loaded.hint.text()


def test_what_goes_with_a_column_and_a_click_on_it(viewer: Any, loaded: BehaviourDock, qtbot: Any) -> None:
    session, goes_with = loaded.session, loaded.goes_with
    assert session.neurons.traces is not None
    assert session.recording.behaviour is not None
    expected = correlate_behaviour(
        numeric_columns(session.recording.behaviour),
        session.neurons.traces.values.T,
        session.neurons.traces.ids,
    )
    assert goes_with.column.currentText() == "speed"
    first = expected.ranked("speed")[0]
    assert rows(loaded)[0] == [
        "104",
        f"{expected.correlation[0, first]:+.2f}",
        f"{expected.p_values[0, first]:.2g}",
    ]
    assert len(rows(loaded)) == 12
    assert expected.p_values[0, first] <= 0.05
    assert goes_with.table.item(0, 0).font().bold()
    assert goes_with.said.text().replace("\u00a0", " ").endswith("of 12 ROIs, p ≤ 0.05")
    cell = goes_with.table.visualItemRect(goes_with.table.item(0, 1)).center()
    qtbot.mouseClick(goes_with.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert session.rois.selected == (104,)
    press(viewer, place_of_roi(session, 107))
    assert session.rois.selected == (107,)
    (row,) = {index.row() for index in goes_with.table.selectedIndexes()}
    assert rows(loaded)[row][0] == "107"
    goes_with.column.setCurrentText("lick")
    at = expected.ranked("lick")[0]
    assert rows(loaded)[0][:2] == [str(expected.ids[at]), f"{expected.correlation[1, at]:+.2f}"]
    (row,) = {index.row() for index in goes_with.table.selectedIndexes()}
    assert rows(loaded)[row][0] == "107"


def test_rois_without_traces_are_read_from_the_movie(viewer: Any, loaded: BehaviourDock, qtbot: Any) -> None:
    loaded.session.neurons.traces = None
    qtbot.waitUntil(loaded.goes_with.table.isVisible, timeout=10_000)
    assert rows(loaded)[0][0] == "104"
    loaded.session.rois.loaded = None
    assert "There are no ROIs" in loaded.goes_with.said.text()
    assert not loaded.goes_with.table.isVisible()
    assert not loaded.goes_with.save.isVisible()


def test_it_is_stopped_and_goes_on(
    loaded: BehaviourDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_with = loaded.goes_with

    def endless(*_: Any, progress: Any) -> None:
        while not progress(30, 120):
            time.sleep(0.01)
        raise Cancelled

    monkeypatch.setattr(recording, "extract_traces", endless)
    loaded.session.neurons.traces = None
    qtbot.waitUntil(lambda: goes_with.progress.bar.value() == 250, timeout=5000)
    assert goes_with.progress.isVisible()
    assert goes_with.halt.text() == "Stop"
    goes_with.halt.click()
    assert goes_with.said.text() == STOPPED
    qtbot.wait(300)  # and it is not begun again
    assert not goes_with.progress.isVisible()
    assert goes_with.halt.text() == "Go on"
    monkeypatch.undo()
    goes_with.halt.click()
    qtbot.waitUntil(goes_with.table.isVisible, timeout=10_000)
    assert not goes_with.halt.isVisible()
    assert rows(loaded)[0][0] == "104"


def test_sources_go_with_it_where_there_is_a_model(viewer: Any, loaded: BehaviourDock, qtbot: Any) -> None:
    session, goes_with = loaded.session, loaded.goes_with
    movie, layer = session.recording.movie, session.movie_layer
    assert movie is not None
    assert layer is not None
    goes_with.kind.setCurrentText("sources")
    assert "Train or load a model" in goes_with.said.text()
    config = VARAutoencoderConfig.preset("quick", steps=20, latents=8)
    model = VARAutoencoder(config).fit(movie, device="cpu")
    session.dynamics.model, session.dynamics.var = model, model.var
    qtbot.waitUntil(goes_with.table.isVisible, timeout=10_000)
    assert session.recording.behaviour is not None
    expected = correlate_behaviour(
        numeric_columns(session.recording.behaviour), model.encode(movie), np.arange(model.network.latents)
    )
    ranked = expected.ranked("speed")
    assert [row[0] for row in rows(loaded)] == [str(expected.ids[at]) for at in ranked]
    maps = np.zeros((8, *movie.frame_shape), np.float32)
    put_image(viewer, SOURCES, AtAllTimes(maps, FRAMES), layer, unit="counts²", visible=False)
    goes_with.table.selectRow(0)
    assert viewer.layers[SOURCES].visible
    assert viewer.dims.point[0] == ranked[0]
    assert session.rois.selected == ()


def test_another_recording_has_another_behaviour(viewer: Any, loaded: BehaviourDock, qtbot: Any) -> None:
    session = loaded.session
    movie = session.recording.movie
    assert movie is not None
    session.recording.movie = Movie.from_array(np.asarray(movie.data), name="another one of the same length")
    assert session.recording.behaviour is None
    assert loaded.hint.isVisible()
    assert not loaded.goes_with.isVisible()


def test_a_table_that_does_not_fit_is_said_in_one_sentence(
    loaded: BehaviourDock, tmp_path: Path, qtbot: Any
) -> None:
    before = loaded.session.recording.behaviour
    bad = tmp_path / "short.csv"
    bad.write_text("speed\n1\n2\n", encoding="utf-8")
    load_behaviour(loaded.session, bad)
    qtbot.waitUntil(lambda: bool(loaded.message.text()), timeout=5000)
    assert "short.csv has 2 rows for 120 frames" in loaded.message.text()
    assert loaded.session.recording.behaviour is before
    words = tmp_path / "words.csv"
    words.write_text("note\n" + "\n".join(f"word {at}" for at in range(FRAMES)), encoding="utf-8")
    load_behaviour(loaded.session, words)
    qtbot.waitUntil(lambda: loaded.session.recording.behaviour is not before, timeout=5000)
    assert "words.csv has only columns of many different words" in loaded.hint.text()
    assert loaded.message.text() == ""


def test_a_table_is_dropped_and_correlations_are_saved(
    dock: BehaviourDock, session: Session, table: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(table))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    dock.dropEvent(QDropEvent(QPointF(QPoint(9, 9)), Qt.DropAction.CopyAction, dropped, left, none))
    qtbot.waitUntil(dock.goes_with.table.isVisible, timeout=10_000)
    path = table.with_name("found.csv")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    dock.goes_with.save.click()
    with path.open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 4 * 12
    assert [written[0]["behaviour"], written[0]["roi"]] == ["speed", "104"]
    assert "were saved in" in dock.message.text()


def test_it_lies_below_the_picture_and_opens_for_who_asks(
    viewer: Any,
    dock: BehaviourDock,
    session: Session,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: Path,
) -> None:
    window = viewer.window._qt_window
    below = Qt.DockWidgetArea.BottomDockWidgetArea
    qtbot.waitUntil(lambda: window.dockWidgetArea(dock.parentWidget()) == below, timeout=2000)
    dock.parentWidget().hide()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(table), ""))
    open_behaviour_dock(session, dock)
    assert dock.isVisible()
    qtbot.waitUntil(lambda: session.recording.behaviour is not None, timeout=5000)
    viewer.window.remove_dock_widget(dock)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: pytest.fail("asked again"))
    open_behaviour_dock(session, window)
    (made,) = [it for it in viewer.window.dock_widgets.values() if isinstance(it, BehaviourDock)]
    assert made is not dock
    qtbot.waitUntil(made.isVisible, timeout=2000)
    assert len(made.plot.listDataItems()) == 4


def test_themes(viewer: Any, loaded: BehaviourDock) -> None:
    lightness = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        lightness.append(loaded.plot.backgroundBrush().color().lightness())
    assert lightness[1] > lightness[0] + 100
