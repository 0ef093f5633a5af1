"""Linked views when their dock or their window is closed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

from neuron_scene import analyse, events, grid_of_rois, show_recording

from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.gui.traces.dock import TracesDock


def test_nothing_stays_when_the_viewer_is_closed(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    def use_and_close() -> list[weakref.ref[Any]]:
        viewer = make_napari_viewer()
        viewer.window.add_dock_widget(TracesDock(viewer), name="Traces", area="bottom")
        rois = grid_of_rois(4, 5)
        session = show_recording(viewer, rois, events(rois.ids))
        analyse(session)
        views = views_of(session)
        views.select([103, 104], at_event=True)
        found: list[Any] = [viewer, session_of(viewer), views, views.map_layer]
        viewer.close()
        return [weakref.ref(it) for it in found]

    references = use_and_close()
    qtbot.wait(50)
    gc.collect()
    assert [reference() for reference in references] == [None] * 4


def test_a_dock_that_was_closed_stops_listening(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer()
    dock = TracesDock(viewer)
    frame = viewer.window.add_dock_widget(dock, name="Traces", area="bottom")
    rois = grid_of_rois(4, 5)
    session = show_recording(viewer, rois, events(rois.ids))
    viewer.window.remove_dock_widget(frame)
    qtbot.wait(20)
    drawn = len(dock.plot.listDataItems())
    session.rois.selected = (103,)
    viewer.theme = "light"
    assert len(dock.plot.listDataItems()) == drawn
    again = TracesDock(viewer)
    viewer.window.add_dock_widget(again, name="Traces", area="bottom")
    assert len(again.plot.listDataItems()) == 1
