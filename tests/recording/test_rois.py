"""ROIs: weights, outlines, labels, rings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from bad_input import refuses
from matplotlib.path import Path as Outline
from scipy import sparse
from scipy.ndimage import distance_transform_edt

from napari_calcdyn.recording import RoiSet

SQUARE = [(2, 1), (2, 4), (5, 4), (5, 1)]


def star(random: np.random.Generator, centre: tuple[float, float], corners: int = 9) -> np.ndarray:
    """A ragged outline that does not cross itself."""
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    return centre + random.uniform(2, 9, corners)[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)


def test_polygons_hold_the_pixels_whose_centres_lie_inside() -> None:
    random = np.random.default_rng(0)
    centres = np.stack(np.mgrid[:40, :50], -1).reshape(-1, 2)
    for _ in range(50):
        outline = star(random, tuple(random.uniform(5, 35, 2)))
        inside = Outline(np.vstack([outline, outline[:1]])).contains_points(centres)
        pixels = RoiSet.from_polygons([outline], (40, 50)).footprints.toarray()[0] > 0
        np.testing.assert_array_equal(pixels, inside)


def test_polygons_side_by_side_share_no_pixel_and_leave_none_out() -> None:
    corners = [0.0, 3.0, 7.5, 12.0, 20.0]
    tiles = [
        [(top, left), (top, right), (bottom, right), (bottom, left)]
        for top, bottom in pairwise(corners)
        for left, right in pairwise(corners)
    ]
    rois = RoiSet.from_polygons(tiles, (20, 20))
    assert (rois.footprints.tocsc().indptr == np.arange(401)).all()


def test_footprints_are_weighted_means() -> None:
    random = np.random.default_rng(1)
    weights = sparse.coo_array(random.random((7, 120)) * (random.random((7, 120)) < 0.3))
    rois = RoiSet(weights, np.arange(7) + 40, (10, 12))
    pixels = random.normal(size=120)
    dense = weights.toarray()
    np.testing.assert_allclose(rois.footprints @ pixels, dense @ pixels / dense.sum(1), rtol=1e-5)
    assert rois.footprints.dtype == np.float32
    y, x = np.mgrid[:10, :12]
    means = [[(row * y.ravel()).sum() / row.sum(), (row * x.ravel()).sum() / row.sum()] for row in dense]
    np.testing.assert_allclose(rois.centres, means, rtol=1e-5)


def test_given_footprints_stay_as_they_are() -> None:
    given = sparse.csr_array(np.array([[2.0, 2, 0, 0], [0, 0, 3, 1]]))
    RoiSet(given, np.arange(2), (2, 2))
    np.testing.assert_array_equal(given.toarray(), [[2, 2, 0, 0], [0, 0, 3, 1]])


def test_labels_go_in_and_come_out() -> None:
    image = np.zeros((9, 8), np.uint16)
    image[1:3, 1:4], image[5:8, 2:7] = 30, 7
    rois = RoiSet.from_labels(image)
    assert rois.ids.tolist() == [7, 30]
    np.testing.assert_array_equal(rois.labels, np.select([image == 7, image == 30], [1, 2]))
    np.testing.assert_allclose(
        rois.footprints @ np.arange(72.0), [image_mean(image == 7), image_mean(image == 30)]
    )
    np.testing.assert_allclose(rois.centres, [[6, 4], [1.5, 2]])


def image_mean(mask: np.ndarray) -> float:
    return float(np.arange(72.0).reshape(mask.shape)[mask].mean())


def test_where_rois_overlap_the_heavier_shows() -> None:
    large = [(0, 0), (0, 8), (8, 8), (8, 0)]
    rois = RoiSet.from_polygons([SQUARE, large], (10, 10))
    assert (rois.labels == 1).sum() == 9
    assert (rois.labels == 2).sum() == 64 - 9


def test_selection_keeps_ids_and_columns() -> None:
    image = np.arange(20).reshape(4, 5)
    rois = RoiSet.from_labels(image)
    rois = RoiSet(rois.footprints, rois.ids, rois.frame_shape, "test", {"size": rois.ids * 2})
    some = rois.select(rois.ids > 15)
    assert some.ids.tolist() == [16, 17, 18, 19]
    assert some.columns["size"].tolist() == [32, 34, 36, 38]
    assert some.provenance == "test"
    again = some.select([2, 0])
    assert again.ids.tolist() == [18, 16]
    np.testing.assert_array_equal(again.footprints.toarray() > 0, [image.ravel() == 18, image.ravel() == 16])
    refuses("There are no ROIs in test", rois.select, np.zeros(19, bool))
    refuses("There are no ROIs in test", rois.select, [])


def test_what_reaches_out_of_the_image_is_cut_off_and_said() -> None:
    rois = RoiSet.from_polygons(
        [SQUARE, [(-3, -3), (-3, 1.5), (1.5, 1.5), (1.5, -3)]], (10, 10), name="shapes"
    )
    assert np.diff(rois.footprints.indptr).tolist() == [9, 4]
    assert rois.provenance == "shapes (1 cut off at the image's edge)"
    edge = [(-0.5, -0.5), (-0.5, 9.5), (9.5, 9.5), (9.5, -0.5)]
    assert RoiSet.from_polygons([edge], (10, 10)).provenance == "polygons"
    assert RoiSet.from_polygons([edge], (10, 10)).footprints.nnz == 100


def test_rings_are_the_nearest_free_pixels() -> None:
    random = np.random.default_rng(2)
    shape = (60, 70)
    rois = RoiSet.from_polygons([star(random, tuple(random.uniform(10, 50, 2))) for _ in range(12)], shape)
    rings = rois.neuropil(inner=3, pixels=200)
    assert rings.ids.tolist() == rois.ids.tolist()
    occupied = rois.labels.ravel() > 0
    for roi, ring in zip(rois.footprints.toarray() > 0, rings.footprints.toarray() > 0, strict=True):
        distance = distance_transform_edt(~roi.reshape(shape)).ravel()
        allowed = ~occupied & (distance > 3)
        assert (distance[ring] > 3).all()
        assert not (ring & occupied).any()
        assert ring.sum() >= 200
        assert distance[allowed & ~ring].min() > distance[ring].max()
        assert (ring & (distance < distance[ring].max())).sum() < 200, "no larger than needed"


def test_rings_of_a_crowded_image() -> None:
    image = np.ones((20, 20), int)
    image[10:] = 2
    image[-1, -1] = 0
    rings = RoiSet.from_labels(image).neuropil(inner=0)
    assert rings.footprints.indices.tolist() == [399, 399]
    image[-1, -1] = 2
    refuses("has no neuropil, ROIs cover the whole image", RoiSet.from_labels(image).neuropil)


def test_bad_input() -> None:
    refuses("There are no ROIs in labels", RoiSet.from_labels, np.zeros((9, 9), int))
    refuses("There are no ROIs in shapes", RoiSet.from_polygons, [], (9, 9), name="shapes")
    refuses("no image of labels", RoiSet.from_labels, np.zeros((3, 9, 9), int))
    refuses("no image of labels", RoiSet.from_labels, np.zeros((9, 9)))
    refuses("no image of labels", RoiSet.from_labels, np.full((9, 9), -1))
    far = [(20, 20), (20, 25), (25, 25)]
    refuses("ROI 2 of polygons lies outside the image", RoiSet.from_polygons, [SQUARE, far], (10, 10))
    tiny = [(2.2, 2.2), (2.2, 2.6), (2.6, 2.6), (2.6, 2.2)]
    refuses("ROI 5 of polygons covers no pixel", RoiSet.from_polygons, [tiny], (10, 10), ids=[5])
    refuses("ROI 1 of polygons is no area", RoiSet.from_polygons, [[(1, 1), (5, 5)]], (10, 10))
    refuses("ROI 1 of polygons is no area", RoiSet.from_polygons, [[(1, 1), (5, np.nan), (5, 5)]], (10, 10))
    refuses("same id", RoiSet.from_polygons, [SQUARE, SQUARE], (10, 10), ids=[1, 1])
    refuses("2 ROIs but 1 ids", RoiSet.from_polygons, [SQUARE, SQUARE], (10, 10), ids=[1])
    rois = RoiSet.from_polygons([SQUARE], (10, 10))
    refuses("10 × 10 pixels but the movie has 10 × 12", rois.check_frame_shape, (10, 12))
    rois.check_frame_shape((10, 10))
    refuses("need 1 × 99", RoiSet, rois.footprints, [1], (9, 11))
    refuses("ROI 4 of ROIs covers no pixel", RoiSet, sparse.csr_array((1, 100)), [4], (10, 10))
    refuses("negative or not finite", RoiSet, -rois.footprints, [1], (10, 10))
    refuses("negative or not finite", RoiSet, rois.footprints * np.nan, [1], (10, 10))
