"""The Inspector where it is known what drives which cell: it shows what the matrix and the files of a run show."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspector_scene import FIRST, chain_movie, show_movie, six_cells, take, train, wait_until_ready

from napari_calcdyn.analysis.influence.roi_prediction import predicted_traces
from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.inspector.arrows.layer import ARROWS, SOURCES_OF_REGION
from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.plots.trace_plot import PREDICTED
from napari_calcdyn.gui.session.cells import cells_of


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> Any:
    return train(pixels, 40)


@pytest.fixture
def dock(viewer: Any, add_dock: Any, pixels: np.ndarray, model: Any, qtbot: Any) -> InspectorDock:
    """The Inspector of the second cell, opened after it was found what drives which."""
    session = show_movie(viewer, pixels)
    take(session, six_cells(), model)
    look_between(session)
    qtbot.waitUntil(lambda: cells_of(session) is not None, timeout=30_000)
    dock: InspectorDock = add_dock(InspectorDock, "Inspector")
    session.rois.selected = (FIRST + 1,)
    settle(dock, qtbot)
    return dock


def settle(dock: InspectorDock, qtbot: Any) -> None:
    wait_until_ready(qtbot, dock)
    qtbot.waitUntil(lambda: dock.inspection.current is not None, timeout=10_000)
    qtbot.wait(20)


def listed(dock: InspectorDock) -> list[list[str]]:
    table = dock.sources.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_its_sources_are_the_connections_of_the_matrix_and_of_the_csv(
    viewer: Any, dock: InspectorDock, model: Any, tmp_path: Path, qtbot: Any
) -> None:
    cells = cells_of(dock.session)
    assert cells is not None
    assert dock.session.answers.influence is cells.influence  # nothing was estimated anew
    own, first, *_ = listed(dock)
    assert own[0] == "own past"
    strength, p_value = cells.influence.strength[1, 0], cells.influence.p_values[1, 0]
    assert first[:2] == [str(FIRST), f"{strength:+.2f}"]
    assert first[3] == f"{p_value:.2g}"
    assert [dock.sources.table.horizontalHeaderItem(it).text() for it in (1, 3)] == ["Strength", "p"]
    assert dock.sources.words.text().startswith("1 of 5 connections into it passes the test")
    cells.influence.write_csv(tmp_path / "connections.csv")
    with (tmp_path / "connections.csv").open() as file:
        written = {it["source"]: it for it in csv.DictReader(file) if it["target"] == str(FIRST + 1)}
    head, *rows = dock.sources.rows()
    assert len(rows) == len(written) == 5
    for row in rows:
        exported = dict(zip(head, map(str, row), strict=True))
        same = written[exported["source"]]
        assert exported["lag_frames"] == same["lag"]
        for name in ("strength", "p_value"):
            assert float(exported[name]) == pytest.approx(float(same[name]), rel=1e-4)
    assert dock.arrows.run.isHidden()  # they are tested
    assert dock.inspection.current is not None
    footprint = cells.fitted.rois.footprints[[1]]
    latents = model.encode(dock.session.recording.movie)
    expected = predicted_traces(model, latents, footprint, between=(cells.fitted, cells.activity))[0]
    shown = dock.inspection.current.curves[PREDICTED]
    np.testing.assert_allclose(shown, expected, rtol=1e-3)
    by_latents = predicted_traces(model, latents, footprint)[0]
    assert not np.allclose(shown, by_latents, rtol=1e-3, equal_nan=True)


def test_the_map_is_of_the_cells_and_ends_where_they_do(viewer: Any, dock: InspectorDock, qtbot: Any) -> None:
    maps = cells_of(dock.session).maps  # type: ignore[union-attr]
    shown = viewer.layers[SOURCES_OF_REGION]
    assert np.array_equal(shown.data, maps.sources.sum(sources=[1, 0]))
    outside = six_cells().labels == 0
    assert not shown.data[outside].any()  # no windows of the network
    dock.sources.table.selectRow(1)
    assert np.array_equal(shown.data, maps.sources[0])
    del viewer.layers[SOURCES_OF_REGION], viewer.layers[ARROWS]
    dock.sources.table.selectRow(0)
    assert np.array_equal(viewer.layers[SOURCES_OF_REGION].data, maps.sources[1])


def test_other_rois_or_a_pixel_lead_back_to_the_latents(viewer: Any, dock: InspectorDock, qtbot: Any) -> None:
    session = dock.session
    dock._on_clicked(None, np.array([0.0, 30 + 0.5 * 20, 40 + 0.5 * 20]))
    qtbot.wait(50)
    assert dock.sources.table.horizontalHeaderItem(1).text() == "Share"
    take(session, six_cells().select(np.array([0, 1, 3])), None)
    session.rois.selected = (FIRST,)
    settle(dock, qtbot)
    assert cells_of(session) is None
    assert dock.sources.table.horizontalHeaderItem(1).text() == "Share"
    assert session.answers.influence.p_values is None
    assert not dock.arrows.run.isHidden()
    look_between(session)
    qtbot.waitUntil(lambda: cells_of(session) is not None, timeout=30_000)
    settle(dock, qtbot)
    assert dock.sources.table.horizontalHeaderItem(1).text() == "Strength"
    assert len(listed(dock)) == 3
