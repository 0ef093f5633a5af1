"""The Recording dock, driven as a user would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from napari.layers import _layer_actions
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_calcdyn.gui.opening.dialog import Looking
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.recording.recordings import MEAN_FRAME, MOVIE_MINUS_MEAN


@pytest.fixture
def recording(add_dock: Any) -> RecordingDock:
    widget: RecordingDock = add_dock(RecordingDock, "Recording")
    return widget


def settle(qtbot: Any, widget: RecordingDock) -> None:
    qtbot.waitUntil(lambda: widget.session.work.job is None, timeout=10_000)


def open_and_settle(qtbot: Any, widget: RecordingDock, *paths: Path) -> None:
    widget.open(list(paths))
    settle(qtbot, widget)


def asked(widget: RecordingDock) -> Any:
    """Return the dialog that asks about a file."""
    dialog = widget.session.part(Looking).dialog
    assert dialog is not None
    return dialog


def accept(qtbot: Any, widget: RecordingDock) -> None:
    """Open what the dialog shows, once it can be opened."""
    dialog = asked(widget)
    qtbot.waitUntil(lambda: dialog.now.can_open and not dialog.now.under_way, timeout=20_000)
    dialog.open_button.click()
    settle(qtbot, widget)


def test_opening_a_file_shows_it_and_what_it_is(
    viewer: Any, recording: RecordingDock, movie_path: Path, movie_array: np.ndarray, qtbot: Any
) -> None:
    assert not recording.facts.isVisible()
    assert not recording.mean.isEnabled()
    heard: list[Any] = []
    recording.session.recording.events.movie.connect(heard.append)
    open_and_settle(qtbot, recording, movie_path)
    assert [movie.path for movie in heard] == [movie_path]  # one, and not its layer's array before it
    (layer,) = viewer.layers
    assert np.array_equal(np.asarray(layer.data[7]), movie_array[7])
    assert np.allclose(layer.scale, (1, 0.5, 0.5))
    assert recording.choice.currentText() == layer.name
    assert recording.fact["Frames"].text() == "40 of 24 × 32 px"
    assert recording.fact["Numbers"].text() == "uint16"
    assert recording.fact["Pixel size"].text() == "0.5 × 0.5 µm"
    assert recording.frame_rate.value == pytest.approx(10)
    assert recording.length.text() == "4.0 s"
    assert recording.mean.isEnabled()
    # Channel and plane are only asked for where there are several.
    assert not recording.channel.visible
    assert not recording.plane.visible


def test_dropping_a_file_opens_it(recording: RecordingDock, movie_path: Path, qtbot: Any) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(movie_path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    recording.dropEvent(event)
    settle(qtbot, recording)
    assert recording.session.recording.movie is not None


def test_the_mean_frame_and_the_movie_without_it(
    viewer: Any, recording: RecordingDock, movie_path: Path, movie_array: np.ndarray, qtbot: Any
) -> None:
    open_and_settle(qtbot, recording, movie_path)
    recording.mean.click()
    assert recording.mean.text() == "Stop"
    assert recording.progress.isVisible()
    settle(qtbot, recording)
    assert recording.mean.text() == "Compute mean frame"
    assert not recording.progress.isVisible()
    mean, rest = viewer.layers[MEAN_FRAME], viewer.layers[MOVIE_MINUS_MEAN]
    expected = movie_array.mean(axis=0)
    assert np.allclose(mean.data, expected, rtol=1e-5)
    assert np.allclose(np.asarray(rest.data[11]), movie_array[11] - expected, atol=1e-2)
    assert rest.data.dtype == np.float32
    assert hasattr(rest.data, "dask")  # computed where it is looked at
    assert rest.contrast_limits[0] == -rest.contrast_limits[1]
    movie = viewer.layers[0]
    assert np.allclose(mean.scale, movie.scale[1:])
    assert np.allclose(rest.scale, movie.scale)
    assert mean.units == movie.units[1:]


def test_a_second_mean_renews_the_layers_instead_of_piling_up(
    viewer: Any, recording: RecordingDock, movie_path: Path, qtbot: Any
) -> None:
    open_and_settle(qtbot, recording, movie_path)
    for _ in range(2):
        recording.mean.click()
        settle(qtbot, recording)
    assert len(viewer.layers) == 3


def test_an_image_of_the_viewer_can_be_the_recording(
    viewer: Any, recording: RecordingDock, movie_array: np.ndarray, qtbot: Any
) -> None:
    viewer.add_image(movie_array, name="mine", scale=(1, 2, 2), translate=(0, 30, 40))
    assert recording.session.recording.movie is not None  # the only one there is
    assert recording.session.recording.movie.name == "mine"
    assert recording.length.text() == "enter the frame rate"
    recording.frame_rate.value = 20
    assert recording.session.recording.movie.frame_rate == 20
    assert recording.length.text() == "2.0 s"
    recording.mean.click()
    settle(qtbot, recording)
    assert np.allclose(viewer.layers[MEAN_FRAME].translate, (30, 40))
    viewer.add_image(movie_array[:20], name="other")
    recording.choice.setCurrentText("other")
    recording.choice.activated.emit(recording.choice.currentIndex())
    assert recording.session.recording.movie.n_frames == 20


def test_channels_of_a_stack_that_is_split_are_not_taken_unasked(
    viewer: Any, recording: RecordingDock, movie_array: np.ndarray, qtbot: Any
) -> None:
    stack = np.stack([movie_array, movie_array // 2, movie_array // 3])

    def split() -> None:
        viewer.add_image(stack, name="stack")
        viewer.layers.selection.active = viewer.layers["stack"]
        _layer_actions._split_stack(viewer.layers)  # what napari's menu calls

    split()
    assert (len(viewer.layers), recording.session.recording.movie) == (3, None)
    assert recording.message.text() == "Several movies were added at once: choose the recording above."
    recording.choice.setCurrentIndex(1)
    recording.choice.activated.emit(1)
    source = recording.session.recording.source
    assert source is not None
    assert np.array_equal(source.frames(5, 6)[0], movie_array[5] // 2)
    qtbot.wait(1)
    split()
    assert recording.session.recording.source is source
    viewer.layers.clear()
    viewer.add_image(stack, channel_axis=0)
    assert recording.session.recording.movie is None
    viewer.layers.clear()
    viewer.add_image(movie_array, name="one")
    qtbot.wait(1)
    viewer.add_image(movie_array, name="another")  # which comes later
    assert recording.session.recording.source is not None
    assert recording.session.recording.source.name == "one"


def test_a_movie_opened_from_the_file_menu_is_taken_with_its_frame_rate(
    viewer: Any, recording: RecordingDock, movie_path: Path, qtbot: Any
) -> None:
    viewer.open(movie_path, plugin="napari-calcdyn")
    assert recording.session.recording.movie is not None
    assert recording.frame_rate.value == pytest.approx(10)
    assert recording.fact["Pixel size"].text() == "0.5 × 0.5 µm"
    recording.mean.click()
    settle(qtbot, recording)
    assert MEAN_FRAME in viewer.layers


def test_a_channel_is_asked_for_where_there_are_several(
    viewer: Any, recording: RecordingDock, tmp_path: Path, movie_array: np.ndarray, qtbot: Any
) -> None:
    path = tmp_path / "two.tif"
    both = np.stack([movie_array, movie_array // 2], axis=1)
    tifffile.imwrite(path, both, imagej=True, metadata={"axes": "TCYX"})
    open_and_settle(qtbot, recording, path)
    dialog = asked(recording)
    assert (list(viewer.layers), recording.session.recording.movie) == ([], None)
    assert dialog.question.text() == "two.tif has 2 channels: choose the one that is the movie."
    dialog.channel.value = 1
    accept(qtbot, recording)
    (layer,) = viewer.layers
    assert np.array_equal(np.asarray(layer.data[5]), movie_array[5] // 2)
    assert recording.channel.visible
    assert not recording.plane.visible
    assert recording.channel.value == 1
    recording.channel.value = 0
    settle(qtbot, recording)
    assert np.array_equal(np.asarray(layer.data[5]), movie_array[5])


def test_a_data_set_is_asked_for_and_remembered_for_the_folder(
    viewer: Any, recording: RecordingDock, tmp_path: Path, movie_array: np.ndarray, qtbot: Any
) -> None:
    for name in ("a.h5", "b.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["raw"], file["later"], file["mean"] = movie_array, movie_array + 1, movie_array[0]
    open_and_settle(qtbot, recording, tmp_path / "a.h5")
    rows = recording.file
    assert (list(viewer.layers), recording.session.recording.movie) == ([], None)
    asking = asked(recording)
    assert asking.question.text() == "a.h5 holds 2 arrays that may be the movie: choose the data set."
    assert asking.file.dataset.isVisible()
    assert asking.file.dataset.currentIndex() == -1
    names = [asking.file.dataset.itemText(at) for at in range(asking.file.dataset.count())]
    assert names == ["/later (40 × 24 × 32, uint16)", "/raw (40 × 24 × 32, uint16)"]
    asking.file.dataset.setCurrentIndex(1)
    asking.file.dataset.activated.emit(1)
    accept(qtbot, recording)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(np.asarray(layer.data), movie_array)
    assert not recording.message.isVisible()
    open_and_settle(qtbot, recording, tmp_path / "b.h5")
    assert (len(viewer.layers), rows.dataset.currentText()) == (2, names[1])
    rows.dataset.setCurrentIndex(0)
    rows.dataset.activated.emit(0)
    settle(qtbot, recording)
    assert len(viewer.layers) == 2, "another data set takes the place of the one before"
    np.testing.assert_array_equal(np.asarray(viewer.layers[1].data), movie_array + 1)


def test_axes_are_noticed_shown_and_changed(
    viewer: Any, recording: RecordingDock, tmp_path: Path, movie_array: np.ndarray, qtbot: Any
) -> None:
    path, pixels = tmp_path / "last.npy", np.concatenate([movie_array, movie_array])
    np.save(path, np.ascontiguousarray(np.moveaxis(pixels, 0, 2)))
    open_and_settle(qtbot, recording, path)
    assert asked(recording).file.axes.text() == "YXT"
    assert (
        asked(recording).question.text().startswith("The frames of last.npy seem to lie along the last axis")
    )
    accept(qtbot, recording)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(np.asarray(layer.data), pixels)
    assert recording.file.axes.isVisible()
    assert not recording.file.dataset.isVisible()
    assert recording.file.axes.text() == "YXT"
    assert "24 × 32 × 80" in recording.file.axes.toolTip()

    def give(axes: str) -> None:
        recording.file.axes.setText(axes)
        recording.file.axes.editingFinished.emit()
        settle(qtbot, recording)

    give("xyt")
    assert recording.session.recording.movie.shape == (80, 32, 24)
    np.testing.assert_array_equal(np.asarray(layer.data), pixels.swapaxes(1, 2))
    give("XY")
    assert "has 3 axes (24 × 32 × 80), and XY names 2: give a letter" in recording.message.text()
    give("TYX")
    assert recording.session.recording.movie.shape == (24, 32, 80)
    # Four axes that nothing is known about are asked for before anything is shown.
    other = tmp_path / "four.h5"
    with h5py.File(other, "w") as file:
        file["a"] = np.stack([pixels] * 4, 2)
    open_and_settle(qtbot, recording, other)
    assert recording.message.text().startswith("four.h5 holds no movie")
    open_and_settle(qtbot, recording, tmp_path / "last.npy")
    assert recording.file.axes.text() == "TYX", "as it was opened last in this folder"
    give("YXT")
    tifffile.imwrite(tmp_path / "other.tif", movie_array)
    open_and_settle(qtbot, recording, tmp_path / "other.tif")
    assert recording.session.recording.movie.name == "other.tif", "of which these cannot be the axes"
    assert not recording.file.isVisible()


def test_bad_input_gives_one_sentence_in_the_dock_and_as_notification(
    recording: RecordingDock, tmp_path: Path, qtbot: Any
) -> None:
    names = ("flat", "colour", "three", "truncated", "text", "nowhere")
    flat, colour, three, truncated, text, nowhere = (tmp_path / f"{name}.tif" for name in names)
    frames = np.zeros((20, 16, 16), np.uint8)
    tifffile.imwrite(flat, frames[0])
    tifffile.imwrite(colour, np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(three, frames[:3], photometric="minisblack")
    tifffile.imwrite(truncated, frames, photometric="minisblack")
    truncated.write_bytes(truncated.read_bytes()[:3000])
    text.write_text("frames")
    for bad in (flat, colour, three, truncated, text, nowhere):
        notification_manager.records.clear()
        open_and_settle(qtbot, recording, bad)
        said = recording.message.text()
        assert recording.message.isVisible()
        assert bad.name in said
        assert said.count(". ") == 0
        assert said.endswith(".")
        assert [record.message for record in notification_manager.records] == [said]


@pytest.mark.parametrize("bad", ["constant", "nan", "inf"])
def test_a_movie_without_information_is_refused(
    viewer: Any, recording: RecordingDock, movie_array: np.ndarray, bad: str, qtbot: Any
) -> None:
    array = np.full(movie_array.shape, 7.0, np.float32)
    if bad != "constant":
        array[3, 2, 1] = float(bad)
    viewer.add_image(array, contrast_limits=(0, 10))
    recording.mean.click()
    settle(qtbot, recording)
    assert ("constant" if bad == "constant" else "frame 3") in recording.message.text()
    assert len(viewer.layers) == 1


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ((24, 32), "single 2-D image"),
        ((24, 32, 3), "colour (RGB) image"),
        ((40, 24, 32, 3), "colour (RGB) movie"),
        ((3, 24, 32), "only 3 frames"),
        ((2, 40, 24, 32), "4 axes"),
    ],
)
def test_a_layer_that_is_no_movie_is_refused_in_one_sentence(
    viewer: Any, recording: RecordingDock, movie_array: np.ndarray, shape: tuple[int, ...], what: str
) -> None:
    viewer.add_image(np.zeros(shape, np.uint8), name="other", rgb=shape[-1] == 3)
    assert recording.session.recording.movie is None
    assert not recording.message.isVisible()  # nobody asked for it
    viewer.add_image(movie_array, name="movie")
    recording.choice.setCurrentText("other")
    recording.choice.activated.emit(recording.choice.currentIndex())
    text = recording.message.text()
    assert recording.message.isVisible()
    assert text.startswith("other ")
    assert what in text
    assert text.count(". ") == 0
    assert recording.session.recording.movie is not None
    assert recording.choice.currentText() == recording.session.recording.movie.name == "movie"


def test_removing_the_movie_layer_empties_the_dock(
    viewer: Any, recording: RecordingDock, movie_path: Path, qtbot: Any
) -> None:
    open_and_settle(qtbot, recording, movie_path)
    viewer.layers.clear()
    assert recording.session.recording.movie is None
    assert not recording.facts.isVisible()
    assert not recording.mean.isEnabled()
    assert "choose or open another" in recording.message.text()


def test_removing_the_movie_layer_while_its_mean_is_computed(
    viewer: Any, recording: RecordingDock, movie_path: Path, qtbot: Any
) -> None:
    open_and_settle(qtbot, recording, movie_path)
    recording.mean.click()
    viewer.layers.clear()
    settle(qtbot, recording)
    assert list(viewer.layers) == []


def test_nothing_is_cut_off(viewer: Any, recording: RecordingDock, movie_path: Path, qtbot: Any) -> None:
    open_and_settle(qtbot, recording, movie_path)
    qtbot.wait(50)
    for label in (*recording.fact.values(), recording.length, recording.mean, recording.open_folder):
        assert label.width() >= label.minimumSizeHint().width()
        right = label.mapTo(recording, label.rect().topRight()).x()
        assert right <= recording.width()
