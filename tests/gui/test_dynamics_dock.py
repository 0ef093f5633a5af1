"""The Dynamics dock, driven as a user would, with real training on a small movie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driving import LONG, RESULTS, set_steps, settle, train_briefly
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QDockWidget

from napari_calcdyn.analysis.maps import contribution_maps, edge_map
from napari_calcdyn.gui.dynamics import runs
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.matrix_plot import spread
from napari_calcdyn.gui.dynamics.results import (
    CONTRIBUTION_MOVIE,
    EXPLAINED,
    ONE_CONNECTION,
    RECONSTRUCTION,
    SOURCES,
)
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.jobs import estimate


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
    assert dynamics.session.dynamics.maps is not None
    assert sources.axis_labels == ("source", *movie.axis_labels)
    assert viewer.dims.last_used == 1  # time
    for frame in (0, 159):
        assert np.array_equal(sources.data[:, frame], dynamics.session.dynamics.maps.sources)
    for name in (CONTRIBUTION_MOVIE, RECONSTRUCTION):
        lazy = viewer.layers[name].data
        assert lazy.shape == movie.data.shape
        assert hasattr(lazy, "dask")
        assert np.isfinite(np.asarray(lazy[9])).all()
    for panel in dynamics.model.curves.panels.values():
        assert len(panel.training.getData()[0]) > 0
        assert len(panel.held_out.getData()[0]) > 0
    assert dynamics.views.currentIndex() == 1
    assert not dynamics.progress.isVisible()
    assert dynamics.model.train.text() == "Train"


def test_training_again_renews_the_layers_and_keeps_what_the_user_set(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    first = dynamics.session.dynamics.model
    viewer.layers[EXPLAINED].colormap = "viridis"
    train_briefly(qtbot, dynamics)
    assert dynamics.session.dynamics.model is not first
    assert len(viewer.layers) == 1 + len(RESULTS)
    assert viewer.layers[EXPLAINED].colormap.name == "viridis"


def test_the_sparsity_slider_moves_the_matrix_at_once_and_the_maps_after(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    chosen = dynamics.session.dynamics.var
    maps = dynamics.session.dynamics.maps
    assert chosen is not None
    limits = viewer.layers[EXPLAINED].contrast_limits
    dynamics.sparsity.slider.setValue(20)
    qtbot.waitUntil(lambda: dynamics.session.dynamics.var is not chosen, timeout=2000)
    assert dynamics.session.dynamics.var is not None
    assert dynamics.session.dynamics.var.nonzeros <= chosen.nonzeros
    assert f"{dynamics.session.dynamics.var.nonzeros:,} of" in dynamics.sparsity.label.text()
    coefficients = dynamics.session.dynamics.var.coefficients[0]
    assert np.array_equal(dynamics.matrix.image.image, spread(coefficients, dynamics.matrix._reach()))
    qtbot.waitUntil(lambda: dynamics.session.dynamics.maps is not maps, timeout=20_000)
    settle(qtbot, dynamics)
    assert viewer.layers[EXPLAINED].data is dynamics.session.dynamics.maps.explained
    assert viewer.layers[EXPLAINED].contrast_limits == limits  # so that less is darker
    dynamics.sparsity.back.click()
    qtbot.waitUntil(lambda: dynamics.session.dynamics.var is chosen, timeout=2000)
    assert not dynamics.sparsity.back.isEnabled()
    settle(qtbot, dynamics)


def test_matrix_and_map_follow_the_slider_without_a_job(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    state, jobs = dynamics.session.dynamics, []
    dynamics.session.work.events.job.connect(jobs.append)
    chosen = state.maps
    assert chosen is not None
    dynamics.sparsity.slider.setValue(20)
    qtbot.waitUntil(lambda: viewer.layers[SOURCES].data.images is not chosen.sources, timeout=5000)
    assert state.maps is not None
    expected = contribution_maps(state.model, dynamics.session.recording.movie, var=state.var)
    scale = np.abs(expected.explained).max()
    assert np.allclose(state.maps.explained, expected.explained, atol=1e-4 * scale)
    shown = np.asarray(viewer.layers[SOURCES].data[:, 7])
    assert np.allclose(shown, expected.sources[:], atol=1e-4 * scale)
    dynamics.sparsity.back.click()
    qtbot.waitUntil(lambda: viewer.layers[EXPLAINED].data is chosen.explained, timeout=5000)
    assert state.maps is chosen
    assert jobs == []


def test_maps_are_computed_anew_where_memory_is_short(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_LARGEST_SHARE", 0.0)
    train_briefly(qtbot, dynamics)
    state = dynamics.session.dynamics
    chosen = state.maps
    assert state.path is None
    dynamics.sparsity.slider.setValue(20)
    qtbot.waitUntil(lambda: state.maps is not chosen, timeout=20_000)
    settle(qtbot, dynamics)
    expected = contribution_maps(state.model, dynamics.session.recording.movie, var=state.var)
    assert np.allclose(viewer.layers[EXPLAINED].data, expected.explained)
    assert state.path is None
    dynamics.sparsity.back.click()
    qtbot.waitUntil(lambda: state.maps is chosen, timeout=5000)


def test_pointing_at_the_matrix_names_the_connection(dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    matrix = dynamics.matrix
    var = dynamics.session.dynamics.var
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
    var, model, movie = (
        dynamics.session.dynamics.var,
        dynamics.session.dynamics.model,
        dynamics.session.recording.movie,
    )
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


def test_a_renamed_layer_renames_the_recording(
    viewer: Any, docks: tuple[RecordingDock, DynamicsDock]
) -> None:
    recording, dynamics = docks
    viewer.layers["blinking"].name = "mouse 7"
    assert recording.choice.currentText() == "mouse 7"
    assert "mouse 7" in dynamics.recording.text()
    assert dynamics.session.recording.movie is not None
    assert dynamics.session.recording.movie.name == "mouse 7"


def test_plots_show_once_there_is_something_in_them(dynamics: DynamicsDock, qtbot: Any) -> None:
    dynamics.parentWidget().raise_()
    qtbot.wait(50)
    assert not dynamics.views.isVisible()
    set_steps(dynamics, 20)
    dynamics.model.train.click()
    assert dynamics.views.isVisible()
    settle(qtbot, dynamics)
    assert dynamics.views.isVisible()


def test_a_model_without_connections_says_so(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    noise = np.random.default_rng(1).normal(100, 5, (120, 24, 32)).astype(np.float32)
    viewer.layers.clear()
    viewer.add_image(noise)
    train_briefly(qtbot, dynamics)
    chosen = dynamics.session.dynamics.var
    runs.choose_sparsity(dynamics.session, 1.0)
    qtbot.waitUntil(lambda: dynamics.session.dynamics.var is not chosen, timeout=5000)
    sparse = dynamics.session.dynamics.var
    assert sparse is not None
    assert sparse.nonzeros == sparse.latents  # its own past is not penalised
    assert "found no connections" in dynamics.matrix.readout.text()


def test_both_docks_share_one_place_as_tabs(viewer: Any, docks: tuple[RecordingDock, DynamicsDock]) -> None:
    first, second = (widget.parentWidget() for widget in docks)
    assert isinstance(first, QDockWidget)
    assert second in viewer.window._qt_window.tabifiedDockWidgets(first)


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
    for group in dynamics.model.form.groups.values():
        group.expand(animate=False)
    qtbot.wait(100)
    assert viewer.window._qt_window.width() <= 1280
    widgets = [
        dynamics.model.train,
        dynamics.model.load,
        dynamics.model.save,
        dynamics.sparsity.back,
        dynamics.model.preset,
    ]
    widgets += [editor.native for editor in dynamics.model.form.editors.values()]
    for widget in widgets:
        right = widget.mapTo(dynamics, widget.rect().topRight()).x()
        assert right <= dynamics.width()
        assert widget.width() >= widget.minimumSizeHint().width()


def test_the_panel_says_what_the_training_takes_and_follows_the_settings(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any, monkeypatch: Any
) -> None:
    dynamics.parentWidget().raise_()
    line = dynamics.estimate
    qtbot.waitUntil(lambda: line.text().endswith("GB of memory."), timeout=20_000)
    assert line.isVisible()
    short = line.text()
    set_steps(dynamics, LONG)
    qtbot.waitUntil(lambda: " min " in line.text(), timeout=5000)
    dynamics.model.preset.setCurrentText("standard")
    dynamics.model.preset.setCurrentText("quick")
    qtbot.waitUntil(lambda: line.text().split()[1:3] == short.split()[1:3], timeout=5000)

    monkeypatch.setattr(estimate, "free_memory", lambda: 0.1)
    dynamics.model.form.editors["order"].value = 2
    qtbot.waitUntil(lambda: "0.1 GB is free" in line.text(), timeout=5000)
    dynamics.model.train.click()
    qtbot.waitUntil(lambda: "0.1 GB is free" in dynamics.message.text(), timeout=10_000)
    assert dynamics.session.dynamics.model is None

    del viewer.layers["blinking"]
    qtbot.waitUntil(lambda: not line.isVisible(), timeout=5000)
    assert line.text() == ""


def test_there_is_no_estimate_without_a_recording(viewer: Any, add_dock: Any, qtbot: Any) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    set_steps(dock, 30)
    qtbot.wait(300)
    assert dock.isVisible()
    assert not dock.estimate.isVisible()
