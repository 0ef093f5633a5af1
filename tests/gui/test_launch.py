"""The window that the command line opens, on what `calcdyn run` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import napari
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager

from napari_calcdyn.analysis.maps import contribution_maps
from napari_calcdyn.gui import launch
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.dynamics.results import CONTRIBUTION_MOVIE, EXPLAINED, RECONSTRUCTION, SOURCES
from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import open_movie
from napari_calcdyn.recording.movies.readers.pages import Decoder


@pytest.fixture
def result_folder(tmp_path: Path, movie_path: Path, movie_array: np.ndarray) -> Path:
    """A model of a few steps and its maps, as the command line writes them; the movie grows to 160 frames."""
    tifffile.imwrite(movie_path, np.concatenate([movie_array] * 4), imagej=True, metadata={"axes": "TYX"})
    movie = open_movie(movie_path)
    fit = VARAutoencoder(VARAutoencoderConfig.preset("quick", steps=20)).fit_steps(movie, device="cpu")
    while True:
        try:
            next(fit)
        except StopIteration as finished:
            model = finished.value
            break
    folder = tmp_path / "results"
    model.save(folder / "model")
    contribution_maps(model, movie).save(folder)
    return folder


def test_a_result_is_shown_without_computing_it_again(
    viewer: Any, movie_path: Path, result_folder: Path, qtbot: Any
) -> None:
    launch.add_docks(viewer)
    session = session_of(viewer)
    launch.open_results(session, movie_path, result_folder)
    qtbot.waitUntil(lambda: session.dynamics.maps is not None, timeout=20_000)
    assert session.work.job is None
    assert {layer.name for layer in viewer.layers} == {
        movie_path.name,
        EXPLAINED,
        SOURCES,
        CONTRIBUTION_MOVIE,
        RECONSTRUCTION,
    }
    written = tifffile.imread(result_folder / "contribution_explained.tif")
    assert np.array_equal(viewer.layers[EXPLAINED].data, written)


def test_maps_by_source_are_read_when_they_are_looked_at(
    viewer: Any, movie_path: Path, result_folder: Path, qtbot: Any
) -> None:
    read: list[int] = []
    read_page = Decoder.read

    def watched(self: Decoder, file: BinaryIO, page: int, out: np.ndarray) -> None:
        read.append(page)
        read_page(self, file, page, out)

    launch.add_docks(viewer)
    session = session_of(viewer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decoder, "read", watched)
        launch.open_results(session, movie_path, result_folder)
        qtbot.waitUntil(lambda: session.dynamics.maps is not None, timeout=20_000)
        assert set(read) <= {0}  # the first, for the layer's thumbnail
        layer = viewer.layers[SOURCES]
        layer.visible = True
        viewer.dims.set_point(0, 3)
        shown = layer._slice.image.raw
    assert set(read) <= {0, 3}
    written = tifffile.imread(result_folder / "contribution_sources.tif")
    np.testing.assert_array_equal(shown, written[3])


def test_maps_whose_file_is_gone_are_told_once_and_stay_clear(
    viewer: Any, movie_path: Path, result_folder: Path, qtbot: Any
) -> None:
    launch.add_docks(viewer)
    session = session_of(viewer)
    launch.open_results(session, movie_path, result_folder)
    qtbot.waitUntil(lambda: session.dynamics.maps is not None, timeout=20_000)
    (result_folder / "contribution_sources.tif").unlink()
    told = len(notification_manager.records)
    layer = viewer.layers[SOURCES]
    layer.visible = True
    for source in (1, 2, 3):
        viewer.dims.set_point(0, source)
        assert np.isnan(layer._slice.image.raw).all()
    (notice,) = notification_manager.records[told:]
    assert notice.severity == "warning"
    assert "contribution_sources.tif could not be read" in notice.message
    assert notice.message.endswith("compute the maps again.")


def test_a_result_folder_without_maps_is_said_in_one_sentence(
    viewer: Any, movie_path: Path, result_folder: Path, qtbot: Any
) -> None:
    (result_folder / "contribution_sources.tif").unlink()
    launch.add_docks(viewer)
    session = session_of(viewer)
    launch.open_results(session, movie_path, result_folder)
    qtbot.waitUntil(lambda: session.work.notice is not None, timeout=20_000)
    assert session.work.notice is not None
    assert session.work.notice.is_error
    assert "run `calcdyn run` again" in session.work.notice.text


def test_show_opens_the_window_and_returns_when_it_is_closed(
    viewer: Any, movie_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(viewer)

    def run() -> None:
        qtbot.waitUntil(lambda: session.recording.movie is not None, timeout=10_000)

    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    monkeypatch.setattr(napari, "run", run)
    launch.show(movie_path)
    assert set(viewer.window.dock_widgets) == {
        panel_name("recording"),
        panel_name("dynamics"),
        panel_name("neurons"),
        panel_name("inspector"),
        panel_name("compare"),
    }
    assert session.work.job is None


def test_a_dock_that_was_put_away_comes_back_in_front_of_the_others(add_dock: Any, qtbot: Any) -> None:
    recording, neurons = add_dock(RecordingDock, "Recording"), add_dock(NeuronsDock, "Neurons")
    for dock in (neurons, recording):
        dock.parentWidget().hide()
        dock.parentWidget().show()
        qtbot.wait(100)
        assert not dock.visibleRegion().isEmpty()
    assert neurons.visibleRegion().isEmpty()


def test_a_dock_that_lies_behind_follows_the_time_once_it_is_in_front(
    viewer: Any, movie_path: Path, qtbot: Any
) -> None:
    docks = launch.add_docks(viewer)
    launch.open_results(docks.recording.session, movie_path, None)
    qtbot.waitUntil(lambda: docks.recording.session.recording.movie is not None, timeout=20_000)
    docks.dynamics.parentWidget().raise_()
    qtbot.wait(50)
    cursor = docks.compare.inputs.plot.cursor_line
    before = cursor.value()
    viewer.dims.set_current_step(0, 17)
    assert cursor.value() == before  # each change would have the window painted
    docks.compare.parentWidget().raise_()
    qtbot.waitUntil(lambda: cursor.value() == pytest.approx(1.7), timeout=2000)
    viewer.dims.set_current_step(0, 23)
    assert cursor.value() == pytest.approx(2.3)
