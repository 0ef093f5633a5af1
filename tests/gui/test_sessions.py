"""A session is saved, the window is closed, and another window shows the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import train_briefly
from inspector_scene import RATE, chain_movie, six_cells
from qtpy.QtWidgets import QFileDialog
from window_state import differences, window_state

from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.dynamics.runs import choose_sparsity
from napari_calcdyn.gui.inspector.inspection import inspection_of
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.neurons.inputs import extract, take_rois
from napari_calcdyn.gui.neurons.trace_settings import TraceSettings
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.recordings import open_recording
from napari_calcdyn.gui.saved.opening import open_session
from napari_calcdyn.gui.saved.recent import recent_sessions
from napari_calcdyn.gui.saved.saving import SavedSession
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.jobs.maps import run
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Behaviour, open_movie
from napari_calcdyn.recording.quality import check_quality

FRAMES = 200


def idle(session: Session) -> bool:
    """Whether nothing is under way, whoever began it."""
    check, saved = session.part(RecordingCheck), session.part(SavedSession)
    return (
        session.work.job is session.work.check is None
        and not saved.saving
        and check._looking is None
        and not check._waiting
        and inspection_of(session).status is None
        and session.work.latest._running is None
        and all(dock._predictions.progress is None for dock in session.panels if dock.topic == "traces")
    )


def wait(qtbot: Any, session: Session) -> None:
    for _ in range(2):
        qtbot.waitUntil(lambda: idle(session), timeout=60_000)
        qtbot.wait(60)


def save(qtbot: Any, session: Session, folder: Path) -> None:
    session.part(SavedSession).save_as(folder)
    wait(qtbot, session)
    assert session.work.notice is not None
    assert not session.work.notice.is_error, session.work.notice.text


def reopen(qtbot: Any, make: Callable[..., Any], folder: Path) -> Any:
    """Open a session in a window of its own."""
    viewer = make(show=True)
    viewer.window._qt_window.resize(1280, 800)
    session = session_of(viewer)
    assert open_session(session, folder)
    wait(qtbot, session)
    assert session.work.notice is None, session.work.notice
    return viewer


def shows(qtbot: Any, viewer: Any, before: dict[str, Any]) -> None:
    """Let a window come to show the same as another one; some plots are computed when they are seen."""
    for _ in range(10):
        found = differences(before, window_state(viewer))
        if not found:
            return
        qtbot.wait(500)
    raise AssertionError("\n".join(found))


@pytest.fixture(autouse=True)
def pictures_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawing of overviews to the tests of the jobs: it takes most of the time of a saving."""
    for module in ("saved.run", "comparison_files"):
        place = f"napari_calcdyn.jobs.{module}"
        monkeypatch.setattr(f"{place}.save_overview", lambda file, *_: file.touch())
    for report in ("saved.run.report_run", "comparison_files.report_comparison"):
        monkeypatch.setattr(
            f"napari_calcdyn.jobs.{report}", lambda folder, *_: (folder / "report.html").touch()
        )


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())[:FRAMES]


@pytest.fixture
def movie(tmp_path: Path, pixels: np.ndarray) -> Path:
    path = tmp_path / "chain.npy"
    np.save(path, pixels)
    return path


def opened(qtbot: Any, viewer: Any, path: Path) -> Session:
    session = session_of(viewer)
    open_recording(session, path)
    wait(qtbot, session)
    return session


