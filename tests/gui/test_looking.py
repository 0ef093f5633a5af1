"""The dialog in which a file is looked at before it is opened."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager

from hdf5_files import Scene, caiman, image_nwb, series
from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.gui.neurons.roi_layers import ROIS, show_rois
from napari_calcdyn.gui.opening import look as looks
from napari_calcdyn.gui.opening.dialog import Looking
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.gui.session.session import Session
from napari_calcdyn.recording import Movie, RoiSet
from napari_calcdyn.recording.movies import Corrections

SCENE = Scene(36, 36)


@pytest.fixture
def docks(viewer: Any) -> Docks:
    return add_docks(viewer)


def dialog_of(viewer: Any) -> Any:
    return session_of(viewer).part(Looking).dialog


def wait_for(qtbot: Any, viewer: Any) -> Any:
    """Return the dialog, once all that it shows was read."""
    qtbot.waitUntil(lambda: dialog_of(viewer) is not None, timeout=10_000)
    dialog = dialog_of(viewer)
    qtbot.waitUntil(lambda: not dialog.now.under_way, timeout=20_000)
    return dialog


def settle(qtbot: Any, viewer: Any) -> None:
    qtbot.waitUntil(lambda: session_of(viewer).work.job is None, timeout=20_000)


def two_sets(path: Path) -> Path:
    movie = SCENE.movie.astype(np.float32)
    with h5py.File(path, "w") as file:
        file["raw"], file["turned"] = movie, 3 - movie
    return path


def test_channel_and_axes_redraw_the_picture(viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any) -> None:
    pixels = np.arange(40 * 2 * 8 * 12, dtype=np.uint16).reshape(40, 2, 8, 12) % 997
    tifffile.imwrite(tmp_path / "two.tif", pixels, imagej=True, metadata={"axes": "TCYX"})
    docks.recording.open([tmp_path / "two.tif"])
    dialog = wait_for(qtbot, viewer)
    at = np.unique(np.linspace(0, 39, 32).astype(int))
    np.testing.assert_allclose(dialog.picture.mean, pixels[at, 0].mean(0), rtol=1e-6)
    dialog.channel.value = 1
    wait_for(qtbot, viewer)
    np.testing.assert_allclose(dialog.picture.mean, pixels[at, 1].mean(0), rtol=1e-6)
    dialog.reject()
    last = np.moveaxis(pixels[:, 0], 0, 2)
    np.save(tmp_path / "last.npy", np.ascontiguousarray(last))
    docks.recording.look.setChecked(True)
    docks.recording.open([tmp_path / "last.npy"])
    dialog = wait_for(qtbot, viewer)
    dialog.file.axes.setText("xyt")
    dialog.file.axes.editingFinished.emit()
    wait_for(qtbot, viewer)
    np.testing.assert_allclose(dialog.picture.mean, pixels[at, 0].mean(0).T, rtol=1e-6)
    dialog.file.axes.setText("XY")
    dialog.file.axes.editingFinished.emit()
    wait_for(qtbot, viewer)
    assert "XY names 2: give a letter" in dialog.question.text()
    assert not dialog.open_button.isEnabled()
    assert dialog.picture.mean is None


def test_a_file_dropped_on_the_canvas_asks_the_same(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    path = two_sets(tmp_path / "day.h5")
    assert viewer.open(str(path), plugin="napari-calcdyn") == []
    dialog = wait_for(qtbot, viewer)
    assert dialog.question.text() == "day.h5 holds 2 arrays that may be the movie: choose the data set."
    assert not dialog.open_button.isEnabled()
    dialog.file.dataset.setCurrentIndex(1)
    dialog.file.dataset.activated.emit(1)
    wait_for(qtbot, viewer)
    assert dialog.picture.mean is not None
    dialog.open_button.click()
    settle(qtbot, viewer)
    (layer,) = viewer.layers
    np.testing.assert_allclose(np.asarray(layer.data[3]), 3.0 - SCENE.movie[3], rtol=1e-5)
    assert session_of(viewer).recording.source is not None
    viewer.open(str(path), plugin="napari-calcdyn")
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=10_000)  # remembered, and not asked again
    assert dialog_of(viewer) is None


def test_channels_dropped_on_the_canvas_are_asked_about_where_a_recording_is_wanted(
    viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any
) -> None:
    pixels = np.arange(40 * 2 * 8 * 12, dtype=np.uint16).reshape(40, 2, 8, 12) % 997
    path = tmp_path / "two.tif"
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "TCYX"})
    assert viewer.open(str(path), plugin="napari-calcdyn") == []
    dialog = wait_for(qtbot, viewer)
    assert dialog.question.text() == "two.tif has 2 channels: choose the one that is the movie."
    assert session_of(viewer).recording.source is None
    dialog.channel.value = 1
    wait_for(qtbot, viewer)
    dialog.open_button.click()
    settle(qtbot, viewer)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(np.asarray(layer.data[3]), pixels[3, 1])
    source = session_of(viewer).recording.source
    assert source is not None
    viewer.open(str(path), plugin="napari-calcdyn")  # beside a recording, all are shown
    assert len(viewer.layers) == 3
    assert session_of(viewer).recording.source is source


def test_channels_are_layers_where_no_panel_is_open(viewer: Any, tmp_path: Path) -> None:
    pixels = np.arange(40 * 2 * 8 * 12, dtype=np.uint16).reshape(40, 2, 8, 12) % 997
    tifffile.imwrite(tmp_path / "two.tif", pixels, imagej=True, metadata={"axes": "TCYX"})
    assert len(viewer.open(str(tmp_path / "two.tif"), plugin="napari-calcdyn")) == 2
    docks = add_docks(viewer)  # which chooses none of them
    assert dialog_of(viewer) is None
    assert session_of(viewer).recording.source is None
    docks.recording.choice.setCurrentIndex(1)
    docks.recording.choice.activated.emit(1)
    source = session_of(viewer).recording.source
    assert source is not None
    np.testing.assert_array_equal(source.frames(3, 4)[0], pixels[3, 1])


def test_cancel_leaves_everything_as_it_was(
    viewer: Any, docks: Docks, movie_path: Path, tmp_path: Path, qtbot: Any
) -> None:
    docks.recording.open([movie_path])
    settle(qtbot, viewer)
    session, layers = session_of(viewer), list(viewer.layers)
    movie = session.recording.movie
    docks.recording.open([two_sets(tmp_path / "day.h5")])
    dialog = wait_for(qtbot, viewer)
    dialog.file.dataset.setCurrentIndex(1)
    dialog.file.dataset.activated.emit(1)
    dialog.reject()  # while its picture is read
    qtbot.wait(100)
    assert (list(viewer.layers), session.recording.movie, dialog_of(viewer)) == (layers, movie, None)
    assert not docks.recording.file.isVisible()
    docks.recording.open([tmp_path / "day.h5"])
    assert wait_for(qtbot, viewer).file.dataset.currentIndex() == -1  # nothing was remembered


def test_a_slow_file_holds_nobody_up(
    viewer: Any, docks: Docks, movie_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, ended = threading.Event(), threading.Event()

    def slow(movie: Movie, progress: Any) -> Any:
        while not progress(1, 32):
            time.sleep(0.01)
        ended.set()
        return np.zeros(movie.frame_shape, np.float32)

    monkeypatch.setattr(looks, "glance", slow)
    docks.recording.look.setChecked(True)
    docks.recording.open([movie_path])
    qtbot.waitUntil(lambda: dialog_of(viewer) is not None and "1 of 32" in dialog_of(viewer).under_way.text())
    dialog = dialog_of(viewer)
    assert "40 frames of 24 × 32 px" in dialog.facts.text()
    assert dialog.open_button.isEnabled()  # whoever knows the file need not wait
    dialog.reject()
    qtbot.waitUntil(ended.is_set, timeout=2000)
    goes_on.set()


def test_exchanged_rois_are_seen_and_switched(viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any) -> None:
    viewer.add_image(SCENE.movie, name="scene")
    session, neurons = session_of(viewer), docks.neurons.inputs
    path = caiman(tmp_path / "a.hdf5", SCENE, c_order=True)
    neurons.open(path)
    settle(qtbot, viewer)
    dialog = wait_for(qtbot, viewer)
    assert session.rois.loaded is None
    assert dialog.fit.text().startswith("y and x of the ROIs were exchanged when they were saved")
    assert dialog.exchange.isChecked()
    bright = SCENE.movie.mean(0)

    def light() -> float:
        corners = [it.mean(axis=0).astype(int) for it in dialog.picture.outlines]
        return float(np.mean([bright[y, x] for y, x in corners]))

    on_cells = light()
    dialog.exchange.click()
    assert light() < on_cells
    dialog.exchange.click()
    dialog.open_button.click()
    settle(qtbot, viewer)
    assert session.rois.loaded.provenance.endswith("y and x exchanged")
    assert session.rois.exchanged
    neurons.extract.click()
    settle(qtbot, viewer)
    given = [
        np.corrcoef(*it)[0, 1] for it in zip(session.neurons.fluorescence.values, SCENE.traces, strict=True)
    ]
    assert np.median(given) > 0.8
    neurons.open(caiman(tmp_path / "b.hdf5", SCENE, c_order=True))
    settle(qtbot, viewer)
    assert dialog_of(viewer) is None  # remembered
    assert session.rois.loaded.provenance.endswith("b.hdf5, y and x exchanged")
    neurons.open(caiman(tmp_path / "c.hdf5", SCENE))
    settle(qtbot, viewer)
    assert wait_for(qtbot, viewer).exchange.isChecked() is False  # this one is not like them
    dialog_of(viewer).reject()
    assert session.rois.loaded.provenance.endswith("b.hdf5, y and x exchanged")


def test_rois_of_the_recordings_own_file_are_outlined(
    viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any
) -> None:
    path = image_nwb(tmp_path / "a.nwb", SCENE, y_first=True)
    with h5py.File(path, "r+") as file:
        series(file, "acquisition/movie", SCENE.movie.swapaxes(1, 2))
    docks.recording.look.setChecked(True)
    docks.recording.open([path])
    dialog = wait_for(qtbot, viewer)
    assert dialog.now.rois == 7
    assert dialog.exchange.isChecked()
    assert "once they are exchanged back" in dialog.fit.text()
    dialog.open_button.click()
    settle(qtbot, viewer)
    docks.neurons.inputs.open(path)
    settle(qtbot, viewer)
    assert dialog_of(viewer) is None  # seen before
    assert session_of(viewer).rois.loaded.provenance.endswith("y and x exchanged")


def test_rois_that_are_open_are_outlined_over_a_recording_of_their_size(
    viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any
) -> None:
    masks = SCENE.masks.reshape(len(SCENE.masks), -1)
    session_of(viewer).rois.loaded = RoiSet(masks, np.arange(len(masks)), (36, 36))
    docks.recording.look.setChecked(True)
    for name, frames in (("same.npy", SCENE.movie), ("smaller.npy", SCENE.movie[:, :30])):
        np.save(tmp_path / name, frames)
    docks.recording.open([tmp_path / "same.npy"])
    dialog = wait_for(qtbot, viewer)
    assert dialog.legend.text() == "Mean of a few frames and outlines of the 7 ROIs that are open"
    corners = np.array([it.mean(axis=0) for it in dialog.picture.outlines]).astype(int)
    mean = dialog.picture.mean
    assert mean[tuple(corners.T)].mean() > np.median(mean)
    assert not dialog.exchange.isVisible()
    dialog.reject()
    docks.recording.open([tmp_path / "smaller.npy"])
    dialog = wait_for(qtbot, viewer)
    assert dialog.legend.text() == "Mean of a few frames"
    assert len(dialog.picture.outlines) == 0


def test_look_at_rois_before_opening(viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any) -> None:
    viewer.add_image(SCENE.movie, name="scene")
    docks.neurons.inputs.look.setChecked(True)
    docks.neurons.inputs.open(image_nwb(tmp_path / "a.nwb", SCENE))
    dialog = wait_for(qtbot, viewer)
    assert "7 ROIs on 36 × 36 px" in dialog.facts.text()
    assert dialog.fit.text().startswith("The ROIs lie on their cells")
    assert not dialog.exchange.isChecked()
    assert dialog.picture.mean.shape == (36, 36)
    dialog.open_button.click()
    settle(qtbot, viewer)
    assert len(session_of(viewer).rois.loaded) == 7
    (tmp_path / "bad.nwb").write_text("nothing")
    docks.neurons.inputs.open(tmp_path / "bad.nwb")
    dialog = wait_for(qtbot, viewer)
    assert "bad.nwb" in dialog.question.text()
    assert not dialog.open_button.isEnabled()


def test_a_window_is_closed_while_it_asks(viewer: Any, docks: Docks, tmp_path: Path, qtbot: Any) -> None:
    docks.recording.open([two_sets(tmp_path / "day.h5")])
    wait_for(qtbot, viewer)
    session_of(viewer).close()
    assert dialog_of(viewer) is None
    assert not notification_manager.records


def test_the_deleted_layer_of_rois_stays_away(viewer: Any, docks: Docks) -> None:
    viewer.add_image(SCENE.movie, name="scene")
    session = session_of(viewer)
    masks = SCENE.masks.reshape(len(SCENE.masks), -1)
    session.rois.loaded = RoiSet(masks, np.arange(len(masks)), (36, 36))
    show_rois(session)
    raw = session.recording.raw
    versions = [raw.corrected(Corrections((), raw.valid_frames, raw.valid_pixels)) for _ in range(2)]
    session.recording.correct(versions[0])
    assert ROIS in viewer.layers
    viewer.layers.remove(ROIS)
    session.recording.correct(versions[1])
    assert ROIS not in viewer.layers
    viewer.layers.clear()
    viewer.add_image(SCENE.movie, name="another")
    assert ROIS in viewer.layers


def test_the_timer_of_the_check_ends_with_its_session(qtbot: Any) -> None:
    """A layer waits to be removed when panel and session go; Qt's event loop reports what is raised in a timer."""

    class Viewer:
        pass

    viewer = Viewer()
    session = Session(weakref.ref(viewer))  # type: ignore[arg-type]
    check = session.part(RecordingCheck)
    session.recording.take(Movie.from_array(SCENE.movie))
    session.recording.take(None)
    assert check._soon.isActive()
    del session, viewer
    gc.collect()
    with qtbot.captureExceptions() as raised:
        qtbot.waitUntil(lambda: not check._soon.isActive(), timeout=2000)
    assert raised == []
