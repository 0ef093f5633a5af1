"""What is only in a session is still there after another recording, another session, or a saving at the wrong time."""

from __future__ import annotations

import json
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget
from test_sessions import save, wait

from napari_calcdyn.gui.compare import kept as compare_kept
from napari_calcdyn.gui.dynamics import kept as dynamics_kept
from napari_calcdyn.gui.recording import kept
from napari_calcdyn.gui.recording.finding_out import find_out
from napari_calcdyn.gui.recording.opened import OPENED, Choice
from napari_calcdyn.gui.recording.recordings import image_layers, open_recording, take, use_layer
from napari_calcdyn.gui.recording.source import source_of
from napari_calcdyn.gui.saved import layers, saving
from napari_calcdyn.gui.saved.menu import ask_name
from napari_calcdyn.gui.saved.opening import open_session
from napari_calcdyn.gui.saved.saving import SavedSession
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.gui.session.opening import Opening
from napari_calcdyn.jobs.saved.contents import Saved
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.recording.movies import join


@pytest.fixture
def session(viewer: Any, movie_array: np.ndarray) -> Any:
    """With a recording that is in no file."""
    session = session_of(viewer)
    use_layer(session, viewer.add_image(movie_array, name="blinking"))
    return session


def content(folder: Path) -> dict[str, Any]:
    rooms: dict[str, Any] = json.loads((folder / "session.json").read_text())["rooms"]
    return rooms


def test_frames_in_no_file_outlive_the_opening_of_another_recording(
    session: Any, movie_array: np.ndarray, movie_path: Path, tmp_path: Path, qtbot: Any
) -> None:
    folder = tmp_path / "some.calcdyn"
    save(qtbot, session, folder)
    session.viewer.layers.clear()
    session.part(SavedSession)._soon.start()  # as after a job
    wait(qtbot, session)
    frames = folder / "recording-movie-1" / "movie.npy"
    assert np.array_equal(np.load(frames), movie_array)
    assert open_session(session, folder)  # it is read from the session from now on
    wait(qtbot, session)
    open_recording(session, movie_path)
    wait(qtbot, session)
    session.part(SavedSession)._soon.start()
    wait(qtbot, session)
    assert content(folder)["recording"]["parts"] == {"otheraa": "recording-movie-1"}
    assert open_session(session, folder)
    wait(qtbot, session)
    assert session.recording.source.name == "blinking.tif"
    shown = {it.name: np.asarray(it.data) for it in image_layers(session)}
    assert sorted(shown) == ["blinking", "blinking.tif"]
    assert np.array_equal(shown["blinking"], movie_array)


