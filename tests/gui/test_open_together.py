"""*Open several as one …*: recordings of one field of view become one movie with gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.compare.time_ranges import A, B
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.recording.ranges import GAP
from napari_calcdyn.simulate import simulate_movie

START = RecordingCheck.start


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two halves of a recording, the second one displaced."""
    movie = simulate_movie(frames=200, height=64, width=64, dynamic=4, silent=2, flicker=0, seed=1).movie
    halves = movie[:100], np.roll(movie[100:], (2, -3), (1, 2))
    files = [tmp_path / f"trial{number}.tif" for number in (2, 10)]
    for file, half in zip(files, halves, strict=True):
        tifffile.imwrite(file, half, photometric="minisblack")
    return [str(file) for file in files[::-1]]


def test_several_recordings_become_one_movie(
    viewer: Any, add_dock: Any, paths: list[str], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingCheck, "start", START)
    dock: RecordingDock = add_dock(RecordingDock, "Recording")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: (paths[:1], ""))
    dock.open_several.click()
    assert "two or more" in dock.message.text()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: (paths, ""))
    dock.open_several.click()
    qtbot.waitUntil(lambda: dock.session.recording.movie is not None, timeout=20_000)
    movie = dock.session.recording.movie
    assert [(it.name, it.frames) for it in movie.parts] == [
        ("trial2.tif", range(100)),
        ("trial10.tif", range(100 + GAP, 200 + GAP)),
    ]
    layer = viewer.layers[0]
    assert np.isnan(np.asarray(layer.data[102])).all()
    inner = movie.valid_pixels
    first, second = (movie.frames(it.frames.start, it.frames.stop)[:, inner].mean(0) for it in movie.parts)
    assert np.corrcoef(first, second)[0, 1] > 0.99
    qtbot.waitUntil(lambda: "2 recordings were checked" in dock.check.findings.text(), timeout=5_000)
    assert "motion" in dock.check.findings.text()
    assert not dock.check.again.isVisible()
    assert dock.fact["Frames"].text() == "200 in 2 recordings, of 64 × 64 px"
    compare: CompareDock = add_dock(CompareDock, "Compare")
    assert compare.inputs.edits.ranges(A, movie.n_frames) == [range(100)]
    assert compare.inputs.edits.ranges(B, movie.n_frames) == [range(100 + GAP, 200 + GAP)]
