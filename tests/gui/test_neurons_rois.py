"""ROIs in the Neurons dock: chosen, opened, shown over the movie, and renewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import roifile
from neuron_driving import choose_rois, extract, is_one_sentence, open_path, settle, write_suite2p

from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.neurons.roi_layers import CELLS_FOUND, ROIS
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate import simulate_movie

PLACE = {"scale": (0.5, 0.5), "translate": (30, 40)}  # that of the movie


def test_rois_of_a_layer_are_shown_over_the_movie_through_renaming_and_deleting(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    session, choice = neurons.session, neurons.inputs.choice
    assert not choice.isEnabled()
    viewer.add_labels(cells, name="drawn", **PLACE)
    choose_rois(qtbot, neurons, "drawn")
    assert session.rois.loaded is not None
    assert "24 ROIs" in neurons.inputs.roi_facts.text()
    assert not viewer.layers["drawn"].visible
    layer = viewer.layers[ROIS]
    assert np.array_equal(layer.data > 0, cells > 0)
    np.testing.assert_allclose(layer.scale, PLACE["scale"])
    np.testing.assert_allclose(layer.translate, PLACE["translate"])
    assert layer.features["roi_id"].tolist() == ["", *map(str, session.rois.loaded.ids)]
    viewer.layers.selection.active = layer
    layer.mode = "paint"
    assert str(layer.mode) == "pan_zoom"  # a brush would change what the neuropil is taken from
    assert [choice.itemText(index) for index in range(choice.count())] == ["drawn"]  # no results of ours

    layer.name = "my cells"
    viewer.layers["drawn"].name = "hand drawn"
    fewer = np.where(cells < 20, cells, 0)
    viewer.layers["hand drawn"].data = fewer
    choose_rois(qtbot, neurons, "hand drawn")
    assert ROIS not in viewer.layers
    assert np.array_equal(viewer.layers["my cells"].data > 0, fewer > 0)

    viewer.layers.remove("my cells")
    neurons.results.show_again.click()
    assert np.array_equal(viewer.layers[ROIS].data > 0, fewer > 0)
    viewer.layers.remove(ROIS)
    assert session.rois.loaded is not None  # traces can still be extracted
    extract(qtbot, neurons)
    assert session.neurons.traces is not None
    choose_rois(qtbot, neurons, "hand drawn")
    assert np.array_equal(viewer.layers[ROIS].data > 0, fewer > 0)
    assert session.neurons.traces is None  # those were of the ROIs before
    assert not neurons.model.train.isEnabled()


def test_rois_of_another_movie_are_refused_and_those_without_one_wait_for_it(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, cell_movie: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    wrong = write_suite2p(tmp_path, np.pad(cells, 4), np.ones((24, 120), np.float32))
    open_path(qtbot, neurons, wrong)
    is_one_sentence(neurons, "40 × 48", "32 × 40")
    (wrong / "stat.npy").unlink()
    open_path(qtbot, neurons, wrong)
    is_one_sentence(neurons, "no stat.npy")
    open_path(qtbot, neurons, tmp_path / "nowhere.zip")
    is_one_sentence(neurons, "nowhere.zip")
    viewer.add_labels(np.zeros_like(cells), name="empty", **PLACE)
    choose_rois(qtbot, neurons, "empty")
    is_one_sentence(neurons, "no ROIs in empty")
    assert neurons.inputs.choice.currentText() == ""  # nothing was taken
    assert neurons.session.rois.loaded is None

    corners = np.array([(4.0, 3.0), (12.0, 3.0), (12.0, 9.0)])  # x, y
    roifile.roiwrite(tmp_path / "rois.zip", [roifile.ImagejRoi.frompoints(corners + 6 * k) for k in range(3)])
    open_path(qtbot, neurons, tmp_path / "rois.zip")
    assert neurons.session.rois.loaded is not None
    assert neurons.session.rois.loaded.ids.tolist() == [1, 2, 3]

    viewer.layers.clear()
    open_path(qtbot, neurons, tmp_path / "rois.zip")
    is_one_sentence(neurons, "rois.zip", "open its movie first")
    viewer.add_labels(cells, name="drawn")
    choose_rois(qtbot, neurons, "drawn")
    np.testing.assert_allclose(viewer.layers[ROIS].scale, (1, 1))
    viewer.add_image(cell_movie, name="cells", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    np.testing.assert_allclose(viewer.layers[ROIS].scale, PLACE["scale"])
    np.testing.assert_allclose(viewer.layers[ROIS].translate, PLACE["translate"])
    qtbot.waitUntil(lambda: [it.name for it in viewer.layers] == ["drawn", "cells", ROIS], timeout=1000)
    viewer.layers.clear()
    viewer.add_image(cell_movie, name="cells", scale=(1, 2, 2))
    np.testing.assert_allclose(viewer.layers[ROIS].scale, (2, 2))  # they come back with their movie
    viewer.layers.clear()
    viewer.add_image(cell_movie[:, :20], name="cut")
    is_one_sentence(neurons, "32 × 40", "20 × 40")
    assert ROIS not in viewer.layers  # and not over another one


def test_cells_are_found_for_those_who_have_no_rois(viewer: Any, neurons: NeuronsDock, qtbot: Any) -> None:
    session, find, facts = neurons.session, neurons.inputs.find, neurons.inputs.roi_facts
    viewer.layers.clear()
    assert not find.isEnabled()
    truth = simulate_movie(frames=400, height=96, width=104, dynamic=6, silent=3, flicker=3, seed=3)
    viewer.add_image(truth.movie, name="movie", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    find.click()
    assert find.text() == "Stop"
    settle(qtbot, neurons)
    assert find.text() == "Find cells"
    assert facts.text() == "<b>9 cells</b> found in the movie"
    layer = viewer.layers[CELLS_FOUND]
    np.testing.assert_allclose(layer.scale, PLACE["scale"])
    np.testing.assert_allclose(layer.translate, PLACE["translate"])
    assert layer.data.max() == 9
    assert neurons.inputs.choice.count() == 0  # a result of ours

    half = np.ones((96, 104), bool)
    half[48:] = False
    movie = session.recording.movie
    assert movie is not None
    session.recording.correct(movie.corrected(Corrections(("pixels",), np.ones(400, bool), half)))
    find.click()
    settle(qtbot, neurons)
    assert [it.name for it in viewer.layers] == ["movie", CELLS_FOUND]
    assert 0 < layer.data.max() < 9
    assert not layer.data[48:].any()  # the recording is searched as it is corrected
    extract(qtbot, neurons)
    assert session.neurons.traces is not None
    assert len(session.neurons.traces) == layer.data.max()

    viewer.add_labels(truth.labels, name="drawn", **PLACE)
    choose_rois(qtbot, neurons, "drawn")
    assert layer.name == ROIS
    assert "12 ROIs" in facts.text()
    layer.name = "my cells"
    find.click()
    settle(qtbot, neurons)
    assert layer.name == "my cells"
    assert "found in the movie" in facts.text()


def test_finding_cells_can_be_stopped_and_says_that_there_are_none(
    viewer: Any, neurons: NeuronsDock, qtbot: Any
) -> None:
    find, noise = neurons.inputs.find, np.random.default_rng(0).normal(100, 9, (90, 40, 40))
    viewer.layers.clear()
    viewer.add_image(noise.astype(np.float32), name="noise")
    find.click()
    find.click()
    settle(qtbot, neurons)
    assert neurons.message.text() == "Finding cells was stopped."
    find.click()
    settle(qtbot, neurons)
    is_one_sentence(neurons, "No cells were found in the movie, so there are no ROIs")
    assert neurons.session.rois.loaded is None
    assert len(viewer.layers) == 1
