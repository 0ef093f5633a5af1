"""ROIs in the Neurons dock: chosen, opened, shown over the movie, and renewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import roifile
from neuron_driving import choose_rois, extract, is_one_sentence, open_path, write_suite2p

from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.neurons.roi_layers import ROIS

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
