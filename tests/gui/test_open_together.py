"""*Open several as one …*: recordings of one field of view become one movie with gaps."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog
from test_sessions import reopen, save, shows, wait
from window_state import window_state

from napari_calcdyn.cli import main
from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.compare.time_ranges import A, B
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.recording.source import source_of
from napari_calcdyn.gui.recording.together import open_together
from napari_calcdyn.gui.saved.opening import open_session
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.jobs.scripts.dynamics import check_script, run_script
from napari_calcdyn.jobs.scripts.pieces import FOUND, Model
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import InputError
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


def test_they_are_there_again_in_a_session_and_are_not_checked_anew(
    make_napari_viewer: Any,
    viewer: Any,
    paths: list[str],
    qtbot: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = session_of(viewer)
    assert open_together(session, [Path(it) for it in paths])
    wait(qtbot, session)
    session.recording.movie.frame_rate = 12.5
    before, movie = window_state(viewer), session.recording.movie
    save(qtbot, session, tmp_path / "both")

    def not_checked(*_: object, **__: object) -> None:
        raise AssertionError("checked anew")

    monkeypatch.setattr("napari_calcdyn.gui.recording.together.correct_movies", not_checked)
    again = reopen(qtbot, make_napari_viewer, tmp_path / "both.calcdyn")
    shows(qtbot, again, before)
    found = session_of(again).recording.movie
    assert found.parts == movie.parts
    assert found.frame_rate == 12.5
    assert np.array_equal(found.frames(90, 120), movie.frames(90, 120), equal_nan=True)
    assert source_of(session_of(again)) == source_of(session)
    save(qtbot, session_of(again), tmp_path / "again")
    # A recording that has changed meanwhile is another one.
    tifffile.imwrite(paths[0], tifffile.imread(paths[0])[::-1], photometric="minisblack")
    assert open_session(session_of(again), tmp_path / "both.calcdyn")
    wait(qtbot, session_of(again))
    assert "trial10.tif is another recording" in session_of(again).work.notice.text


def test_what_is_copied_opens_them_as_one(
    viewer: Any, paths: list[str], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(viewer)
    assert open_together(session, [Path(it) for it in paths])
    wait(qtbot, session)
    script = run_script(source_of(session), Model(VARAutoencoderConfig(steps=10)), FOUND, "cpu")
    assert "--together" in script.command
    name, *arguments = shlex.split(script.command)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [name, *arguments])
    with pytest.raises(SystemExit, match="0"):
        main()
    shutil.move("results", "of the command")
    exec(script.python, {})
    for file in ("latents.npy", "traces.npy"):
        one, other = (np.load(tmp_path / it / file) for it in ("results", "of the command"))
        assert np.array_equal(one, other, equal_nan=True)
    # Results of several recordings open as a session, too.
    assert open_session(session, tmp_path / "of the command")
    wait(qtbot, session)
    assert len(session.recording.movie.parts) == 2
    assert session.dynamics.model is not None
    with pytest.raises(InputError, match="checked one by one"):
        check_script(source_of(session))
