"""The Neurons dock, driven as a user would, with real training on a small movie."""

from __future__ import annotations

import csv
import gc
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import set_steps
from driving import settle as settle_dynamics
from neuron_driving import LONG, choose_rois, extract, is_one_sentence, open_path, settle
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.neurons import runs as neuron_runs
from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.neurons.latent_layer import LATENT_MAP
from napari_calcdyn.gui.neurons.roi_layers import ROIS
from napari_calcdyn.gui.session import session_of

LONG_NAME = "20230412_mouse_M123_GCaMP6s_session1_plane0_512x512_motion_corrected_" + 60 * "z"


def set_epochs(neurons: NeuronsDock, epochs: int) -> None:
    neurons.model.form.editors["epochs"].value = epochs


def with_traces(qtbot: Any, neurons: NeuronsDock, cells: np.ndarray) -> None:
    viewer = neurons.session.viewer
    assert viewer is not None
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    extract(qtbot, neurons)


def train_briefly(qtbot: Any, neurons: NeuronsDock) -> None:
    set_epochs(neurons, 3)
    neurons.model.train.click()
    settle(qtbot, neurons)
    assert neurons.session.work.notice is None, neurons.session.work.notice
    assert neurons.session.neurons.result is not None


def start_long(qtbot: Any, neurons: NeuronsDock) -> None:
    neurons.model.form.editors["epochs"].value = 10_000
    neurons.model.form.editors["patience"].value = 1000
    neurons.model.train.click()
    qtbot.waitUntil(lambda: len(neurons.session.neurons.history) > 2, timeout=60_000)


@pytest.fixture
def ready(neurons: NeuronsDock, cells: np.ndarray, qtbot: Any) -> NeuronsDock:
    """The dock with traces extracted."""
    with_traces(qtbot, neurons, cells)
    return neurons