def test_a_dialog_that_is_cancelled_saves_nothing(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    ask_name(session, session.viewer.window._qt_window)
    assert session.part(SavedSession).folder is None
    assert not session.part(SavedSession).saving


def test_savings_follow_one_another(
    session: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, go_on = session.part(SavedSession), threading.Event()
    write = kept._write_frames
    monkeypatch.setattr(kept, "_write_frames", lambda *them: (go_on.wait(20), write(*them)))
    saved.save_as(tmp_path / "first")
    saved.save_as(tmp_path / "second")
    assert not open_session(session, tmp_path / "first.calcdyn")
    assert "being saved" in session.work.notice.text
    go_on.set()
    wait(qtbot, session)
    assert saved.folder == tmp_path / "second.calcdyn"
    for name in ("first", "second"):
        assert (tmp_path / f"{name}.calcdyn" / "recording-movie-1" / "movie.npy").is_file()
    # The window closes while it is being saved.
    go_on.clear()
    saved.save_as(tmp_path / "third")
    saved.save_as(tmp_path / "fourth")
    threading.Timer(0.3, go_on.set).start()
    session.close()
    for name in ("third", "fourth"):
        assert (tmp_path / f"{name}.calcdyn" / "session.json").is_file()


def test_another_session_is_replaced_only_after_a_question(
    session: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day1.calcdyn").mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "day1"), ""))
    parent, asked = QWidget(), []
    qtbot.addWidget(parent)
    for answer in (QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Save):
        monkeypatch.setattr(
            QMessageBox, "question", lambda *them, answer=answer: asked.append(them[2]) or answer
        )
        assert not list((tmp_path / "day1.calcdyn").iterdir())
        ask_name(session, parent)
        wait(qtbot, session)
    assert asked == ["day1.calcdyn is there already. Save this session in its place?"] * 2
    assert (tmp_path / "day1.calcdyn" / "session.json").is_file()
    ask_name(session, parent)  # its own place
    wait(qtbot, session)
    assert len(asked) == 2


def test_a_layer_that_could_not_be_shown_stays_on_disk(
    session: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, viewer = tmp_path / "some.calcdyn", session.viewer
    for number in (1, 2):
        viewer.add_points(np.full((1, 2), number), name=f"mine {number}")
    save(qtbot, session, folder)
    before, add = content(folder)["layers"], layers.add_layer
    places = [folder / it for it in before["parts"].values()]

    def without_the_first(viewer: Any, kind: str, arrays: Any, values: Any, metadata: Any) -> Any:
        if kind == "points" and arrays["data"][0, 0] == 1:
            raise ValueError
        return add(viewer, kind, arrays, values, metadata)

    monkeypatch.setattr(layers, "add_layer", without_the_first)
    assert open_session(session, folder)
    wait(qtbot, session)
    assert "mine 1. Save" in session.work.notice.text
    session.part(SavedSession)._soon.start()  # as after a job
    wait(qtbot, session)
    assert content(folder)["layers"] == before
    assert all(it.is_dir() for it in places)
    session.part(SavedSession).save()
    wait(qtbot, session)
    monkeypatch.setattr(layers, "add_layer", add)
    assert open_session(session, folder)
    wait(qtbot, session)
    assert [it.name for it in viewer.layers] == ["blinking", "mine 2"]
    assert viewer.layers["mine 2"].data.tolist() == [[2, 2]]


def test_what_cannot_be_saved_now_is_refused_in_a_sentence(
    session: Any, movie_array: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie = join([Movie.from_array(it, name=str(it.shape)) for it in (movie_array, movie_array[:20])])
    take(session, movie, session.viewer.layers[0])
    session.part(SavedSession).save_as(tmp_path / "joined")
    assert "not all in files of their own" in session.work.notice.text
    assert not (tmp_path / "joined.calcdyn").exists()
    with pytest.raises(InputError, match="in no file"):
        source_of(session)
    monkeypatch.setattr(type(session.work), "doing", property(lambda _: saving.OPENING))
    session.part(SavedSession).save_as(tmp_path / "joined")
    assert "being opened" in session.work.notice.text
    assert not session.part(SavedSession).saving


def test_two_recordings_of_one_name_are_told_apart_by_their_layers(session: Any, movie_path: Path) -> None:
    movies = []
    for _ in range(2):
        movies.append(found := find_out(movie_path, Choice()))
        session.viewer.add_image(found.movie.data, name=found.movie.name, metadata={OPENED: found})
    session.recording.take(movies[0].movie)
    session.answers.comparison = SimpleNamespace(
        movies=[weakref.ref(it.movie) for it in movies], words="", block="auto", model=lambda: 0, rois=None
    )
    values = compare_kept.keep(session, movie_path.parent).values
    assert values["movies"] == ["blinking.tif", "blinking.tif"]
    assert values["layers"] == ["blinking.tif", "blinking.tif [1]"]


def test_a_model_of_another_frame_size_is_kept_and_opens_without_maps(
    monkeypatch: pytest.MonkeyPatch, movie_array: np.ndarray, tmp_path: Path
) -> None:
    session = Session(lambda: None)
    movie = Movie.from_array(movie_array)
    session.recording.take(movie)
    model = SimpleNamespace(frame_shape=(9, 9), var=object(), check=None)  # which would be an error to call
    session.dynamics.model, session.dynamics.chosen = model, object()
    found = dynamics_kept.keep(session, tmp_path)
    assert list(found.parts) == ["model"]
    session.dynamics.model = None
    monkeypatch.setattr(VARAutoencoder, "load", lambda folder: model)
    monkeypatch.setattr(dynamics_kept, "ready", lambda var: var)
    opening = Opening(tmp_path, lambda *_: None, movie=movie)
    dynamics_kept.bring_back(session, Saved(dict(found.values), {"model": tmp_path}), opening)()
    assert session.dynamics.model is model
    assert session.work.job is session.work.notice is None
