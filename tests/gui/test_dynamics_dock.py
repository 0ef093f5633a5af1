"""The Dynamics dock, driven as a user would, with real training on a small movie."""

from __future__ import annotations

import gc
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QDockWidget, QFileDialog

from napari_calcdyn.analysis.contribution import edge_map
from napari_calcdyn.gui import runs
from napari_calcdyn.gui.dynamics_dock import DynamicsDock
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.matrix_plot import spread
from napari_calcdyn.gui.recording_dock import RecordingDock
from napari_calcdyn.gui.results import CONTRIBUTION_MOVIE, EXPLAINED, ONE_CONNECTION, RECONSTRUCTION, SOURCES
from napari_calcdyn.gui.runs import load_model
from napari_calcdyn.gui.session import session_of

RESULTS = {EXPLAINED, SOURCES, CONTRIBUTION_MOVIE, RECONSTRUCTION}
LONG = 100_000


@pytest.fixture
def docks(viewer: Any, movie_array: np.ndarray) -> tuple[RecordingDock, DynamicsDock]:
    """Both docks, and a movie in a place of its own."""
    recording, dynamics = add_docks(viewer)
    movie = np.concatenate([movie_array] * 4)
    viewer.add_image(movie, name="blinking", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    dynamics.preset.setCurrentText("quick")
    return recording, dynamics


@pytest.fixture
def dynamics(docks: tuple[RecordingDock, DynamicsDock]) -> DynamicsDock:
    return docks[1]


def set_steps(dynamics: DynamicsDock, steps: int) -> None:
    dynamics.form.editors["steps"].set(steps)


def settle(qtbot: Any, dynamics: DynamicsDock, timeout: int = 60_000) -> None:
    qtbot.waitUntil(lambda: dynamics.session.job is None, timeout=timeout)


def train_briefly(qtbot: Any, dynamics: DynamicsDock) -> None:
    set_steps(dynamics, 20)
    dynamics.train.click()
    settle(qtbot, dynamics)
    assert dynamics.session.notice is None, dynamics.session.notice
    assert dynamics.session.model is not None


def start_long(qtbot: Any, dynamics: DynamicsDock) -> None:
    set_steps(dynamics, LONG)
    dynamics.train.click()
    qtbot.waitUntil(lambda: len(dynamics.session.history) > 2, timeout=60_000)


def test_training_shows_curves_and_then_every_result_over_the_movie(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    assert {layer.name for layer in viewer.layers} == {"blinking"} | RESULTS
    movie = viewer.layers["blinking"]
    for name in RESULTS:
        layer = viewer.layers[name]
        assert np.allclose(layer.scale[-3:], movie.scale[-layer.ndim :])
        assert np.allclose(layer.translate[-3:], movie.translate[-layer.ndim :])
        assert viewer.layers.index(layer) > viewer.layers.index(movie)
        assert layer.visible == (name == EXPLAINED)
    assert viewer.layers[EXPLAINED].data.shape == (24, 32)
    low, high = (viewer.layers[EXPLAINED].colormap.map(np.array(value))[0, -1] for value in (0.0, 1.0))
    assert (low, high) == (0, 1)  # the movie shows where nothing is explained
    sources = viewer.layers[SOURCES]
    assert dynamics.session.maps is not None
    assert sources.axis_labels == ("source", *movie.axis_labels)
    assert viewer.dims.last_used == 1  # time
    for frame in (0, 159):
        assert np.array_equal(sources.data[:, frame], dynamics.session.maps.sources)
    for name in (CONTRIBUTION_MOVIE, RECONSTRUCTION):
        lazy = viewer.layers[name].data
        assert lazy.shape == movie.data.shape
        assert hasattr(lazy, "dask")
        assert np.isfinite(np.asarray(lazy[9])).all()
    for panel in dynamics.curves.panels.values():
        assert len(panel.training.getData()[0]) > 0
        assert len(panel.held_out.getData()[0]) > 0
    assert dynamics.views.currentIndex() == 1
    assert not dynamics.progress.isVisible()
    assert dynamics.train.text() == "Train"


def test_training_again_renews_the_layers_and_keeps_what_the_user_set(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    first = dynamics.session.model
    viewer.layers[EXPLAINED].colormap = "viridis"
    train_briefly(qtbot, dynamics)
    assert dynamics.session.model is not first
    assert len(viewer.layers) == 1 + len(RESULTS)
    assert viewer.layers[EXPLAINED].colormap.name == "viridis"


def test_stop_takes_effect_within_a_second_and_keeps_the_best_model(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    start_long(qtbot, dynamics)
    assert dynamics.train.text() == "Stop"
    assert dynamics.progress.isVisible()
    dynamics.train.click()
    asked = time.monotonic()
    qtbot.waitUntil(lambda: dynamics.session.model is not None, timeout=5000)
    assert time.monotonic() - asked < 1.0
    settle(qtbot, dynamics)
    assert {layer.name for layer in viewer.layers} >= RESULTS


def test_the_old_model_stays_until_a_new_one_is_fitted(dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    old = dynamics.session.model
    start_long(qtbot, dynamics)
    assert dynamics.session.model is old
    assert dynamics.save.isEnabled() is False
    dynamics.session.close()
    assert dynamics.session.model is old


def test_a_second_run_from_the_other_dock_is_refused_in_one_sentence(
    docks: tuple[RecordingDock, DynamicsDock], qtbot: Any
) -> None:
    recording, dynamics = docks
    start_long(qtbot, dynamics)
    recording.mean.click()
    assert "“Training” is still under way" in recording.message.text()
    assert dynamics.session.job is not None
    assert dynamics.session.job.title == "Training"


def test_removing_the_movie_layer_ends_the_training_and_keeps_the_model(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    start_long(qtbot, dynamics)
    viewer.layers.remove("blinking")
    settle(qtbot, dynamics, 5000)
    assert dynamics.session.model is not None
    assert list(viewer.layers) == []
    assert not dynamics.train.isEnabled()


def test_closing_the_window_ends_the_training(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    start_long(qtbot, dynamics)
    job = dynamics.session.job
    assert job is not None
    heard: list[str] = []
    job.done.connect(lambda _: heard.append("done"))
    viewer.close()
    qtbot.wait(50)
    assert job._finished.is_set()
    qtbot.wait(150)
    assert heard == []


def test_closing_one_dock_leaves_the_run_and_the_last_one_ends_it(
    viewer: Any, docks: tuple[RecordingDock, DynamicsDock], qtbot: Any
) -> None:
    recording, dynamics = docks
    session = dynamics.session
    start_long(qtbot, dynamics)
    dynamics.parentWidget().destroyOnClose()  # what the cross in its corner does
    qtbot.wait(50)
    assert session.job is not None
    again = DynamicsDock(viewer)
    viewer.window.add_dock_widget(again, name="again")
    assert again.train.text() == "Stop"  # it shows the run that goes on
    assert len(again.curves.panels["reconstruction"].training.getData()[0]) > 0
    for widget in (recording, again):
        widget.parentWidget().destroyOnClose()
    qtbot.waitUntil(lambda: session.job is None, timeout=2000)


def test_a_viewer_with_results_is_let_go_of_after_it_was_closed(
    make_napari_viewer: Any, movie_array: np.ndarray, qtbot: Any
) -> None:
    def use_and_close() -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        viewer = make_napari_viewer()
        _, dynamics = add_docks(viewer)
        viewer.add_image(np.concatenate([movie_array] * 4))
        dynamics.preset.setCurrentText("quick")
        train_briefly(qtbot, dynamics)
        viewer.close()
        return weakref.ref(viewer), weakref.ref(session_of(viewer))

    viewer, session = use_and_close()
    qtbot.wait(50)
    gc.collect()
    assert viewer() is None
    assert session() is None


def test_the_sparsity_slider_moves_the_matrix_at_once_and_the_maps_after(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    chosen = dynamics.session.var
    maps = dynamics.session.maps
    assert chosen is not None
    limits = viewer.layers[EXPLAINED].contrast_limits
    dynamics.sparsity.slider.setValue(20)
    qtbot.waitUntil(lambda: dynamics.session.var is not chosen, timeout=2000)
    assert dynamics.session.var is not None
    assert dynamics.session.var.nonzeros <= chosen.nonzeros
    assert f"{dynamics.session.var.nonzeros:,} of" in dynamics.sparsity.label.text()
    coefficients = dynamics.session.var.coefficients[0]
    assert np.array_equal(dynamics.matrix.image.image, spread(coefficients, dynamics.matrix._reach()))
    qtbot.waitUntil(lambda: dynamics.session.maps is not maps, timeout=20_000)
    settle(qtbot, dynamics)
    assert viewer.layers[EXPLAINED].data is dynamics.session.maps.explained
    assert viewer.layers[EXPLAINED].contrast_limits == limits  # so that less is darker
    dynamics.sparsity.back.click()
    qtbot.waitUntil(lambda: dynamics.session.var is chosen, timeout=2000)
    assert not dynamics.sparsity.back.isEnabled()
    settle(qtbot, dynamics)


def test_pointing_at_the_matrix_names_the_connection(dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    matrix = dynamics.matrix
    var = dynamics.session.var
    assert var is not None
    lag, target, source = np.unravel_index(np.abs(var.coefficients).argmax(), var.coefficients.shape)
    matrix.lag.setCurrentIndex(int(lag))
    matrix._on_mouse(matrix.image.mapToScene(QPointF(source + 0.5, target + 0.5)))
    text = matrix.readout.text()
    assert f"source {source} " in text
    assert f"target {target} " in text
    assert f"{var.coefficients[lag, target, source]:+.3g}" in text


def test_connections_are_drawn_large_enough_to_see() -> None:
    matrix = np.zeros((9, 9))
    matrix[4, 4], matrix[4, 6] = 1.0, -2.0
    drawn = spread(matrix, 1)
    assert (drawn[3:6, 3:5] == 1.0).all()
    assert (drawn[3:6, 5:8] == -2.0).all()  # the stronger one where they meet
    assert np.count_nonzero(drawn) == 15
    assert spread(matrix, 0) is matrix


def test_clicking_a_connection_maps_it(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    var, model, movie = dynamics.session.var, dynamics.session.model, dynamics.session.movie
    assert var is not None
    assert model is not None
    assert movie is not None
    lag, target, source = (int(it) for it in np.argwhere(var.coefficients)[0])
    dynamics.matrix.lag.setCurrentIndex(lag)
    dynamics.parentWidget().raise_()
    qtbot.wait(50)
    plot = dynamics.matrix.plot
    at = plot.mapFromScene(dynamics.matrix.image.mapToScene(QPointF(source + 0.5, target + 0.5)))
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: ONE_CONNECTION in viewer.layers, timeout=5000)
    expected = edge_map(model, movie, source, target, lag + 1, var=var)
    assert np.allclose(viewer.layers[ONE_CONNECTION].data, expected)
    assert not viewer.layers[EXPLAINED].visible
    assert f"source {source} explains through target {target}" in dynamics.message.text()


def test_a_model_is_saved_and_loaded(
    dynamics: DynamicsDock, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(qtbot, dynamics)
    trained = dynamics.session.model
    assert trained is not None
    folder = tmp_path / "model"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(folder), ""))
    dynamics.save.click()
    settle(qtbot, dynamics)
    assert str(folder) in dynamics.message.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(folder))
    dynamics.load.click()
    settle(qtbot, dynamics)
    loaded = dynamics.session.model
    assert loaded is not None
    assert loaded is not trained
    assert np.allclose(loaded.var.coefficients, trained.var.coefficients)


def test_a_model_that_is_loaded_first_is_mapped_when_its_recording_is_opened(
    viewer: Any, dynamics: DynamicsDock, movie_array: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    assert dynamics.session.model is not None
    dynamics.session.model.save(tmp_path / "model")
    viewer.layers.clear()
    load_model(dynamics.session, tmp_path / "model", "cpu")
    settle(qtbot, dynamics)
    assert "open its recording to see the maps" in dynamics.message.text()
    assert not dynamics.views.isTabEnabled(0)  # it was not trained here: there are no curves
    viewer.add_image(np.concatenate([movie_array] * 2))
    settle(qtbot, dynamics)
    assert EXPLAINED in viewer.layers


def test_stopping_the_maps_says_how_to_make_them(dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    session = dynamics.session

    def stop(job: object) -> None:
        session.stop()

    session.events.job.connect(stop)
    dynamics.sparsity.slider.setValue(20)
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert dynamics.message.text() == "The maps were stopped: move the slider and back to make them."


def test_maps_by_source_that_are_too_large_are_left_out(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(qtbot, dynamics)
    monkeypatch.setattr(runs, "MOST_SOURCE_BYTES", 1000)
    set_steps(dynamics, 20)
    dynamics.train.click()
    settle(qtbot, dynamics)
    assert dynamics.session.maps is not None
    assert dynamics.session.maps.sources.shape == (0, 24, 32)
    assert {layer.name for layer in viewer.layers} == {"blinking"} | RESULTS - {SOURCES}
    assert "more than 1 GB and were left out" in dynamics.message.text()


def test_a_renamed_layer_renames_the_recording(
    viewer: Any, docks: tuple[RecordingDock, DynamicsDock]
) -> None:
    recording, dynamics = docks
    viewer.layers["blinking"].name = "mouse 7"
    assert recording.choice.currentText() == "mouse 7"
    assert "mouse 7" in dynamics.recording.text()
    assert dynamics.session.movie is not None
    assert dynamics.session.movie.name == "mouse 7"


def test_plots_show_once_there_is_something_in_them(dynamics: DynamicsDock, qtbot: Any) -> None:
    dynamics.parentWidget().raise_()
    qtbot.wait(50)
    assert not dynamics.views.isVisible()
    set_steps(dynamics, 20)
    dynamics.train.click()
    assert dynamics.views.isVisible()
    settle(qtbot, dynamics)
    assert dynamics.views.isVisible()


def test_a_model_without_connections_says_so(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    noise = np.random.default_rng(1).normal(100, 5, (120, 24, 32)).astype(np.float32)
    viewer.layers.clear()
    viewer.add_image(noise)
    train_briefly(qtbot, dynamics)
    chosen = dynamics.session.var
    runs.choose_sparsity(dynamics.session, 1.0)
    qtbot.waitUntil(lambda: dynamics.session.var is not chosen, timeout=5000)
    assert dynamics.session.var is not None
    assert dynamics.session.var.nonzeros == 0
    assert "found no connections" in dynamics.matrix.readout.text()


@pytest.mark.parametrize(
    ("value", "what"), [(7.0, "is constant"), (np.nan, "NaN"), (np.inf, "infinite"), (None, "frames")]
)
def test_a_recording_that_cannot_be_trained_on_is_refused_in_one_sentence(
    viewer: Any, dynamics: DynamicsDock, movie_array: np.ndarray, value: float | None, what: str, qtbot: Any
) -> None:
    bad = movie_array.astype(np.float32)
    if value is None:
        bad = bad[:20]
    elif value == 7:
        bad[:] = value
    else:
        bad[30, 2, 1] = value
    viewer.layers.clear()
    viewer.add_image(bad, name="bad", contrast_limits=(0, 500))
    dynamics.train.click()
    settle(qtbot, dynamics)
    is_one_sentence(dynamics, "bad ", what)
    assert dynamics.session.model is None


def test_what_cannot_be_loaded_or_saved_is_said_in_one_sentence(
    viewer: Any,
    docks: tuple[RecordingDock, DynamicsDock],
    movie_array: np.ndarray,
    tmp_path: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording, dynamics = docks
    train_briefly(qtbot, dynamics)
    model = dynamics.session.model
    assert model is not None
    model.save(tmp_path / "model")
    empty, foreign, locked = (tmp_path / name for name in ("empty", "foreign", "locked"))
    for folder in (empty, foreign):
        folder.mkdir()
    (foreign / "model.json").write_text('{"format": "another program"}')
    locked.write_text("a file where a folder would have to be")

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(locked / "model"), ""))
    dynamics.save.click()
    settle(qtbot, dynamics)
    is_one_sentence(dynamics, "The model cannot be saved to", "choose a folder that you may write to")

    viewer.add_image(np.concatenate([movie_array[:, :20, :28]] * 2), name="smaller")
    recording.choice.setCurrentText("smaller")
    recording.choice.activated.emit(recording.choice.currentIndex())
    for folder, what in (
        (tmp_path / "nowhere", "There is no model folder"),
        (empty, "is not a model of napari-calcdyn"),
        (foreign, "is not a model of napari-calcdyn"),
        (tmp_path / "model", "trained on frames of 24 × 32 pixels and smaller has 20 × 28"),
    ):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, _at=folder, **__: str(_at))
        dynamics.load.click()
        settle(qtbot, dynamics)
        is_one_sentence(dynamics, "", what)
        assert dynamics.session.model is model


def is_one_sentence(dynamics: DynamicsDock, start: str, what: str) -> None:
    dynamics.parentWidget().raise_()
    text = dynamics.message.text()
    assert not dynamics.message.isHidden()
    assert dynamics.session.notice is not None
    assert dynamics.session.notice.is_error
    assert text.startswith(start)
    assert what in text
    assert text.endswith(".")
    assert text.count(". ") == 0


def test_both_docks_share_one_place_as_tabs(viewer: Any, docks: tuple[RecordingDock, DynamicsDock]) -> None:
    first, second = (widget.parentWidget() for widget in docks)
    assert isinstance(first, QDockWidget)
    assert viewer.window._qt_window.tabifiedDockWidgets(first) == [second]


def test_plots_follow_the_theme(viewer: Any, dynamics: DynamicsDock) -> None:
    def background() -> int:
        return int(dynamics.matrix.plot.backgroundBrush().color().lightness())

    viewer.theme = "dark"
    dark = background()
    viewer.theme = "light"
    assert background() > dark + 100


def test_everything_fits_into_a_small_window(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    dynamics.parentWidget().raise_()
    for group in dynamics.form.groups.values():
        group.expand(animate=False)
    qtbot.wait(100)
    assert viewer.window._qt_window.width() <= 1280
    widgets = [dynamics.train, dynamics.load, dynamics.save, dynamics.sparsity.back, dynamics.preset]
    widgets += [editor.widget for editor in dynamics.form.editors.values()]
    for widget in widgets:
        right = widget.mapTo(dynamics, widget.rect().topRight()).x()
        assert right <= dynamics.width()
        assert widget.width() >= widget.minimumSizeHint().width()
