"""Map, ROIs and movie linked, driven with the mouse in a real window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.layers import Points
from neuron_scene import (
    add_movie,
    analyse,
    as_new,
    events,
    grid_of_rois,
    neurons_of,
    opacities,
    place_of_point,
    place_of_roi,
    press,
    ringed,
    show_recording,
)

from napari_calcdyn.gui.layers.movie_time import shown_frame
from napari_calcdyn.gui.neurons.latent_layer import LATENT_MAP, ROI_ID
from napari_calcdyn.gui.neurons.roi_colours import GREY
from napari_calcdyn.gui.neurons.roi_layers import ROIS, show_rois
from napari_calcdyn.gui.neurons.views import OWN, show_neurons, views_of
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of

PLACE = {"scale": (1, 0.5, 0.5), "translate": (3, 30, 40)}


@pytest.fixture
def session(viewer: Any) -> Session:
    """30 neurons, analysed, on a movie in a place of its own."""
    rois = grid_of_rois(5, 6)
    session = show_recording(viewer, rois, events(rois.ids), **PLACE)
    analyse(session)
    return session


def the_map(session: Session) -> Points:
    layer = views_of(session).map_layer
    assert layer is not None
    return layer


def test_one_point_for_each_neuron_beside_the_movie(viewer: Any, session: Session) -> None:
    layer = viewer.layers[LATENT_MAP]
    assert layer is the_map(session)
    assert layer.data.shape == (30, 2)
    assert layer.features[ROI_ID].tolist() == list(range(100, 130))
    assert {"mu_1", "cluster"} <= set(layer.features.columns)
    assert viewer.layers.selection.active is not layer  # the controls stay those of the layer that was there
    movie = viewer.layers["movie"].extent.world[:, -2:]
    points = layer.extent.world
    assert points[0, 1] > movie[1, 1]
    assert (points[:, 0] >= movie[0, 0]).all()
    assert (points[:, 0] <= movie[1, 0]).all()
    assert np.ptp(points, axis=0).max() > 0.8 * np.ptp(movie[:, 0])
    # Its first axis to the right, its second one up, one scale for both.
    assert layer.scale[0] == layer.scale[1]
    assert session.neurons.result is not None
    assert np.allclose(layer.data, session.neurons.result.tsne[:, ::-1] * (-1, 1))
    for frame in (0, 59):
        viewer.dims.set_point(0, 3 + frame)
        assert len(layer._view_data) == 30


def test_map_and_rois_have_the_same_colours_of_any_column(viewer: Any, session: Session) -> None:
    views = views_of(session)
    for column in ("cluster", "mu_1", OWN):
        views.colour_by(column)
        assert views.column == column
        layer = session.roi_labels
        assert layer is not None
        on_movie = layer.colormap.map(np.arange(1, 31, dtype=layer.data.dtype))
        assert np.allclose(on_movie[:, :3], the_map(session).face_color[:, :3], atol=1e-6)
        assert len(np.unique(on_movie, axis=0)) >= {"cluster": 3, "mu_1": 15, OWN: 21}[column]
    as_new(viewer)
    assert session.neurons.result is not None
    kinds = np.array(["RS", "IB", ""] * 10)
    session.neurons.columns = {"type": kinds}
    views = views_of(session)
    assert "type" in views.column_names
    views.colour_by("type")
    assert [(name, count) for name, _, count in views.colouring.categories] == [
        ("IB", 10),
        ("RS", 10),
        ("none", 10),
    ]
    assert the_map(session).features["type"].tolist() == kinds.tolist()
    session.neurons.columns = {"cluster": kinds}
    assert views.column_names[:2] == ["cluster", "cluster (table)"]
    assert the_map(session).features["cluster"].tolist() == session.neurons.result.cluster.tolist()
    session.neurons.columns = {}
    assert views.column == OWN
    as_new(viewer)
    views_of(session).select([111])
    rings = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        rings.append(the_map(session).border_color[11, :3].mean())
    assert rings[0] > 0.7
    assert rings[1] < 0.3


def test_without_a_movie_the_map_stands_alone(viewer: Any) -> None:
    session = session_of(viewer)
    session.neurons.traces = events(np.arange(20))
    analyse(session)
    assert np.ptp(the_map(session).extent.world, axis=0).max() > 100
    press(viewer, place_of_point(session, 7))
    assert session.rois.selected == (7,)


def test_rois_can_be_picked_before_an_analysis_and_those_without_a_usable_trace_after_it(viewer: Any) -> None:
    rois = grid_of_rois(4, 5)
    traces = events(rois.ids)
    traces.values[3] = np.nan
    session = show_recording(viewer, rois, traces)
    views = views_of(session)
    press(viewer, place_of_roi(session, 107))
    assert session.rois.selected == (107,)
    assert views.column_names == [OWN]
    assert opacities(session)[107] == 1
    assert len(np.unique(views.colours_of(rois.ids), axis=0)) == 20
    analyse(session)
    assert 103 not in the_map(session).features[ROI_ID].tolist()
    assert ringed(session) == {107}
    assert np.allclose(views.colours_of(np.array([103])), GREY)
    press(viewer, place_of_roi(session, 103))
    assert session.rois.selected == (103,)
    assert ringed(session) == set()
    layer = session.roi_labels
    assert layer is not None
    assert np.allclose(layer.colormap.map(np.array(4, layer.data.dtype)), 1)  # grey is not seen on the movie


def test_clicking_a_point_lights_up_its_roi_and_goes_to_its_event(viewer: Any, session: Session) -> None:
    press(viewer, place_of_point(session, 117))
    assert session.rois.selected == (117,)
    assert ringed(session) == {117}
    opacity = opacities(session)
    assert opacity.pop(117) == 1
    assert max(opacity.values()) < 0.3
    assert shown_frame(session) == 5 + 17
    press(viewer, place_of_point(session, 104), shift=True)
    assert session.rois.selected == (117, 104)
    press(viewer, place_of_point(session, 117), shift=True)
    assert session.rois.selected == (104,)
    assert shown_frame(session) == 5 + 4


def test_clicking_an_roi_rings_its_point_whatever_is_active(viewer: Any, session: Session) -> None:
    heard: list[tuple[int, ...]] = []
    session.rois.events.selected.connect(heard.append)
    viewer.dims.set_point(0, 3 + 40)
    for name in (ROIS, "movie", LATENT_MAP, None):
        viewer.layers.selection.active = None if name is None else viewer.layers[name]
        press(viewer, place_of_roi(session, 111))
        assert np.allclose(viewer.cursor.position[-2:], place_of_roi(session, 111), atol=0.3)
        assert session.rois.selected == (111,)
        assert ringed(session) == {111}
        assert the_map(session).selected_data == {11}
        press(viewer, place_of_roi(session, 129), shift=True)
        assert session.rois.selected == (111, 129)
        assert ringed(session) == {111, 129}
    assert shown_frame(session) == 40  # the frame in which they were clicked
    assert heard == 4 * [(111,), (111, 129)]  # each click changed the selection once


def test_clicks_that_select_nothing(viewer: Any, session: Session) -> None:
    press(viewer, place_of_roi(session, 111))
    between = (place_of_roi(session, 111) + place_of_roi(session, 118)) / 2
    press(viewer, between, shift=True)
    assert session.rois.selected == (111,)
    press(viewer, between)
    assert session.rois.selected == ()
    assert ringed(session) == set()
    assert min(opacities(session).values()) > 0.5  # none is dimmed
    press(viewer, place_of_point(session, 117))
    middle = the_map(session).extent.world.mean(axis=0)  # of the ring on which the points lie
    press(viewer, middle, shift=True)
    assert session.rois.selected == (117,)
    press(viewer, middle)
    assert session.rois.selected == ()
    as_new(viewer)
    centre = np.array(viewer.scene.camera.center)
    start = place_of_roi(session, 111)
    press(viewer, start, start + np.array([5, 4]), start + np.array([10, 8]))
    assert session.rois.selected == ()
    assert np.linalg.norm(np.array(viewer.scene.camera.center) - centre) > 5
    press(viewer, place_of_roi(session, 111))  # hit where it is now
    assert session.rois.selected == (111,)
    as_new(viewer)
    roi, point = place_of_roi(session, 111), place_of_point(session, 117)
    for layer in (viewer.layers[ROIS], the_map(session)):
        layer.visible = False
    press(viewer, roi)
    press(viewer, point)
    assert session.rois.selected == ()
    as_new(viewer)
    shapes = viewer.add_shapes(name="drawn")
    shapes.mode = "add_rectangle"
    press(viewer, place_of_roi(session, 111))
    assert session.rois.selected == ()


def test_a_lasso_selects_points_or_rois(viewer: Any, session: Session) -> None:
    centre = viewer.scene.camera.center
    around = [place_of_point(session, number) for number in (100, 101, 102)]
    middle = np.mean(around, axis=0)
    corners = np.array([(-6, -6), (-6, 6), (6, 6), (6, -6)])
    inside = {
        number for number in range(100, 130) if (np.abs(place_of_point(session, number) - middle) < 6).all()
    }
    assert len(inside) >= 3
    press(viewer, *(middle + corners), shift=True)
    assert set(session.rois.selected) == inside == ringed(session)
    assert viewer.scene.camera.center == centre  # it did not pan
    assert the_map(session)._highlight_box is None  # the line is gone
    as_new(viewer)
    frame = shown_frame(session)
    first, last = place_of_roi(session, 107), place_of_roi(session, 116)
    top, left, bottom, right = *(first - 3), *(last + 3)
    press(viewer, (top, left), (top, right), (bottom, right), (bottom, left), shift=True)
    assert set(session.rois.selected) == {107, 108, 109, 110, 113, 114, 115, 116}
    assert shown_frame(session) == frame


def test_the_selection_tool_of_napari_selects_neurons_and_moves_nothing(
    viewer: Any, session: Session
) -> None:
    layer = the_map(session)
    viewer.layers.selection.active = layer
    layer.mode = "select"
    press(viewer, place_of_point(session, 117))
    assert session.rois.selected == (117,)
    assert opacities(session)[117] == 1
    low, high = layer.extent.world
    press(viewer, low - 0.5, high + 0.5)  # a box round the whole map
    assert set(session.rois.selected) == set(range(100, 130))
    press(viewer, place_of_roi(session, 111))  # the ROIs still answer
    assert session.rois.selected == (111,)
    assert layer.selected_data == {11}
    data = layer.data.copy()
    start = place_of_point(session, 117)
    press(viewer, start, start + 5, start + 10)
    assert np.array_equal(layer.data, data)
    layer.remove_selected()
    assert np.array_equal(layer.data, data)
    layer.add([[0, 0]])
    assert np.array_equal(layer.data, data)
    assert layer.features[ROI_ID].tolist() == list(range(100, 130))
    assert len(layer.face_color) == 30
    press(viewer, place_of_point(session, 108))
    assert session.rois.selected == (108,)


def test_layers_that_were_renamed_stay_in_use_and_a_deleted_map_is_made_again(
    viewer: Any, session: Session
) -> None:
    layer = the_map(session)
    layer.name, viewer.layers[ROIS].name, viewer.layers["movie"].name = "map", "cells", "mouse"
    analyse(session, clusters=2)
    assert the_map(session) is layer
    assert len(viewer.layers) == 3
    assert len(np.unique(layer.face_color, axis=0)) == 2
    press(viewer, place_of_roi(session, 111))
    assert ringed(session) == {111}
    as_new(viewer)
    viewer.layers.remove(the_map(session))
    press(viewer, place_of_roi(session, 111))
    assert session.rois.selected == (111,)
    views_of(session).colour_by("mu_1")
    analyse(session)
    assert viewer.layers[LATENT_MAP] is the_map(session)
    assert ringed(session) == {111}
    assert views_of(session).column == "mu_1"


def test_the_map_goes_on_without_rois_and_without_a_movie(viewer: Any, session: Session) -> None:
    press(viewer, place_of_roi(session, 111))
    viewer.layers.remove(ROIS)
    press(viewer, place_of_point(session, 117))
    assert session.rois.selected == (117,)
    assert shown_frame(session) == 5 + 17
    show_rois(session)
    assert opacities(session)[117] == 1
    assert opacities(session)[111] < 0.3
    press(viewer, place_of_roi(session, 111))
    assert ringed(session) == {111}
    as_new(viewer)
    viewer.layers.remove("movie")
    assert min(opacities(session).values()) == 1  # there is nothing to see through them
    press(viewer, place_of_point(session, 117))
    assert session.rois.selected == (117,)
    assert session.rois.loaded is not None
    assert session.neurons.traces is not None
    other = add_movie(viewer, session.rois.loaded, session.neurons.traces, scale=(1, 2, 2))
    use_layer(session, other)
    left = the_map(session).extent.world[0, 1]
    assert left > other.extent.world[1, 2]


def test_another_analysis_renews_the_points(viewer: Any, session: Session) -> None:
    rois = grid_of_rois(4, 5, first_id=500)
    press(viewer, place_of_roi(session, 111))
    session.neurons.result = None
    assert not the_map(session).visible  # a map of neurons that are gone
    press(viewer, place_of_point(session, 104))
    assert session.rois.selected == (111,)
    session.rois.loaded = rois
    assert session.rois.selected == ()
    show_rois(session)
    session.neurons.traces = events(rois.ids)
    analyse(session)
    assert the_map(session).visible
    assert the_map(session).features[ROI_ID].tolist() == list(range(500, 520))
    assert len(viewer.layers) == 3
    press(viewer, place_of_roi(session, 507))
    assert ringed(session) == {507}


def test_the_movie_goes_to_the_event_that_the_selected_share(viewer: Any, session: Session) -> None:
    assert session.neurons.traces is not None
    values = session.neurons.traces.values.copy()
    values[:3] = 0.01 * np.random.default_rng(2).normal(size=(3, 60))
    values[:3, 30] += 0.2  # together
    values[0, 50] += 0.25  # one alone, and stronger
    session.neurons.traces = replace(session.neurons.traces, values=values)
    views_of(session).select([100, 101, 102], at_event=True)
    assert shown_frame(session) == 30
    as_new(viewer)
    session.neurons.traces = events(np.arange(100, 130), frames=80)
    session.neurons.result = neurons_of(session.neurons.traces)
    show_neurons(session)
    frame = shown_frame(session)
    press(viewer, place_of_point(session, 117))
    assert session.rois.selected == (117,)
    assert shown_frame(session) == frame