def test_from_rois_to_a_map_and_what_can_be_done_with_it(
    viewer: Any, ready: NeuronsDock, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(qtbot, ready)
    session, results = ready.session, ready.results
    assert session.neurons.result is not None
    assert len(viewer.layers[LATENT_MAP].data) == 24
    assert ready.pages.currentWidget() is results
    assert "24 neurons" in results.facts.text().replace("</b>", "")
    for panel in ready.model.curves.panels.values():
        assert len(panel.training.getData()[0]) > 0
        assert len(panel.held_out.getData()[0]) > 0
    assert "latents in use" in ready.model.summary.text()
    assert not ready.progress.isVisible()

    (tmp_path / "types.csv").write_text("type\n" + "RS\nIB\n" * 12, encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "types.csv"), ""))
    results.columns.click()
    settle(qtbot, ready)
    assert results.colours.choice.currentText() == "type"
    colours = viewer.layers[LATENT_MAP].face_color
    assert len(np.unique(colours, axis=0)) == 2
    assert np.array_equal(colours[0], colours[2])

    assert not results.between.isEnabled()
    first, second = (int(it) for it in session.neurons.result.ids[[2, 7]])
    session.rois.selected = (first, second)
    assert f"2 selected: ROI {first}, {second}" in results.selected.text()
    results.number.setValue(5)
    results.between.click()
    settle(qtbot, ready)
    shown = session.neurons.shown_traces
    assert shown is not None
    assert shown.values.shape == (5, 120)
    assert (str(first), str(second)) == tuple(word for word in shown.title.split() if word.isdigit())
    assert session.neurons.model is not None
    ends = session.neurons.model.decode(session.neurons.result.mean[[2, 7]])
    np.testing.assert_allclose(shown.values[[0, -1]], ends, rtol=1e-3, atol=1e-2)

    traces = viewer.window.dock_widgets[panel_name("traces")]
    traces.parentWidget().hide()
    ready.parentWidget().setFloating(True)
    results.samples.click()
    settle(qtbot, ready)
    assert traces.isVisible()
    samples = session.neurons.shown_traces
    assert samples is not None
    assert samples.values.shape == (5, 120)
    results.samples.click()
    settle(qtbot, ready)
    assert session.neurons.shown_traces is not None
    assert not np.array_equal(session.neurons.shown_traces.values, samples.values)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "table 1.5"), ""))
    results.export.click()
    settle(qtbot, ready)
    assert str(tmp_path / "table 1.5.csv") in ready.message.text()
    results.export.click()
    is_one_sentence(ready, "exists already")  # as the dialog asked about another name
    with (tmp_path / "table 1.5.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["roi_id"]) for row in rows] == session.neurons.result.ids.tolist()
    assert {"mu_1", "tsne_1", "tsne_2", "cluster"} <= set(rows[0])


def test_a_second_run_keeps_layers_and_their_names(viewer: Any, ready: NeuronsDock, qtbot: Any) -> None:
    train_briefly(qtbot, ready)
    first = ready.session.neurons.result
    viewer.layers[LATENT_MAP].name = "my map"
    viewer.layers[ROIS].name = "my cells"
    before = [layer.name for layer in viewer.layers]
    train_briefly(qtbot, ready)
    assert ready.session.neurons.result is not first
    assert [layer.name for layer in viewer.layers] == before
    viewer.layers.remove("my map")
    viewer.layers["my cells"].visible = False
    ready.results.show_again.click()
    assert LATENT_MAP in viewer.layers
    assert viewer.layers["my cells"].visible


def test_stop_keeps_the_best_model_and_the_map_can_be_stopped_too(
    viewer: Any, ready: NeuronsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, page = ready.session, ready.model
    start_long(qtbot, ready)
    assert page.train.text() == "Stop"
    assert ready.progress.isVisible()
    page.train.click()
    asked = time.monotonic()
    qtbot.waitUntil(lambda: session.neurons.model is not None, timeout=5000)
    assert time.monotonic() - asked < 1.0
    model = session.neurons.model
    assert session.work.job is not None
    assert session.work.job.title == neuron_runs.MAPPING
    qtbot.waitUntil(
        lambda: session.work.status is not None and session.work.status.fraction is not None, timeout=20_000
    )
    page.train.click()
    asked = time.monotonic()
    settle(qtbot, ready, 5000)
    assert time.monotonic() - asked < 1.0
    assert session.neurons.result is None
    assert session.neurons.model is model
    assert "press “Map neurons”" in ready.message.text()
    assert "press “Map neurons”" in ready.results.facts.text()
    assert not page.map.isHidden()
    page.map.click()
    said: list[str] = []
    session.work.job.progressed.connect(lambda batch: said.extend(it.stage for it in batch))
    settle(qtbot, ready)
    assert [*dict.fromkeys(said)] == ["Denoising the traces …", "Mapping the neurons …"]
    assert LATENT_MAP in viewer.layers
    assert page.map.isHidden()
    # The map of the model before stays, with what can be done with its neurons, until the new one is drawn.
    mapped = session.neurons.result
    set_epochs(ready, 3)
    page.form.editors["latent"].value = 3
    page.train.click()
    qtbot.waitUntil(lambda: session.work.job.title == neuron_runs.MAPPING, timeout=20_000)
    page.train.click()
    settle(qtbot, ready)
    assert session.neurons.result is mapped
    assert not page.map.isHidden()
    session.rois.selected = tuple(mapped.ids[:2].tolist())
    ready.results.between.click()
    settle(qtbot, ready)
    assert session.neurons.shown_traces is not None, session.work.notice
    page.map.click()
    settle(qtbot, ready)
    assert session.neurons.result.mean.shape[1] == 3


def test_a_model_is_saved_loaded_and_refused_where_it_does_not_fit(
    ready: NeuronsDock, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(qtbot, ready)
    session, page = ready.session, ready.model
    trained = session.neurons.result
    folder = tmp_path / "model"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(folder), ""))
    page.save.click()
    settle(qtbot, ready)
    assert str(folder) in ready.message.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(folder))
    page.load.click()
    settle(qtbot, ready)
    assert session.neurons.result is not trained
    np.testing.assert_allclose(session.neurons.result.mean, trained.mean, atol=1e-5)
    assert page.curves.isHidden()  # it was not trained here
    np.save(tmp_path / "long.npy", np.random.default_rng(0).normal(size=(24, 200)))
    open_path(qtbot, ready, tmp_path / "long.npy")
    assert session.neurons.result is None
    loaded = session.neurons.model
    page.load.click()
    settle(qtbot, ready)
    is_one_sentence(ready, "120 samples", "200")
    page.map.click()
    settle(qtbot, ready)
    is_one_sentence(ready, "120 samples", "200")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(tmp_path))
    page.load.click()
    settle(qtbot, ready)
    is_one_sentence(ready, "is not a model")
    assert session.neurons.model is loaded


def test_too_few_neurons_are_refused_and_unusable_ones_have_no_place(
    viewer: Any, neurons: NeuronsDock, tmp_path: Path, qtbot: Any
) -> None:
    values = np.random.default_rng(0).normal(size=(14, 60))
    values[:5], values[5] = 3.0, np.nan
    np.save(tmp_path / "traces.npy", values)
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    neurons.model.train.click()
    settle(qtbot, neurons)
    is_one_sentence(neurons, "8 traces", "at least 10")
    assert neurons.session.neurons.model is None
    values[1:4] = np.random.default_rng(1).normal(size=(3, 60))
    np.save(tmp_path / "traces.npy", values)
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    train_briefly(qtbot, neurons)
    assert len(viewer.layers[LATENT_MAP].data) == 11
    assert "11 neurons" in neurons.results.facts.text().replace("</b>", "")
    assert "3 without a usable trace" in neurons.results.facts.text()
    neurons.session.rois.selected = (0, 7)
    neurons.results.between.click()
    settle(qtbot, neurons)
    is_one_sentence(neurons, "ROI 0", "constant")


