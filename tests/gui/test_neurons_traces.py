"""Traces in the Neurons dock: extracted from the movie, or opened with or without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuron_driving import choose_rois, extract, is_one_sentence, open_path, settle, write_suite2p
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_calcdyn.gui.neuron_inputs import EXTRACTING, read_columns
from napari_calcdyn.gui.neurons_dock import TRACES_NAME, NeuronsDock
from napari_calcdyn.gui.roi_layers import ROIS
from napari_calcdyn.recording import extract_traces
from napari_calcdyn.recording.baseline import Baseline, delta_f_over_f


def random_traces(number: int = 24, samples: int = 120) -> np.ndarray:
    return np.random.default_rng(1).gamma(9, 10, (number, samples)).astype(np.float32)


def test_traces_are_extracted_as_a_script_would_and_shown_below(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    assert TRACES_NAME not in viewer.window.dock_widgets
    extract(qtbot, neurons)
    session, page = neurons.session, neurons.inputs
    assert session.traces is not None
    assert session.movie is not None
    expected = extract_traces(session.movie, session.rois, neuropil=0.7)
    assert np.array_equal(session.traces.values, expected.values)
    assert "24 traces of 120 samples" in page.trace_facts.text().replace("</b>", "")
    assert TRACES_NAME in viewer.window.dock_widgets
    page.neuropil.setChecked(False)
    extract(qtbot, neurons)
    expected = extract_traces(session.movie, session.rois)
    assert np.array_equal(session.traces.values, expected.values)


def test_the_baseline_takes_effect_at_once(neurons: NeuronsDock, tmp_path: Path, qtbot: Any) -> None:
    np.save(tmp_path / "traces.npy", random_traces())
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    session, page = neurons.session, neurons.inputs
    fluorescence = session.fluorescence
    assert fluorescence is not None
    assert session.traces is fluorescence
    page.relative.setChecked(True)
    settle(qtbot, neurons)
    is_one_sentence(neurons, "no frame rate")
    page.frame_rate.setValue(10.0)
    settle(qtbot, neurons)
    assert session.traces.unit == "ΔF/F"
    page.baseline.editors["method"].set("percentile")
    settle(qtbot, neurons)
    expected = delta_f_over_f(fluorescence, Baseline(method="percentile"))
    assert np.array_equal(session.traces.values, expected.values)
    assert not page.baseline.editors["window_s"].widget.isEnabled()
    page.relative.setChecked(False)
    settle(qtbot, neurons)
    assert np.array_equal(session.traces.values, fluorescence.values)
    assert session.traces.frame_rate == 10.0


def test_a_suite2p_folder_gives_rois_and_traces_without_a_movie(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    viewer.layers.clear()
    recorded = random_traces()
    plane = write_suite2p(tmp_path, cells, recorded)
    drop(neurons, plane.parent.parent)
    settle(qtbot, neurons)
    session, page = neurons.session, neurons.inputs
    assert session.rois is not None
    assert session.traces is not None
    assert np.array_equal(session.traces.ids, session.rois.ids)
    np.testing.assert_allclose(session.traces.values, recorded - 7, rtol=1e-5)
    assert page.frame_rate.value() == 12.5
    assert "(12)" in page.only_cells.text()
    page.only_cells.setChecked(True)
    settle(qtbot, neurons)
    assert session.traces.ids.tolist() == list(range(1, 24, 2))
    assert len(np.unique(viewer.layers[ROIS].data)) == 13
    page.neuropil.setChecked(False)
    page.suite2p.click()
    settle(qtbot, neurons)
    np.testing.assert_allclose(session.traces.values, recorded[1::2], rtol=1e-5)


def test_traces_of_a_file_belong_to_as_many_rois_whichever_comes_first(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    np.save(tmp_path / "traces.npy", random_traces())
    np.savetxt(tmp_path / "fewer.csv", random_traces(20), delimiter=",")
    session = neurons.session
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    assert session.traces.ids.tolist() == list(range(24))
    choose_rois(qtbot, neurons, "drawn")
    assert session.traces.ids.tolist() == session.rois.ids.tolist()
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    assert session.traces.ids.tolist() == session.rois.ids.tolist()
    open_path(qtbot, neurons, tmp_path / "fewer.csv")
    assert len(session.traces) == 20
    assert session.rois is None
    assert ROIS not in viewer.layers
    assert "20 traces and there are 24 ROIs" in neurons.message.text()


def test_other_rois_put_the_traces_of_the_former_aside(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    extract(qtbot, neurons)
    viewer.layers["drawn"].data = np.where(cells < 20, cells, 0)
    choose_rois(qtbot, neurons, "drawn")
    assert neurons.session.traces is None
    assert not neurons.model.train.isEnabled()


def test_problems_of_traces_are_told(neurons: NeuronsDock, tmp_path: Path, qtbot: Any) -> None:
    bad = random_traces()
    bad[3], bad[5] = 7.0, np.nan
    np.save(tmp_path / "traces.npy", bad)
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    text = neurons.inputs.trace_facts.text()
    assert "1 left out: constant" in text
    assert "1 left out: no valid samples" in text


def test_files_that_hold_no_traces_are_refused_in_one_sentence(
    neurons: NeuronsDock, tmp_path: Path, qtbot: Any
) -> None:
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
    assert neurons.session.traces is None


@pytest.mark.parametrize("how", ["stop", "remove"])
def test_extraction_can_be_ended(
    viewer: Any,
    neurons: NeuronsDock,
    cells: np.ndarray,
    how: str,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer.add_labels(cells, name="drawn", scale=(0.5, 0.5), translate=(30, 40))
    choose_rois(qtbot, neurons, "drawn")
    # vispy 0.17 can crash when the picture is drawn after the only layer with a time axis is gone.
    viewer.layers[ROIS].visible = False
    session = neurons.session

    whole = type(session.movie).blocks
    monkeypatch.setattr(type(session.movie), "blocks", lambda movie: endless(whole, movie))
    neurons.inputs.extract.click()
    assert session.job.title == EXTRACTING
    assert neurons.inputs.extract.text() == "Stop"
    qtbot.waitUntil(lambda: session.status.fraction is not None, timeout=5000)
    neurons.inputs.extract.click() if how == "stop" else viewer.layers.remove("cells")
    settle(qtbot, neurons, 5000)
    assert session.traces is None
    assert neurons.inputs.extract.text() == "Extract from movie"


def test_a_table_adds_columns_to_colour_by(neurons: NeuronsDock, tmp_path: Path, qtbot: Any) -> None:
    session = neurons.session
    read_columns(session, tmp_path / "table.csv")
    is_one_sentence(neurons, "no traces yet")
    np.save(tmp_path / "traces.npy", random_traces())
    open_path(qtbot, neurons, tmp_path / "traces.npy")
    (tmp_path / "table.csv").write_text("type\n" + "RS\nIB\n" * 12, encoding="utf-8")
    read_columns(session, tmp_path / "table.csv")
    settle(qtbot, neurons)
    assert session.columns["type"].tolist() == ["RS", "IB"] * 12
    (tmp_path / "table.csv").write_text("type\nRS\n", encoding="utf-8")
    read_columns(session, tmp_path / "table.csv")
    settle(qtbot, neurons)
    is_one_sentence(neurons, "1 rows for 24 neurons")


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


def endless(whole: Any, movie: Any) -> Any:
    """The movie's blocks, over and over, slowly."""
    import time

    for start, block in whole(movie):
        yield start, block
        while True:
            time.sleep(0.05)
            yield start, block
