"""A model that `calcdyn run` wrote is opened: what was found between cells is there without computing it again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import settle
from inspector_scene import RATE, chain_movie, show_movie, six_cells, take, train
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.dynamics.between.layers import DRIVEN, DRIVING, OWN
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.session.cautions import outdated_between
from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.jobs.maps import run
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())


@pytest.fixture(scope="module")
def folder(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run wrote that found the cells itself."""
    written = tmp_path_factory.mktemp("run") / "results"
    run(Movie.from_array(pixels, frame_rate=RATE), written, train(pixels, 40))
    return written


def load(dock: DynamicsDock, folder: Path, qtbot: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(folder))
    dock.model.load.click()
    settle(qtbot, dock)


@pytest.mark.parametrize("chosen", [".", "model"])
def test_a_run_of_this_recording_is_shown_without_reading_the_movie(
    viewer: Any,
    add_dock: Any,
    pixels: np.ndarray,
    folder: Path,
    chosen: str,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    session = show_movie(viewer, pixels)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the recording was encoded again")

    monkeypatch.setattr(VARAutoencoder, "encode", never)
    load(dock, folder / chosen, qtbot, monkeypatch)
    assert session.work.notice is None, session.work.notice
    cells = cells_of(session)
    assert cells is not None
    assert session.rois.found
    assert session.rois.loaded is cells.fitted.rois
    assert outdated_between(session) == ""
    assert session.answers.influence is cells.influence
    for name, file in ((OWN, "own"), (DRIVEN, "driven"), (DRIVING, "driving")):
        written = getattr(cells.maps, file)
        assert np.array_equal(viewer.layers[name].data, written)
    assert viewer.layers[DRIVEN].visible
    assert not viewer.layers[EXPLAINED].visible
    cells.influence.write_csv(folder / "again.csv")
    assert (folder / "again.csv").read_text() == (folder / "connections.csv").read_text()
    assert dock.between.summary.text().startswith(f"{len(cells.influence.ids)} cells; ")
    assert "Other sources take" in dock.between.summary.text()
    assert dock.between.find.text() == "Show on the movie"


def test_a_run_of_another_recording_gives_its_model_alone(
    viewer: Any,
    add_dock: Any,
    pixels: np.ndarray,
    folder: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    session = show_movie(viewer, pixels[::-1].copy())
    load(dock, folder, qtbot, monkeypatch)
    assert session.dynamics.model is not None
    assert session.dynamics.maps is not None
    assert session.dynamics.maps.own is None  # they were computed: those of the run know cells
    assert session.answers.between is None
    assert session.rois.loaded is None


def test_rois_that_are_open_stay(
    viewer: Any,
    add_dock: Any,
    pixels: np.ndarray,
    folder: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    rois = six_cells()
    session = show_movie(viewer, pixels)
    take(session, rois, None)
    load(dock, folder, qtbot, monkeypatch)
    assert session.rois.loaded is rois
    assert session.answers.between is None
    assert "other ROIs" in session.work.notice.text


def test_a_damaged_run_is_said_in_one_sentence(
    viewer: Any,
    add_dock: Any,
    pixels: np.ndarray,
    folder: Path,
    tmp_path: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dock = add_dock(DynamicsDock, "Dynamics")
    session = show_movie(viewer, pixels)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "connections.csv").write_text("source,target\n1,2\n")
    load(dock, copy, qtbot, monkeypatch)
    assert session.dynamics.model is None
    assert session.work.notice.is_error
    assert "connections.csv is damaged" in session.work.notice.text
