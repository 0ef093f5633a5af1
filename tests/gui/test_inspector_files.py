"""What the Inspector copies and exports is what it shows."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from inspector_scene import FIRST, FRAMES, chain_movie, show_movie, six_cells, take, train, wait_until_ready
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication, QFileDialog, QPushButton

from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.plots.trace_plot import PREDICTED, RAW


@pytest.fixture
def dock(viewer: Any, add_dock: Callable[[type, str], Any], qtbot: Any) -> InspectorDock:
    """The second cell of six is inspected, the first is pinned."""
    found: InspectorDock = add_dock(InspectorDock, "Inspector (CalcDyn)")
    rois = six_cells()
    pixels = chain_movie(rois)
    session = show_movie(viewer, pixels)
    take(session, rois, train(pixels, steps=30))
    wait_until_ready(qtbot, found)
    session.rois.pinned = (FIRST,)
    session.rois.selected = (FIRST + 1,)
    return found


def choose(button: QPushButton, title: str) -> None:
    """Trigger an entry of a button's menu."""
    next(it for it in button.menu().actions() if it.text() == title).trigger()


def names_file(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str = "") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), kind))


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_tables_are_what_is_shown(
    dock: InspectorDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_file(monkeypatch, tmp_path / "traces")  # gets its ending
    choose(dock.export, "Traces …")
    head, *rows = read(tmp_path / "traces.csv")
    assert head[:3] == ["frame", "time_s", f"ROI {FIRST + 1} raw"]
    assert head[-1] == f"ROI {FIRST} predicted"
    assert len(rows) == FRAMES
    found = dock.inspection.current
    assert found is not None
    assert float(rows[7][2]) == pytest.approx(found.curves[RAW][7], rel=1e-5)
    assert float(rows[7][4]) == pytest.approx(found.curves[PREDICTED][7], rel=1e-5)
    assert rows[7][1] == "0.7"
    assert rows[0][4] == ""  # has no past
    assert "Written to" in dock.message.text()
    names_file(monkeypatch, tmp_path / "traces")
    choose(dock.export, "Traces …")
    assert "exists already" in dock.message.text()

    names_file(monkeypatch, tmp_path / "sources.csv")
    choose(dock.export, "Sources …")
    head, *rows = read(tmp_path / "sources.csv")
    assert [int(row[0]) for row in rows] == found.drivers.sources.tolist()
    assert sum(float(row[1]) for row in rows) == pytest.approx(1, abs=1e-3)

    dock.arrows.slider.setValue(100)
    names_file(monkeypatch, tmp_path / "arrows.csv")
    choose(dock.export, "Arrows …")
    head, *rows = read(tmp_path / "arrows.csv")
    assert head[:3] == ["source", "target", "lag_frames"]
    assert len(rows) == len(dock.arrows.edges) > 1
    assert [str(FIRST), str(FIRST + 1)] in [row[:2] for row in rows]  # it comes in
    strongest = dock.arrows.edges[0]
    ends = [str(strongest["roi"]), str(FIRST + 1)]
    assert rows[0][:2] == (ends if strongest["incoming"] else ends[::-1])
    assert float(rows[0][4]) == pytest.approx(dock.arrows.edges[0]["strength"], rel=1e-4)
    choose(dock.copy, "Arrows")
    copied = list(csv.reader(io.StringIO(QApplication.clipboard().text()), delimiter="\t"))
    assert copied == [head, *rows]


def test_the_plot_is_a_picture_in_the_clipboard_and_in_files(
    dock: InspectorDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(dock.copy, "Picture of the plot")
    image = QApplication.clipboard().image()
    assert image.width() == 3 * dock.traces.plot.viewport().width()
    colours = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert len(colours) > 5  # something is drawn
    names_file(monkeypatch, tmp_path / "plot.png")
    choose(dock.export, "Plot …")
    assert QImage(str(tmp_path / "plot.png")).size() == image.size()
    names_file(monkeypatch, tmp_path / "plot", "SVG (*.svg)")
    choose(dock.export, "Plot …")
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()
    assert root.tag.endswith("svg")
    tags = [it.tag.rsplit("}")[-1] for it in root.iter()]
    assert "image" not in tags  # lines, that stay sharp
    assert tags.count("polyline") + tags.count("path") > 6
    texts = "".join(root.itertext())
    assert f"ROI {FIRST + 1}" in texts


def test_the_graph_of_all_rois_is_written(
    dock: InspectorDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    for name in ("graph.csv", "graph.graphml"):
        names_file(monkeypatch, tmp_path / name)
        choose(dock.export, "Arrows between all ROIs …")
        qtbot.waitUntil(lambda: dock.session.work.job is None, timeout=5000)
    assert len(read(tmp_path / "graph.csv")) == 1 + 6 * 5
    graph = ElementTree.parse(tmp_path / "graph.graphml")
    assert len([it for it in graph.iter() if it.tag.endswith("node")]) == 6


def test_a_folder_that_cannot_be_written_is_said(
    dock: InspectorDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for title, name in (("Traces …", "traces.csv"), ("Plot …", "plot.png"), ("Plot …", "plot.svg")):
        names_file(monkeypatch, tmp_path / "nowhere" / name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # napari's own notification
            choose(dock.export, title)
        assert "cannot be written" in dock.message.text()
        assert dock.session.work.notice is not None
        assert dock.session.work.notice.is_error
        dock.session.work.notice = None
    assert np.isfinite(dock.traces.plot.viewRange()).all()
