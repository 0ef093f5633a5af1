"""Traces in the Neurons dock: extracted from the movie, or opened with or without one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuron_driving import choose_rois, extract, is_one_sentence, open_path, settle, write_suite2p
from neuron_scene import neurons_of
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from hdf5_files import Scene, caiman
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.neurons.columns_file import read_columns
from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.neurons.inputs import EXTRACTING
from napari_calcdyn.gui.neurons.roi_layers import ROIS
from napari_calcdyn.gui.opening.dialog import Looking
from napari_calcdyn.recording import extract_traces
from napari_calcdyn.recording.traces.baseline import Baseline, delta_f_over_f


def random_traces(number: int = 24, samples: int = 120) -> np.ndarray:
    return np.random.default_rng(1).gamma(9, 10, (number, samples)).astype(np.float32)


def test_traces_are_extracted_as_a_script_would_and_shown_below(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    assert panel_name("traces") not in viewer.window.dock_widgets
    extract(qtbot, neurons)
    session, page = neurons.session, neurons.inputs
    assert session.neurons.traces is not None
    assert session.recording.movie is not None
    expected = extract_traces(session.recording.movie, session.rois.loaded, neuropil=0.7)
    assert np.array_equal(session.neurons.traces.values, expected.values)
    assert "24 traces of 120 samples" in page.trace_facts.text().replace("</b>", "")
    assert panel_name("traces") in viewer.window.dock_widgets
    page.settings.frame_rate.value = 12.0
    settle(qtbot, neurons)
    page.settings.neuropil.value = False
    extract(qtbot, neurons)
    assert session.neurons.traces.frame_rate == 12.0  # entered once for a movie that does not say it
    expected = extract_traces(session.recording.movie, session.rois.loaded)
    assert np.array_equal(session.neurons.traces.values, expected.values)


def test_a_table_with_cells_in_columns_is_shown_and_can_be_turned(
    neurons: NeuronsDock, tmp_path: Path, qtbot: Any
) -> None:
    session, page, values = neurons.session, neurons.inputs, random_traces(5, 40)
    assert not page.turn.isVisible()
    rows = [",".join(map(str, [0.1 * at, *row])) for at, row in enumerate(values.T)]
    (tmp_path / "table.csv").write_text("\n".join(["time,a,b,c,d,e", *rows]), encoding="utf-8")
    open_path(qtbot, neurons, tmp_path / "table.csv")
    np.testing.assert_allclose(session.neurons.fluorescence.values, values, rtol=1e-6)
    assert session.neurons.fluorescence.frame_rate == pytest.approx(10)
    assert "5 cells in the columns of table.csv, 40 samples in its rows." in page.trace_facts.text()
    assert page.turn.isVisible()
    assert page.turn.text() == "The cells are in rows"
    page.turn.click()
    settle(qtbot, neurons)
    assert session.neurons.fluorescence.values.shape == (40, 6)
    assert page.turn.text() == "The cells are in columns"
    page.turn.click()
    settle(qtbot, neurons)
    np.testing.assert_allclose(session.neurons.fluorescence.values, values, rtol=1e-6)
    np.save(tmp_path / "traces.npy", values)
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    assert not page.turn.isVisible()


def test_baseline_and_columns_take_effect_at_once(neurons: NeuronsDock, tmp_path: Path, qtbot: Any) -> None:
    session, page, table = neurons.session, neurons.inputs, tmp_path / "table.csv"
    read_columns(session, table)
    is_one_sentence(neurons, "no traces yet")
    np.save(tmp_path / "traces.npy", random_traces())
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    table.write_text("type\n" + "RS\nIB\n" * 12, encoding="utf-8")
    read_columns(session, table)
    settle(qtbot, neurons)
    assert "adds type" in neurons.message.text()

    fluorescence = session.neurons.fluorescence
    assert fluorescence is not None
    assert session.neurons.traces is fluorescence
    page.settings.relative.value = True
    settle(qtbot, neurons)
    is_one_sentence(neurons, "no frame rate")
    assert session.neurons.traces is None  # so that no model is trained on what is not asked for
    assert "ΔF/F is still missing" in page.trace_facts.text()
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    is_one_sentence(neurons, "no frame rate")
    page.settings.frame_rate.value = 10.0
    settle(qtbot, neurons)
    assert session.neurons.traces.unit == "ΔF/F"
    page.settings.baseline.editors["method"].value = "percentile"
    settle(qtbot, neurons)
    expected = delta_f_over_f(fluorescence, Baseline(method="percentile"))
    assert np.array_equal(session.neurons.traces.values, expected.values)
    assert not page.settings.baseline.editors["window_s"].enabled
    page.settings.relative.value = False
    settle(qtbot, neurons)
    assert np.array_equal(session.neurons.traces.values, fluorescence.values)
    assert session.neurons.traces.frame_rate == 10.0
    assert session.neurons.columns["type"].tolist() == ["RS", "IB"] * 12  # through all of this
    table.write_text("type\nRS\n", encoding="utf-8")
    read_columns(session, table)
    settle(qtbot, neurons)
    is_one_sentence(neurons, "1 rows for 24 neurons")


def test_a_suite2p_folder_gives_rois_and_traces_without_a_movie(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    viewer.layers.clear()
    recorded = random_traces()
    plane = write_suite2p(tmp_path, cells, recorded)
    drop(neurons, plane.parent.parent)
    settle(qtbot, neurons)
    session, page = neurons.session, neurons.inputs
    assert session.rois.loaded is not None
    assert session.neurons.traces is not None
    assert np.array_equal(session.neurons.traces.ids, session.rois.loaded.ids)
    np.testing.assert_allclose(session.neurons.traces.values, recorded - 7, rtol=1e-5)
    assert page.settings.frame_rate.value == 12.5
    assert "(12)" in page.only_cells.text()
    page.only_cells.setChecked(True)
    settle(qtbot, neurons)
    assert session.neurons.traces.ids.tolist() == list(range(1, 24, 2))
    assert len(np.unique(viewer.layers[ROIS].data)) == 13
    page.settings.neuropil.value = False
    page.given.click()
    settle(qtbot, neurons)
    np.testing.assert_allclose(session.neurons.traces.values, recorded[1::2], rtol=1e-5)


def test_a_file_of_caiman_gives_rois_and_traces(
    viewer: Any, neurons: NeuronsDock, tmp_path: Path, qtbot: Any
) -> None:
    viewer.layers.clear()
    scene = Scene(36, 36)
    drop(neurons, caiman(tmp_path / "caiman.hdf5", scene, c_order=True))
    settle(qtbot, neurons)
    session, page = neurons.session, neurons.inputs
    assert len(session.rois.loaded) == 7
    np.testing.assert_allclose(session.neurons.traces.values, scene.traces, rtol=1e-5)
    assert page.settings.frame_rate.value == 30
    assert "(2)" in page.only_cells.text()
    viewer.add_image(scene.movie, name="movie")
    page.given.click()
    settle(qtbot, neurons)
    assert not session.rois.loaded.provenance.endswith("y and x exchanged")
    dialog = session.part(Looking).dialog
    assert dialog is not None, "the movie shows it"
    qtbot.waitUntil(lambda: dialog.exchange.isChecked(), timeout=20_000)
    dialog.open_button.click()
    settle(qtbot, neurons)
    assert session.rois.loaded.provenance.endswith("y and x exchanged")
    page.only_cells.setChecked(True)
    settle(qtbot, neurons)
    assert session.neurons.traces.ids.tolist() == [0, 2]


def test_traces_of_a_file_belong_to_as_many_rois_whichever_comes_first(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    np.save(tmp_path / "traces.npy", random_traces())
    np.savetxt(tmp_path / "fewer.csv", random_traces(20), delimiter=",")
    session = neurons.session
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    assert session.neurons.traces.ids.tolist() == list(range(24))
    session.neurons.result = neurons_of(session.neurons.traces)
    choose_rois(qtbot, neurons, "drawn")
    assert session.neurons.traces.ids.tolist() == session.rois.loaded.ids.tolist()
    assert session.neurons.result is None  # those had other numbers
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    assert session.neurons.traces.ids.tolist() == session.rois.loaded.ids.tolist()
    open_path(qtbot, neurons, tmp_path / "fewer.csv")
    assert len(session.neurons.traces) == 20
    assert session.rois.loaded is None
    assert ROIS not in viewer.layers
    assert "20 traces and there are 24 ROIs" in neurons.message.text()


def test_problems_of_traces_are_told_and_what_is_none_is_refused(
    neurons: NeuronsDock, tmp_path: Path, qtbot: Any
) -> None:
    bad = random_traces()
    bad[3], bad[5] = 7.0, np.nan
    np.save(tmp_path / "traces.npy", bad)
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    text = neurons.inputs.trace_facts.text()
    assert "1 left out: constant" in text
    assert "1 left out: no valid samples" in text
    (tmp_path / "text.csv").write_text("1,2,3\n4,five,6\n", encoding="utf-8")
    (tmp_path / "uneven.csv").write_text("1,2,3\n4,5\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for name, words in (
        ("text.csv", "text in row 2, column 2"),
        ("uneven.csv", "unequal lengths"),
        ("empty", "no stat.npy"),
        ("nowhere.npy", "nowhere.npy"),
        ("notes.txt", "notes.txt"),
    ):
        open_path(qtbot, neurons, tmp_path / name)
        is_one_sentence(neurons, words)
    assert neurons.session.neurons.traces is not None  # those that are there stay


def test_extraction_ends_when_stopped_and_with_the_layer_of_its_movie(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    # vispy 0.17 can crash when the picture is drawn after the only layer with a time axis is gone.
    viewer.layers[ROIS].visible = False
    session, button = neurons.session, neurons.inputs.extract
    whole = type(session.recording.movie).blocks
    monkeypatch.setattr(
        type(session.recording.movie), "blocks", lambda movie, *size: endless(whole(movie, *size))
    )
    for end in (button.click, lambda: viewer.layers.remove("cells")):
        button.click()
        assert session.work.job.title == EXTRACTING
        assert button.text() == "Stop"
        qtbot.waitUntil(lambda: session.work.status.fraction is not None, timeout=5000)
        end()
        settle(qtbot, neurons, 5000)
        assert session.neurons.traces is None
        assert button.text() == "Extract from movie"


def drop(neurons: NeuronsDock, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    neurons.dropEvent(event)


def endless(blocks: Iterator[Any]) -> Iterator[Any]:
    """The first block, over and over, slowly."""
    first = next(blocks)
    while True:
        yield first
        time.sleep(0.02)
