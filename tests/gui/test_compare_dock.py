"""The Compare dock: from two stretches to an answer, and what happens when something gets in its way."""

from __future__ import annotations

import gc
import json
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_scene import (
    FRAMES,
    PLACES,
    changing_movie,
    give_model,
    model_of,
    open_dock,
    press,
    settle,
    write,
)
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.compare.between import NO_ROIS
from napari_calcdyn.gui.compare.between import ROIS as BETWEEN_ROIS
from napari_calcdyn.gui.compare.changed_layer import CHANGED
from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.compare.inputs import OTHER
from napari_calcdyn.gui.compare.runs import COMPARING, DIFFERENCE
from napari_calcdyn.gui.compare.words import livelier
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.jobs import comparison as compare_module
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.errors import Cancelled


@pytest.fixture(scope="module")
def model() -> VARAutoencoder:
    return model_of(changing_movie())


@pytest.fixture
def dock(viewer: Any, model: VARAutoencoder) -> CompareDock:
    """The dock in front, a recording in a place of its own, and its model."""
    dock = open_dock(viewer, changing_movie(), scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    give_model(dock, model)
    dock.permutations.setValue(99)
    return dock


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that goes on until it is stopped."""

    def compare(*_: Any, progress: Any, **__: Any) -> None:
        done = 0
        while not progress(done, 100_000):
            done += 1
            time.sleep(0.01)
        raise Cancelled

    monkeypatch.setattr(compare_module, "compare", compare)


def start(qtbot: Any, dock: CompareDock) -> None:
    press(qtbot, dock.compare)
    assert dock.session.work.job is not None
    qtbot.waitUntil(lambda: dock.progress.bar.value() > 0, timeout=10_000)


def test_a_change_of_rules_is_said_drawn_and_listed(viewer: Any, dock: CompareDock, qtbot: Any) -> None:
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    compared = dock.session.answers.comparison
    assert compared is not None, dock.message.text()
    comparison = compared.comparison
    assert comparison.p_value == 0.01
    assert dock.view.verdict.text().startswith(
        "<b>The dynamics differ</b> between A and B (p = 0.01): separate"
    )
    assert "Compared: frames 0:200 (A), 200:400 (B) of cells" in dock.view.asked.text().replace("\u200b", "")
    assert "no p-value below" in dock.view.cautions.text()
    assert dock.view.livelier.text() == livelier(comparison)
    assert dock.view.null.observed.value() == comparison.statistic
    edges, counts = dock.view.null.bars.getData()
    assert counts.sum() == 99
    assert edges[0] <= comparison.null.min()
    layer, movie = viewer.layers[DIFFERENCE], viewer.layers["cells"]
    assert np.array_equal(layer.data, compared.maps.difference)
    assert np.allclose(layer.scale, movie.scale[1:])
    assert np.allclose(layer.translate, movie.translate[1:])
    assert viewer.layers.index(layer) > viewer.layers.index(movie)
    y, x = np.unravel_index(layer.data.argmax(), layer.data.shape)
    assert np.hypot(y - PLACES[1][0], x - PLACES[1][1]) < 5  # the cell whose rule changed
    changed = comparison.edges()
    assert 0 < len(changed) == dock.view.table.rowCount()
    assert dock.view.changed.text().startswith(f"{len(changed)} connection")
    assert not dock.progress.isVisible()
    assert dock.compare.text() == "Compare"


def test_a_click_on_a_row_shows_its_places_on_the_movie(viewer: Any, dock: CompareDock, qtbot: Any) -> None:
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    compared, table = dock.session.answers.comparison, dock.view.table
    assert compared is not None
    assert CHANGED not in viewer.layers
    active = viewer.layers.selection.active
    dock.view.table.scrollToTop()
    qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualItemRect(table.item(0, 0)).center()
    )
    layer = viewer.layers[CHANGED]
    edge = compared.comparison.edges()[0]
    source, target = compared.centres[edge["source"]], compared.centres[edge["target"]]
    (drawn,) = layer.data
    if edge["source"] == edge["target"]:
        assert np.allclose(drawn.mean(0), source)
    else:
        assert np.allclose(drawn[:2], [source, target])
    assert table.item(0, 0).text() == f"{source[0]:.0f}, {source[1]:.0f}"
    assert table.isColumnHidden(2)  # with one frame of memory, every lag is 1
    change = compared.comparison.edge_change[edge["lag"] - 1, edge["target"], edge["source"]]
    assert table.item(0, 5).text() == f"{change:+.1f}"
    red, _, blue = layer.edge_color[0][:3]
    assert (red > blue) == (change > 0)
    assert np.allclose(layer.scale, [0.5, 0.5])
    assert viewer.layers.selection.active is active
    table.clearSelection()
    assert len(layer.data) == 0
    viewer.layers.remove(layer)
    table.selectAll()
    assert len(viewer.layers[CHANGED].data) == table.rowCount()


def test_rois_are_compared_by_their_names(
    viewer: Any, dock: CompareDock, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.inputs.between.setCurrentText(BETWEEN_ROIS)
    assert dock.problem.text() == NO_ROIS
    assert not dock.compare.isEnabled()
    assert dock.way.text() == "To the Neurons panel"
    labels = np.zeros((16, 32), int)
    for number, (y, x) in zip((21, 4), PLACES, strict=True):
        labels[y - 3 : y + 4, x - 3 : x + 4] = number
    dock.session.rois.loaded = RoiSet.from_labels(labels)
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    compared = dock.session.answers.comparison
    assert compared is not None, dock.message.text()
    assert compared.comparison.p_value == 0.01
    assert "activities of 2 ROIs in frames" in dock.view.asked.text()
    table = dock.view.table
    assert [table.item(0, column).text() for column in (0, 1)] == ["ROI 21", "ROI 4"]
    assert "latent" not in dock.view.livelier.text()
    dock.view.table.selectRow(0)
    (drawn,) = viewer.layers[CHANGED].data
    assert np.allclose(drawn[:2], PLACES, atol=0.5)
    name = tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(name), ""))
    dock.view.export.click()
    settle(qtbot, dock)
    found = json.loads((name / "comparison.json").read_text())
    assert (found["edges"][0]["source"], found["edges"][0]["target"]) == (21, 4)
    dock.session.rois.loaded = RoiSet.from_labels(labels)
    assert "other ROIs" in dock.view.outdated.text()


def test_how_many_latents_are_livelier_is_one_sentence() -> None:
    class Found:
        loudness = np.array([1.0, 2.0, 3.0, 0.4])
        loudness_p = np.array([1.0, 0.01, 0.02, 0.2])
        ids: np.ndarray | None = None  # of ROIs

    assert livelier(Found) == "Some latents are livelier than in the other stretch: 2 in B (p = 0.01)."  # type: ignore[arg-type]
    Found.loudness_p = np.array([1.0, 0.5, 0.5, 0.02])
    assert livelier(Found) == "One latent is livelier than in the other stretch: 1 in A (p = 0.02)."  # type: ignore[arg-type]
    Found.loudness_p = np.ones(4)
    assert livelier(Found) == "No latent is clearly livelier in A or in B."  # type: ignore[arg-type]
    Found.ids = np.array([3, 5, 8, 9])
    assert livelier(Found) == "No ROI is clearly livelier in A or in B."  # type: ignore[arg-type]


def test_no_change_is_no_proof_of_sameness(viewer: Any, dock: CompareDock, qtbot: Any) -> None:
    write(qtbot, dock, "A", "0:50, 100:150")
    write(qtbot, dock, "B", "50:100, 150:200")
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    compared = dock.session.answers.comparison
    assert compared is not None
    assert compared.comparison.p_value > 0.05
    assert "No change of the dynamics" in dock.view.verdict.text()
    assert "This does not prove that the dynamics are the same." in dock.view.cautions.text()
    assert "blocks that can change sign" in dock.view.cautions.text()


def test_two_recordings_of_one_field_of_view(viewer: Any, dock: CompareDock, qtbot: Any) -> None:
    viewer.add_image(changing_movie(200, seed=7), name="day 2")
    dock.inputs.how.setCurrentText(OTHER)
    write(qtbot, dock, "A", "0:200")
    write(qtbot, dock, "B", "100:200")
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    compared = dock.session.answers.comparison
    assert compared is not None, dock.message.text()
    assert compared.comparison.p_value <= 0.05
    assert compared.words == "frames 0:200 of cells (A), frames 100:200 of day 2 (B)"


def test_stretches_that_are_too_short_are_refused_at_once(dock: CompareDock, qtbot: Any) -> None:
    write(qtbot, dock, "A", "0:1")
    assert dock.problem.text().startswith("A is too short: a comparison of order 1 needs at least")
    assert not dock.compare.isEnabled()
    write(qtbot, dock, "A", "0:100")
    assert dock.compare.isEnabled()
    dock.block.setValue(50)
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    assert dock.session.work.notice is not None
    assert dock.session.work.notice.is_error
    assert dock.message.text().startswith("A has room for 1 block")
    assert dock.session.answers.comparison is None


def test_stop_ends_it_within_a_second_and_keeps_what_was_found(
    dock: CompareDock, qtbot: Any, endless: None
) -> None:
    start(qtbot, dock)
    assert dock.compare.text() == "Stop"
    asked = time.monotonic()
    press(qtbot, dock.compare)
    settle(qtbot, dock, 2000)
    assert time.monotonic() - asked < 1.0
    assert dock.message.text() == f"{COMPARING} was stopped."
    assert dock.compare.text() == "Compare"
    assert not dock.progress.isVisible()


def test_a_real_comparison_can_be_stopped(dock: CompareDock, qtbot: Any) -> None:
    dock.permutations.setValue(dock.permutations.maximum())
    start(qtbot, dock)
    asked = time.monotonic()
    press(qtbot, dock.compare)
    settle(qtbot, dock, 5000)
    assert time.monotonic() - asked < 3.0
    assert dock.session.answers.comparison is None


def test_a_deleted_layer_stops_it(viewer: Any, dock: CompareDock, qtbot: Any, endless: None) -> None:
    start(qtbot, dock)
    viewer.layers.remove("cells")
    settle(qtbot, dock, 2000)
    assert dock.problem.text() == "Open a recording first, in the Recording panel."
    assert not dock.compare.isEnabled()
    assert list(viewer.layers) == []


def test_an_answer_for_another_model_or_recording_is_not_shown(
    viewer: Any, dock: CompareDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on: list[bool] = []
    real = compare_module.compare

    def slow(*arguments: Any, progress: Any, **options: Any) -> Any:
        while not going_on:
            progress(0, 1)
            time.sleep(0.01)
        return real(*arguments, progress=progress, **options)

    monkeypatch.setattr(compare_module, "compare", slow)
    press(qtbot, dock.compare)
    other = model_of(changing_movie(seed=2)[:100])
    give_model(dock, other)
    going_on.append(True)
    settle(qtbot, dock)
    assert dock.message.text() == "The model was replaced in the meantime: press Compare again."
    assert dock.session.answers.comparison is None
    assert DIFFERENCE not in viewer.layers


def test_moving_along_the_path_meanwhile_changes_nothing(dock: CompareDock, qtbot: Any) -> None:
    press(qtbot, dock.compare)
    assert dock.session.dynamics.var is not None
    dock.session.dynamics.var = dock.session.dynamics.var.at(fraction=0.5)
    settle(qtbot, dock)
    assert dock.session.answers.comparison is not None
    assert dock.view.outdated.isHidden()


def test_an_answer_says_when_its_model_or_recording_is_gone(
    viewer: Any, dock: CompareDock, qtbot: Any, model: VARAutoencoder
) -> None:
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    give_model(dock, model_of(changing_movie(seed=2)[:100]))
    assert "computed with an earlier model" in dock.view.outdated.text()
    give_model(dock, model)
    assert dock.view.outdated.isHidden()
    viewer.layers.remove(DIFFERENCE)
    press(qtbot, dock.view.map)
    assert DIFFERENCE in viewer.layers
    use_layer(dock.session, viewer.add_image(changing_movie(100, seed=3), name="other"))
    assert "another recording" in dock.view.outdated.text()
    dock.view.table.selectAll()  # has nowhere to be drawn
    assert CHANGED not in viewer.layers
    assert not dock.view.map.isEnabled()


def test_a_dock_that_is_opened_again_shows_the_answer(viewer: Any, dock: CompareDock, qtbot: Any) -> None:
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    viewer.window.add_dock_widget(RecordingDock(viewer), name="another")  # the session goes on
    dock.parentWidget().destroyOnClose()
    qtbot.wait(50)
    again = CompareDock(viewer)
    viewer.window.add_dock_widget(again, name="again")
    assert not again.view.isHidden()
    assert again.view.verdict.text().startswith("<b>The dynamics differ</b>")


def test_closing_the_window_ends_it(viewer: Any, dock: CompareDock, qtbot: Any, endless: None) -> None:
    start(qtbot, dock)
    job = dock.session.work.job
    assert job is not None
    heard: list[str] = []
    for signal in (job.done, job.cancelled, job.failed):
        signal.connect(lambda *_: heard.append("ended"))
    viewer.close()
    qtbot.wait(50)
    assert job._finished.is_set()
    qtbot.wait(150)
    assert heard == []


def test_a_viewer_with_an_answer_is_let_go_of(
    make_napari_viewer: Any, model: VARAutoencoder, qtbot: Any
) -> None:
    def use_and_close() -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        viewer = make_napari_viewer()
        dock = open_dock(viewer, changing_movie())
        give_model(dock, model)
        dock.permutations.setValue(19)
        dock.compare.click()
        settle(qtbot, dock)
        assert dock.session.answers.comparison is not None
        dock.view.table.selectAll()
        viewer.close()
        return weakref.ref(viewer), weakref.ref(session_of(viewer))

    viewer, session = use_and_close()
    qtbot.wait(50)
    gc.collect()
    assert viewer() is None
    assert session() is None


def test_export_writes_numbers_maps_and_a_picture(
    dock: CompareDock, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(qtbot, dock.compare)
    settle(qtbot, dock)
    folder = tmp_path / "compared"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(folder), ""))
    press(qtbot, dock.view.export)
    settle(qtbot, dock)
    assert str(folder) in dock.message.text().replace("\u200b", "")
    compared = dock.session.answers.comparison
    assert compared is not None
    written = json.loads((folder / "comparison.json").read_text())
    assert written["p_value"] == compared.comparison.p_value
    assert {it.name for it in folder.iterdir()} >= {"difference.tif", "overview.png"}


def test_both_themes_are_followed(viewer: Any, dock: CompareDock) -> None:
    lightness = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        lightness.append(
            [it.backgroundBrush().color().lightness() for it in (dock.inputs.plot, dock.view.null.plot)]
        )
    assert all(light > dark + 100 for dark, light in zip(*lightness, strict=True))
    assert dock.inputs.plot._frames == FRAMES
