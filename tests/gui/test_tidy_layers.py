"""Results of one panel are replaced, not piled up, and are hidden or removed together, whatever the user calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspector_scene import chain_movie, show_movie, six_cells, take, train
from qtpy.QtGui import QOpenGLContext
from test_sessions import pictures_left_out, reopen, save, wait  # noqa: F401

from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.dynamics.results import (
    CONTRIBUTION_MOVIE,
    EXPLAINED,
    RECONSTRUCTION,
    SOURCES,
)
from napari_calcdyn.gui.dynamics.runs import compute_maps
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.layers.layers import result_layer, results_of
from napari_calcdyn.gui.neurons.roi_layers import ROIS
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.gui.session.cautions import outdated_maps
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

MAPS = [RECONSTRUCTION, CONTRIBUTION_MOVIE, SOURCES, EXPLAINED]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())[:120]


@pytest.fixture(scope="module")
def models(pixels: np.ndarray) -> list[VARAutoencoder]:
    """Of two recordings, the second brighter than the first."""
    return [train(pixels, 15), train(3 * pixels, 15)]


@pytest.fixture
def mapped(viewer: Any, pixels: np.ndarray, models: list[VARAutoencoder], qtbot: Any) -> Session:
    """A session with the maps of its recording."""
    add_docks(viewer)
    session = show_movie(viewer, pixels)
    take(session, six_cells(), None)
    session.dynamics.take(models[0])
    map_again(qtbot, session)
    return session


def map_again(qtbot: Any, session: Session) -> None:
    compute_maps(session)
    wait(qtbot, session)
    assert not outdated_maps(session)


def names(session: Session) -> list[str]:
    return [it.name for it in session.viewer.layers]


def test_a_second_run_takes_the_place_of_the_first(
    mapped: Session, pixels: np.ndarray, models: list[VARAutoencoder], qtbot: Any
) -> None:
    before, viewer = names(mapped), mapped.viewer
    assert {*before} == {"movie", ROIS, *MAPS}
    explained, untouched = result_layer(viewer, EXPLAINED), result_layer(viewer, SOURCES)
    explained.name, explained.opacity, explained.colormap = "my map", 0.4, "green"
    explained.visible = False
    low, high = explained.contrast_limits_range
    explained.contrast_limits = (low + 0.2 * (high - low), low + 0.5 * (high - low))
    chosen, bright = tuple(explained.contrast_limits), untouched.contrast_limits[1]
    order = [it for it in viewer.layers if it in (explained, untouched)]

    use_layer(mapped, viewer.add_image(3 * pixels, name="another", translate=(0, 500, 500)))
    mapped.dynamics.take(models[1])
    map_again(qtbot, mapped)
    assert sorted(names(mapped)) == sorted(
        ["another", *("my map" if it == EXPLAINED else it for it in before)]
    )
    assert [it for it in viewer.layers if it in (explained, untouched)] == order
    assert explained.translate.tolist() == [500, 500]
    assert explained.colormap.name == "green"
    assert (explained.opacity, explained.visible) == (0.4, False)
    assert tuple(explained.contrast_limits) == pytest.approx(chosen)
    assert untouched.contrast_limits[1] > 2 * bright


def test_results_are_hidden_and_removed_together(mapped: Session, viewer: Any) -> None:
    result_layer(viewer, EXPLAINED).name = "my map"
    own = viewer.add_image(np.zeros((4, 4)), name="Dynamics: of the user")
    [more] = mapped.panels[1].findChildren(MoreButton)
    menu = {it.text(): it for it in more.menu().actions()}
    menu["Hide results"].trigger()
    assert [it.visible for it in results_of(viewer, "dynamics")] == [False] * 4
    assert own.visible
    assert viewer.layers[ROIS].visible
    menu["Remove results"].trigger()
    assert names(mapped) == ["movie", ROIS, own.name]
    more.menu().aboutToShow.emit()
    assert not menu["Remove results"].isEnabled()
    assert menu["Copy as Python"].isEnabled()


def test_a_duplicate_stays_the_users(mapped: Session, viewer: Any, qtbot: Any) -> None:
    explained = result_layer(viewer, EXPLAINED)
    copy = viewer.add_image(explained.data.copy(), name="kept", metadata=dict(explained.metadata))
    old = copy.data
    viewer.layers.move(viewer.layers.index(copy), 0)
    map_again(qtbot, mapped)
    assert copy.data is old
    assert result_layer(viewer, EXPLAINED) is explained


def test_what_draws_a_layer_is_deleted_where_it_was_made(
    viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_of(viewer)
    canvas, current = viewer.window._qt_viewer.canvas, []
    layer = viewer.add_image(np.zeros((9, 9)))
    qtbot.wait(100)
    canvas.native.doneCurrent()  # as Qt leaves it after painting the window
    monkeypatch.setattr(
        canvas._scene_canvas.context,
        "finish",
        lambda: current.append(QOpenGLContext.currentContext() == canvas.native.context()),
    )
    viewer.layers.remove(layer)
    assert current == [True]


def test_a_session_knows_results_whatever_they_are_called(
    mapped: Session, make_napari_viewer: Any, tmp_path: Path, qtbot: Any
) -> None:
    explained = result_layer(mapped.viewer, EXPLAINED)
    explained.name = "my map"
    explained.contrast_limits = chosen = (0.0, float(explained.contrast_limits[1]) / 2)
    save(qtbot, mapped, tmp_path / "some")
    again = reopen(qtbot, make_napari_viewer, tmp_path / "some.calcdyn")
    session = session_of(again)
    before = names(session)
    assert before == names(mapped)
    map_again(qtbot, session)
    assert names(session) == before
    assert tuple(result_layer(again, EXPLAINED).contrast_limits) == pytest.approx(chosen)
    session.close()
