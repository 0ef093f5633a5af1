"""The mesh of arrows, and the arrows of one ROI among those of all."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.analysis.influence.influence import Influence
from napari_calcdyn.gui.inspector.arrows.mesh import INCOMING, NOTHING, OUTGOING, OUTLINE, arrow_mesh
from napari_calcdyn.gui.inspector.arrows.roi_edges import RoiEdges


def drawn(mesh: object, value: float) -> np.ndarray:
    """The corners of a value, (n, 2)."""
    vertices, values = mesh.vertices, mesh.values  # type: ignore[attr-defined]
    return np.asarray(vertices[values == value])


def test_arrows_go_from_tail_to_tip_and_leave_a_gap() -> None:
    mesh = arrow_mesh([(0, 0), (100, 0)], [(0, 100), (0, 0)], [2, 4], [OUTGOING, INCOMING], [False, False], 5)
    out, into = drawn(mesh, OUTGOING), drawn(mesh, INCOMING)
    assert len(out) == len(into)
    for corners, tail, tip in ((out, (0, 0), (0, 100)), (into, (100, 0), (0, 0))):
        assert np.hypot(*(corners - tail).T).min() == pytest.approx(5, abs=1.5)
        assert np.hypot(*(corners - tip).T).min() == pytest.approx(5, abs=1.5)
    assert mesh.faces.max() == len(mesh.vertices) - 1
    assert mesh.faces.min() == 0
    assert len(drawn(mesh, OUTLINE)) == len(out) + len(into)


def test_there_and_back_are_two_arrows_beside_each_other() -> None:
    mesh = arrow_mesh([(0, 0), (0, 100)], [(0, 100), (0, 0)], [2, 2], [OUTGOING, INCOMING], [False, False], 0)
    out, into = drawn(mesh, OUTGOING)[5:17], drawn(mesh, INCOMING)[5:17]
    assert (np.sign(out[:, 0].mean()), np.sign(into[:, 0].mean())) in ((1, -1), (-1, 1))
    assert abs(out[:, 0].mean() - into[:, 0].mean()) > 4


def test_the_stronger_is_wider_and_a_bar_is_not_a_point() -> None:
    narrow, wide = (arrow_mesh([(0, 0)], [(0, 100)], [width], [OUTGOING], [False], 0) for width in (1.0, 6.0))

    def area(mesh: object) -> float:
        corners = mesh.vertices[mesh.faces].astype(float)  # type: ignore[attr-defined]
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2)

    assert area(wide) > 3 * area(narrow)
    blunt = arrow_mesh([(0, 0)], [(0, 100)], [6.0], [OUTGOING], [True], 0)
    reach_of_point, reach_of_bar = (np.sort(drawn(it, OUTGOING)[:, 1])[-4:] for it in (wide, blunt))
    assert np.ptp(reach_of_bar) < 8 < np.ptp(reach_of_point)  # all four corners of a bar are at the end


def test_no_arrows_are_a_mesh_too() -> None:
    mesh = arrow_mesh(np.empty((0, 2)), np.empty((0, 2)), [], [], [], 5)
    assert mesh is NOTHING
    one_place = arrow_mesh([(3, 4)], [(3, 4)], [2.0], [OUTGOING], [False], 5)
    assert np.isfinite(one_place.vertices).all()


@pytest.fixture
def influence() -> Influence:
    """Ten ROIs with ids 5, 15, …; two lags."""
    random = np.random.default_rng(0)
    effects = random.normal(0, 0.1, (2, 10, 10)).astype(np.float32)
    effects[1, 3, 7] = -0.9  # from the eighth to the fourth
    strength = np.take_along_axis(effects, np.abs(effects).argmax(0)[None], 0)[0]
    np.fill_diagonal(strength, 0)
    p_values = np.ones((10, 10), np.float32)
    p_values[3, 7] = 0.01
    ids = np.arange(10) * 10 + 5
    centres = random.random((10, 2)).astype(np.float32)
    return Influence(ids, centres, effects, strength, p_values)


def test_the_arrows_of_an_roi_are_those_of_the_graph(influence: Influence) -> None:
    edges = RoiEdges(influence)
    for least, only_passed in ((0.0, False), (0.1, False), (0.0, True)):
        listed = influence.edges(least=least, alpha=0.05 if only_passed else None)
        assert edges.count(least, only_passed=only_passed) == len(listed)
        for number in influence.ids.tolist():
            found = edges.of(number, least, only_passed=only_passed)
            got = {
                (int(it["roi"]), bool(it["incoming"]), int(it["lag"]), float(it["strength"])) for it in found
            }
            into = listed[listed["target"] == number]
            out = listed[listed["source"] == number]
            wanted = {(int(it["source"]), True, int(it["lag"]), float(it["strength"])) for it in into}
            wanted |= {(int(it["target"]), False, int(it["lag"]), float(it["strength"])) for it in out}
            assert got == wanted
            assert (np.diff(np.abs(found["strength"])) <= 0).all()
    first = edges.of(35, 0.0)[0]
    assert (int(first["roi"]), bool(first["incoming"]), int(first["lag"])) == (75, True, 2)
    assert edges.strongest == pytest.approx(0.9)
    assert edges.count(edges.default) == pytest.approx(60, abs=2)
    assert not len(edges.of(999, 0.0))