def test_everything_is_there_again(
    make_napari_viewer: Any,
    viewer: Any,
    movie: Path,
    tmp_path: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docks = add_docks(viewer)
    session = opened(qtbot, viewer, movie)
    quality = check_quality(session.recording.raw, motion=False)
    session.part(RecordingCheck)._take(quality)
    session.part(RecordingCheck).mark_frames(range(3, 9), bad=True)
    docks.recording.frame_rate.value = RATE
    session.recording.behaviour = Behaviour(
        {
            "speed": np.linspace(0, 1, FRAMES),
            "running": np.arange(FRAMES) > 100,
            "place": np.array(["a", "b"] * (FRAMES // 2)),
        },
        "table",
    )
    take_rois(session, six_cells())
    extract(session, TraceSettings())
    wait(qtbot, session)
    docks.dynamics.model.preset.setCurrentText("quick")
    for name, value in (("latents", 24), ("order", 1)):
        docks.dynamics.model.form.editors[name].value = value
    train_briefly(qtbot, docks.dynamics)
    look_between(session)
    wait(qtbot, session)
    choose_sparsity(session, 0.7 * session.dynamics.model.var.fraction, settled=True)
    wait(qtbot, session)
    docks.dynamics.sparsity.show_fraction(session.dynamics.var.fraction)
    docks.compare.permutations.setValue(19)
    docks.compare.inputs.edits.edits["A"].setText("10:90")
    docks.compare.inputs.edits.edits["A"].textEdited.emit("10:90")
    docks.compare.parentWidget().raise_()
    docks.compare.compare.click()
    wait(qtbot, session)
    assert session.answers.comparison is not None, session.work.notice
    viewer.add_shapes([[[0, 0], [0, 5], [5, 5]]], shape_type="polygon", name="mine", edge_color="red")
    viewer.layers["mine"].visible = False
    session.rois.selected, session.rois.pinned = (12,), (13,)
    viewer.dims.current_step = (77, *viewer.dims.current_step[1:])
    wait(qtbot, session)
    before = window_state(viewer)
    save(qtbot, session, tmp_path / "tomorrow")

    folder = tmp_path / "tomorrow.calcdyn"
    content = json.loads((folder / "session.json").read_text())
    assert content["version"] == 1
    assert content["rooms"]["recording"]["values"]["movie"]["paths"] == ["../chain.npy"]
    assert recent_sessions() == [folder]
    # Movie and session are moved together, and nothing is computed again.
    (tmp_path / "elsewhere").mkdir()
    for it in (movie, folder):
        shutil.move(it, tmp_path / "elsewhere" / it.name)
    monkeypatch.setattr(VARAutoencoder, "fit_steps", None)
    again = reopen(qtbot, make_napari_viewer, tmp_path / "elsewhere" / folder.name)
    shows(qtbot, again, before)
    shown = session_of(again)
    assert np.array_equal(shown.recording.quality.valid_frames, session.recording.quality.valid_frames)
    assert shown.recording.movie.corrections.kinds == session.recording.movie.corrections.kinds
    assert shown.dynamics.model.metrics == session.dynamics.model.metrics
    assert len(shown.dynamics.history) == len(session.dynamics.history)
    assert np.array_equal(shown.neurons.traces.values, session.neurons.traces.values, equal_nan=True)
    assert list(shown.recording.behaviour.columns) == ["speed", "running", "place"]
    assert np.array_equal(
        shown.answers.comparison.comparison.null, session.answers.comparison.comparison.null
    )


def test_it_is_saved_after_every_job_and_only_what_changed(
    make_napari_viewer: Any, docks: Any, tmp_path: Path, qtbot: Any
) -> None:
    recording, dynamics = docks
    session = recording.session
    save(qtbot, session, tmp_path / "later")
    folder = tmp_path / "later.calcdyn"
    frames = folder / "recording-movie-1" / "movie.npy"  # it was in no file
    assert np.array_equal(np.load(frames), session.recording.raw.data)
    written = frames.stat().st_mtime_ns
    train_briefly(qtbot, dynamics)
    wait(qtbot, session)
    parts = json.loads((folder / "session.json").read_text())["rooms"]["dynamics"]["parts"]
    run_folder = folder / parts["run"]
    assert (run_folder / "report.html").exists()
    assert frames.stat().st_mtime_ns == written
    session.dynamics.model = session.dynamics.chosen = None
    session.part(SavedSession).save()
    wait(qtbot, session)
    assert not run_folder.exists()  # nothing names it any more
    again = reopen(qtbot, make_napari_viewer, folder)
    assert session_of(again).dynamics.model is None
    # What was opened is kept as it is when it is saved again.
    session_of(again).part(SavedSession).save()
    wait(qtbot, session_of(again))
    assert frames.stat().st_mtime_ns == written


def test_the_results_of_a_run_open_as_a_session_and_the_other_way_round(
    make_napari_viewer: Any, viewer: Any, movie: Path, tmp_path: Path, qtbot: Any
) -> None:
    config = VARAutoencoderConfig.preset("quick", steps=20, latents=24, order=1)
    rois = six_cells()
    run(
        open_movie(movie, frame_rate=RATE),
        tmp_path / "results",
        config,
        rois=rois,
        correct="none",
        device="cpu",
    )
    add_docks(viewer)
    session = session_of(viewer)
    assert open_session(session, tmp_path / "results")
    wait(qtbot, session)
    assert session.work.notice is None, session.work.notice
    assert session.recording.source.frame_rate == RATE
    found = session.answers.between.found
    save(qtbot, session, tmp_path / "kept")
    parts = json.loads((tmp_path / "kept.calcdyn" / "session.json").read_text())["rooms"]["dynamics"]["parts"]
    again = tmp_path / "kept.calcdyn" / parts["run"]
    for name in ("connections.csv", "contribution_own.tif"):
        assert (again / name).read_bytes() == (tmp_path / "results" / name).read_bytes()
    other = session_of(reopen(qtbot, make_napari_viewer, again))
    assert np.array_equal(other.answers.between.found.activity, found.activity, equal_nan=True)


def test_a_session_whose_recording_moved_asks_where_it_is(
    viewer: Any, movie: Path, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_docks(viewer)
    session = opened(qtbot, viewer, movie)
    save(qtbot, session, tmp_path / "moving")
    before = window_state(viewer)
    moved = movie.rename(tmp_path / "moved.npy")
    other = tmp_path / "other.npy"
    np.save(other, np.load(moved)[::-1])
    for chosen, sentence in ((other, "is another recording"), (moved, "")):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, chosen=chosen, **__: (str(chosen), ""))
        open_session(session, tmp_path / "moving.calcdyn")
        wait(qtbot, session)
        qtbot.waitUntil(lambda: session.work.job is None, timeout=20_000)
        notice = session.work.notice
        assert sentence in (notice.text if notice is not None else "")
        assert len(viewer.layers) == 1  # nothing was lost where it could not be opened
    assert not differences(before["layers"], window_state(viewer)["layers"])


def test_a_damaged_session_changes_nothing(viewer: Any, movie: Path, tmp_path: Path, qtbot: Any) -> None:
    add_docks(viewer)
    session = opened(qtbot, viewer, movie)
    session.recording.behaviour = Behaviour({"speed": np.zeros(FRAMES)}, "table")
    save(qtbot, session, tmp_path / "whole")
    folder = tmp_path / "whole.calcdyn"
    (folder / "behaviour-table-1" / "behaviour.npz").write_bytes(b"PK nothing")
    before = window_state(viewer)
    open_session(session, folder)
    wait(qtbot, session)
    assert session.work.notice.is_error
    assert session.work.notice.text == "behaviour.npz is damaged: copy or make it again."
    assert not differences(before, window_state(viewer))


def test_a_session_of_the_first_version_opens(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    """It was saved in the window by the first version that had sessions, and stays as it is."""
    folder = shutil.copytree(Path(__file__).parent / "session_version_1.calcdyn", tmp_path / "first.calcdyn")
    session = session_of(viewer)
    open_session(session, folder)
    wait(qtbot, session)
    assert session.work.notice is None, session.work.notice
    assert viewer.layers[0].name == "small"
    assert session.rois.selected == (2,)
    assert session.dynamics.model is not None
    assert session.recording.movie.corrections.kinds == ("frames",)
    assert [dock.topic for dock in session.panels] == ["recording", "dynamics"]
