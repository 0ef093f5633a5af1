"""The example in File → Open Sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from napari.utils.notifications import notification_manager
from npe2 import PluginManager
from qtpy.QtWidgets import QMessageBox

from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.saved import example
from napari_calcdyn.gui.saved.saving import SavedSession
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.jobs import example as job


@pytest.fixture(autouse=True)
def small_and_in_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small example, and nothing in the user's own folders."""
    small = {"frames": 200, "height": 48, "width": 48, "dynamic": 6, "silent": 1, "flicker": 1}
    monkeypatch.setattr(job, "_MOVIE", small)
    monkeypatch.setattr(job, "_PRESET", "quick")
    monkeypatch.setattr(example, "example_folder", lambda: tmp_path / "cache" / "example")
    PluginManager.instance().discover()


def choose(viewer: Any) -> None:
    viewer.open_sample("napari-calcdyn", "example")


def test_it_is_made_once_and_then_opened(viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(viewer)
    choose(viewer)
    qtbot.waitUntil(lambda: session.work.doing == example.MAKING, timeout=5000)
    assert len(viewer.layers) == 0
    panels = {it.topic: it for it in session.panels}
    qtbot.waitUntil(lambda: panels["recording"].progress.isVisible(), timeout=5000)
    qtbot.waitUntil(lambda: session.answers.between is not None and not session.work.doing, timeout=60_000)
    assert {it.severity for it in notification_manager.records} <= {"info"}
    assert session.recording.source.shape == (200, 48, 48)
    assert "simulated recording" in viewer.layers
    assert EXPLAINED in viewer.layers
    assert len(session.rois.loaded) > 0
    assert session.dynamics.model is not None
    assert session.answers.influence.p_values is not None
    assert session.part(SavedSession).folder is None  # so that nothing is saved over the example
    assert not panels["dynamics"].visibleRegion().isEmpty()

    asked: list[str] = []

    def ask(*arguments: Any) -> Any:
        asked.append(arguments[2])
        return QMessageBox.StandardButton.Open

    monkeypatch.setattr(QMessageBox, "question", ask)
    monkeypatch.setattr(job, "run", None)  # it is not made again
    model = session.dynamics.model
    choose(viewer)
    qtbot.waitUntil(
        lambda: session.dynamics.model not in (None, model) and not session.work.doing, timeout=20_000
    )
    assert len(asked) == 1
    assert EXPLAINED in viewer.layers


def test_it_can_be_stopped_and_leaves_nothing_that_looks_complete(viewer: Any, qtbot: Any) -> None:
    session = session_of(viewer)
    choose(viewer)
    qtbot.waitUntil(lambda: session.work.doing == example.MAKING, timeout=5000)
    recording = next(it for it in session.panels if it.topic == "recording")
    assert recording.mean.text() == "Stop"
    assert recording.mean.isEnabled()
    recording.mean.click()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=20_000)
    assert "was not made" in recording.message.text()
    assert recording.mean.text() == "Compute mean frame"
    assert not recording.mean.isEnabled()
    assert job.example_results(example.example_folder()) is None
    assert len(viewer.layers) == 0


def test_what_was_made_half_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, calls = tmp_path / "half", []

    def run(movie: Any, results: Path, model: Any, *, on_progress: Any) -> None:
        calls.append((movie.name, movie.shape, results.exists()))
        results.mkdir()
        (results / "mean.tif").write_bytes(b"half of it")

    monkeypatch.setattr(job, "run", run)
    job.make_example(folder)
    written = (folder / "movie.tif").stat().st_mtime_ns
    assert job.example_results(folder) is None
    job.make_example(folder)
    assert calls == 2 * [("simulated recording", (200, 48, 48), False)]  # else a run refuses to replace them
    assert (folder / "movie.tif").stat().st_mtime_ns == written
