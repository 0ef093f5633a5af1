"""ROIs in the Neurons dock: drawn in layers of any place, opened, renewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuron_driving import choose_rois, extract, is_one_sentence, open_path, write_suite2p

from napari_calcdyn.gui.neurons_dock import NeuronsDock
from napari_calcdyn.gui.roi_layers import ROIS

PLACE = {"scale": (0.5, 0.5), "translate": (30, 40)}  # that of the movie


def test_labels_become_rois_with_their_numbers_in_the_place_of_the_movie(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", **PLACE)
    choose_rois(qtbot, neurons, "drawn")
    rois = neurons.session.rois
    assert rois is not None
    assert rois.ids.tolist() == np.unique(cells)[1:].tolist()
    layer = viewer.layers[ROIS]
    assert np.array_equal(layer.data > 0, cells > 0)
    np.testing.assert_allclose(layer.scale, PLACE["scale"])
    np.testing.assert_allclose(layer.translate, PLACE["translate"])
    assert layer.features["roi_id"].tolist() == ["", *map(str, rois.ids)]
    assert not viewer.layers["drawn"].visible
    assert "24 ROIs" in neurons.inputs.roi_facts.text()


def test_labels_drawn_on_single_frames_count_for_all(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    stack = np.zeros((5, *cells.shape), np.uint8)
    stack[1] = np.where(cells < 20, cells, 0)
    stack[4] = np.where(cells < 20, 0, cells)
    viewer.add_labels(stack, name="drawn", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    choose_rois(qtbot, neurons, "drawn")
    assert np.array_equal(viewer.layers[ROIS].data > 0, cells > 0)


def test_labels_on_a_finer_and_shifted_grid_land_on_the_movie(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    fine = np.repeat(np.repeat(cells, 2, axis=0), 2, axis=1)
    viewer.add_labels(fine[4:], name="fine", scale=(0.25, 0.25), translate=(30 - 0.125 + 1.0, 40 - 0.125))
    choose_rois(qtbot, neurons, "fine")
    assert np.array_equal(viewer.layers[ROIS].data > 0, cells > 0)


@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize("ndim", [2, 3])
def test_shapes_of_every_closed_kind_become_rois(
    viewer: Any, neurons: NeuronsDock, rotate: float, ndim: int, qtbot: Any
) -> None:
    """On a layer of another scale than the movie's, turned or not, drawn over one frame or over all."""
    turn = rotate if ndim == 2 else (0, 0, rotate)
    layer = viewer.add_shapes(name="drawn", ndim=ndim, scale=(1, 2, 2)[-ndim:], rotate=turn)
    for corners, kind in (
        ([(1.5, 2.5), (1.5, 8.5), (6.5, 8.5), (6.5, 2.5)], "rectangle"),
        ([(9.6, 9.6), (9.6, 19.6), (19.6, 9.6)], "polygon"),
        ([(19.5, 24.5), (19.5, 34.5), (29.5, 34.5), (29.5, 24.5)], "ellipse"),
        ([(0, 0), (20, 20)], "line"),
    ):
        world = [(7, 30 + 0.5 * y, 40 + 0.5 * x)[-ndim:] for y, x in corners]
        layer.add([layer.world_to_data(point) for point in world], shape_type=kind)
    choose_rois(qtbot, neurons, "drawn")
    rois = neurons.session.rois
    assert rois is not None, neurons.session.notice
    assert rois.ids.tolist() == [1, 2, 3]
    y, x = np.mgrid[:32, :40]
    assert np.array_equal(rois.labels == 1, (y >= 2) & (y <= 6) & (x >= 3) & (x <= 8))
    assert np.array_equal(rois.labels == 2, (y >= 10) & (x >= 10) & (x + y < 29.2))
    disc = (y - 24.5) ** 2 + (x - 29.5) ** 2 < 25
    assert np.count_nonzero((rois.labels == 3) != disc) <= 4


def test_what_cannot_be_rois_is_refused_in_one_sentence(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    viewer.add_labels(np.zeros((32, 40), int), name="empty", **PLACE)
    viewer.add_labels(cells, name="elsewhere", scale=(0.5, 0.5), translate=(-10, 40))
    viewer.add_shapes([[(90, 90), (90, 95), (95, 95)]], shape_type="polygon", name="outside")
    viewer.add_shapes([[(31, 41), (33, 43)]], shape_type="line", name="a line")
    viewer.add_shapes(name="nothing")
    wrong = write_suite2p(tmp_path, np.pad(cells, 4), np.ones((24, 120), np.float32))
    for name, words in (
        ("empty", "no ROIs in empty"),
        ("elsewhere", "of elsewhere covers no pixel of the movie"),
        ("outside", "ROI 1 of outside lies outside the image"),
        ("a line", "no ROIs in a line"),
        ("nothing", "no ROIs in nothing"),
    ):
        choose_rois(qtbot, neurons, name)
        is_one_sentence(neurons, words)
    open_path(qtbot, neurons, wrong)
    is_one_sentence(neurons, "40 × 48", "32 × 40")
    (wrong / "stat.npy").unlink()
    open_path(qtbot, neurons, wrong)
    is_one_sentence(neurons, "no stat.npy")
    open_path(qtbot, neurons, tmp_path / "nowhere.zip")
    is_one_sentence(neurons, "nowhere.zip")
    assert neurons.session.rois is None
    viewer.layers.remove("cells")
    choose_rois(qtbot, neurons, "outside")
    is_one_sentence(neurons, "open the movie that they belong to first")


def test_rois_that_come_before_their_movie_are_put_on_it(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, cell_movie: np.ndarray, qtbot: Any
) -> None:
    viewer.layers.clear()
    viewer.add_labels(cells, name="drawn")
    choose_rois(qtbot, neurons, "drawn")
    np.testing.assert_allclose(viewer.layers[ROIS].scale, (1, 1))
    viewer.add_image(cell_movie, name="cells", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    np.testing.assert_allclose(viewer.layers[ROIS].scale, PLACE["scale"])
    np.testing.assert_allclose(viewer.layers[ROIS].translate, PLACE["translate"])
    viewer.layers.remove("cells")
    viewer.add_image(cell_movie[:, :20], name="cut")
    is_one_sentence(neurons, "32 × 40", "20 × 40")


def test_the_layer_survives_renaming_and_is_made_again_after_deleting(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", **PLACE)
    choose_rois(qtbot, neurons, "drawn")
    viewer.layers[ROIS].name = "my cells"
    fewer = np.where(cells < 20, cells, 0)
    viewer.layers["drawn"].data = fewer
    choose_rois(qtbot, neurons, "drawn")
    assert ROIS not in viewer.layers
    assert np.array_equal(viewer.layers["my cells"].data > 0, fewer > 0)
    viewer.layers.remove("my cells")
    assert neurons.session.rois is not None  # traces can still be extracted
    extract(qtbot, neurons)
    assert neurons.session.traces is not None
    choose_rois(qtbot, neurons, "drawn")
    assert np.array_equal(viewer.layers[ROIS].data > 0, fewer > 0)


def test_layers_of_results_are_not_offered(
    viewer: Any, neurons: NeuronsDock, cells: np.ndarray, qtbot: Any
) -> None:
    viewer.add_labels(cells, name="drawn", **PLACE)
    choose_rois(qtbot, neurons, "drawn")
    choice = neurons.inputs.choice
    assert [choice.itemText(index) for index in range(choice.count())] == ["drawn"]
    viewer.layers["drawn"].name = "hand drawn"
    assert choice.itemText(0) == "hand drawn"
    viewer.layers.remove("hand drawn")
    assert not choice.isEnabled()
