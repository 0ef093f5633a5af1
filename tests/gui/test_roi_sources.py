"""From layers of any place, scale and rotation to ROIs on the pixels of a movie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_calcdyn.gui.neurons.roi_sources import rois_from_layer
from napari_calcdyn.recording.errors import InputError

SHAPE = (32, 40)
PLACE: dict[str, Any] = {"scale": (0.5, 0.5), "translate": (30, 40)}


@pytest.fixture(scope="module")
def movie() -> Image:
    """A movie's layer; its pixels are half a world unit wide."""
    return Image(np.zeros((6, *SHAPE)), scale=(1, 0.5, 0.5), translate=(0, 30, 40))


def test_labels_keep_their_numbers(movie: Image, cells: np.ndarray) -> None:
    rois = rois_from_layer(Labels(cells, **PLACE), movie, SHAPE)
    assert rois.ids.tolist() == np.unique(cells)[1:].tolist()
    assert np.array_equal(rois.labels > 0, cells > 0)


def test_labels_need_no_movie(cells: np.ndarray) -> None:
    assert rois_from_layer(Labels(cells, scale=(3, 3)), None, None).frame_shape == SHAPE


def test_labels_drawn_on_single_frames_count_for_all(movie: Image, cells: np.ndarray) -> None:
    stack = np.zeros((6, *SHAPE), np.uint8)
    stack[1] = np.where(cells < 20, cells, 0)
    stack[4] = np.where(cells < 20, 0, cells)
    seen: list[tuple[int, int]] = []
    layer = Labels(stack, scale=movie.scale, translate=movie.translate)
    rois = rois_from_layer(layer, movie, SHAPE, lambda *at: seen.append(at))
    assert rois.ids.tolist() == np.unique(cells)[1:].tolist()
    assert np.array_equal(rois.labels > 0, cells > 0)
    assert seen[-1] == (6, 6)


def test_labels_on_a_finer_and_shifted_grid_land_on_the_movie(movie: Image, cells: np.ndarray) -> None:
    fine = np.repeat(np.repeat(cells, 2, axis=0), 2, axis=1)[4:]
    layer = Labels(fine, scale=(0.25, 0.25), translate=(30 - 0.125 + 1.0, 40 - 0.125))
    assert np.array_equal(rois_from_layer(layer, movie, SHAPE).labels > 0, cells > 0)


@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize("ndim", [2, 3])
def test_shapes_of_every_closed_kind_become_rois(movie: Image, rotate: float, ndim: int) -> None:
    """On a layer of another scale than the movie's, turned or not, drawn over one frame or over all."""
    turn = rotate if ndim == 2 else (0, 0, rotate)
    layer = Shapes(ndim=ndim, scale=(1, 2, 2)[-ndim:], rotate=turn)
    for corners, kind in (
        ([(1.5, 2.5), (1.5, 8.5), (6.5, 8.5), (6.5, 2.5)], "rectangle"),
        ([(9.6, 9.6), (9.6, 19.6), (19.6, 9.6)], "polygon"),
        ([(19.5, 24.5), (19.5, 34.5), (29.5, 34.5), (29.5, 24.5)], "ellipse"),
        ([(0, 0), (20, 20)], "line"),
    ):
        world = [(5, 30 + 0.5 * y, 40 + 0.5 * x)[-ndim:] for y, x in corners]
        layer.add([layer.world_to_data(point) for point in world], shape_type=kind)
    rois = rois_from_layer(layer, movie, SHAPE)
    assert rois.ids.tolist() == [1, 2, 3]
    y, x = np.mgrid[:32, :40]
    assert np.array_equal(rois.labels == 1, (y >= 2) & (y <= 6) & (x >= 3) & (x <= 8))
    assert np.array_equal(rois.labels == 2, (y >= 10) & (x >= 10) & (x + y < 29.2))
    disc = (y - 24.5) ** 2 + (x - 29.5) ** 2 < 25
    assert np.count_nonzero((rois.labels == 3) != disc) <= 4


def test_what_cannot_be_rois_is_refused_in_one_sentence(movie: Image, cells: np.ndarray) -> None:
    outside = [(90, 90), (90, 95), (95, 95)]
    for layer, words in (
        (Labels(np.zeros(SHAPE, int), name="empty", **PLACE), "no ROIs in empty"),
        (
            Labels(cells, name="elsewhere", scale=(0.5, 0.5), translate=(-10, 40)),
            "covers no pixel of the movie",
        ),
        (Shapes([outside], shape_type="polygon", name="far"), "ROI 1 of far lies outside the image"),
        (Shapes([[(31, 41), (33, 43)]], shape_type="line", name="a line"), "no ROIs in a line"),
        (Shapes(name="nothing"), "no ROIs in nothing"),
    ):
        with pytest.raises(InputError, match=words) as error:
            rois_from_layer(layer, movie, SHAPE)
        assert str(error.value).count(". ") == 0
    with pytest.raises(InputError, match="open the movie that they belong to first"):
        rois_from_layer(Shapes([outside], shape_type="polygon"), None, None)