def test_both_models_one_after_the_other_and_not_at_once(viewer: Any, ready: NeuronsDock, qtbot: Any) -> None:
    dynamics = viewer.window.dock_widgets[panel_name("dynamics")]
    dynamics.model.preset.setCurrentText("quick")
    set_steps(dynamics, 20)
    start_long(qtbot, ready)
    dynamics.model.train.click()
    assert "“Training on the traces” is still under way" in dynamics.message.text()
    ready.session.work.stop()
    settle(qtbot, ready)
    assert ready.session.neurons.result is not None
    dynamics.model.train.click()
    settle_dynamics(qtbot, dynamics)
    assert EXPLAINED in viewer.layers
    set_steps(dynamics, LONG)
    dynamics.model.train.click()
    before = ready.session.neurons.model
    ready.model.train.click()
    assert "“Training” is still under way" in ready.message.text()
    assert ready.session.neurons.model is before
    dynamics.session.work.stop()
    settle_dynamics(qtbot, dynamics)
    train_briefly(qtbot, ready)
    assert ready.session.neurons.model is not before
    assert EXPLAINED in viewer.layers


def test_the_movie_may_go_while_the_neurons_are_trained_but_not_the_window(
    viewer: Any, ready: NeuronsDock, qtbot: Any
) -> None:
    start_long(qtbot, ready)
    for layer in viewer.layers:  # vispy 0.17 can crash on what is left once the time axis is gone
        layer.visible = False
    viewer.layers.remove("cells")
    qtbot.wait(100)
    job = ready.session.work.job
    assert job is not None
    assert not job.stopping
    viewer.close()
    qtbot.wait(50)
    assert job._finished.is_set()


def test_a_dock_that_is_opened_again_shows_what_there_is(viewer: Any, ready: NeuronsDock, qtbot: Any) -> None:
    train_briefly(qtbot, ready)
    ready.parentWidget().destroyOnClose()
    qtbot.wait(50)
    again, session = NeuronsDock(viewer), ready.session
    viewer.window.add_dock_widget(again, name="again")
    assert "24 ROIs" in again.inputs.roi_facts.text()
    assert "24 traces" in again.inputs.trace_facts.text()
    assert "24 neurons" in again.results.facts.text().replace("</b>", "")
    assert len(again.model.curves.panels["kl"].training.getData()[0]) > 0
    assert again.pages.currentWidget() is again.results
    start_long(qtbot, again)
    for dock in list(viewer.window.dock_widgets.values()):  # a job ends with the last of our docks
        dock.parentWidget().destroyOnClose()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=2000)


def test_a_viewer_with_neurons_is_let_go_of_after_it_was_closed(
    make_napari_viewer: Any, cells: np.ndarray, cell_movie: np.ndarray, qtbot: Any
) -> None:
    def use_and_close() -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        viewer = make_napari_viewer()
        neurons = add_docks(viewer).neurons
        viewer.add_image(cell_movie, name="cells", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
        neurons.model.preset.setCurrentText("quick")
        with_traces(qtbot, neurons, cells)
        train_briefly(qtbot, neurons)
        viewer.close()
        return weakref.ref(viewer), weakref.ref(session_of(viewer))

    viewer, session = use_and_close()
    qtbot.wait(50)
    gc.collect()
    assert viewer() is None
    assert session() is None


def test_everything_fits_into_a_small_window_of_either_theme(
    viewer: Any, ready: NeuronsDock, qtbot: Any
) -> None:
    train_briefly(qtbot, ready)
    ready.inputs.settings.relative.value = True
    settle(qtbot, ready)
    viewer.layers["cells"].name = LONG_NAME
    ready.session.work.status = Status("neurons", f"Opening {LONG_NAME}")
    ready.session.work.tell("neurons", f"There is no file /{LONG_NAME}.")
    for form in (ready.model.form, ready.inputs.settings.baseline):
        for group in form.groups.values():
            group.expand(animate=False)
    for theme in ("dark", "light"):
        viewer.theme = theme
        for index in range(ready.pages.count()):
            ready.pages.setCurrentIndex(index)
            qtbot.wait(50)
            assert viewer.window._qt_window.width() <= 1280
            page = ready.pages.widget(index)
            for widget in page.findChildren(type(ready.model.train)) + page.findChildren(type(ready.pages)):
                if widget.isVisible():
                    assert widget.mapTo(ready, widget.rect().topRight()).x() <= ready.width()
                    assert widget.width() >= widget.minimumSizeHint().width()
    assert not viewer.window.dock_widgets[panel_name("traces")].isHidden()
