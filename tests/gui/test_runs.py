"""Runs that are stopped, closed on, or get in each other's way."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
from driving import RESULTS, set_steps, settle, start_long, train_briefly

from napari_calcdyn.gui.dynamics import runs
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.session import session_of


def test_stop_takes_effect_within_a_second_and_keeps_the_best_model(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    start_long(qtbot, dynamics)
    assert dynamics.model.train.text() == "Stop"
    assert dynamics.progress.isVisible()
    dynamics.model.train.click()
    asked = time.monotonic()
    qtbot.waitUntil(lambda: dynamics.session.dynamics.model is not None, timeout=5000)
    assert time.monotonic() - asked < 1.0
    settle(qtbot, dynamics)
    assert {layer.name for layer in viewer.layers} >= RESULTS


def test_the_old_model_stays_until_a_new_one_is_fitted(dynamics: DynamicsDock, qtbot: Any) -> None:
    train_briefly(qtbot, dynamics)
    old = dynamics.session.dynamics.model
    start_long(qtbot, dynamics)
    assert dynamics.session.dynamics.model is old
    assert dynamics.model.save.isEnabled() is False
    dynamics.session.close()
    assert dynamics.session.dynamics.model is old


def test_a_second_run_from_the_other_dock_is_refused_in_one_sentence(
    docks: tuple[RecordingDock, DynamicsDock], qtbot: Any
) -> None:
    recording, dynamics = docks
    start_long(qtbot, dynamics)
    recording.mean.click()
    assert "“Training” is still under way" in recording.message.text()
    assert dynamics.session.work.job is not None
    assert dynamics.session.work.job.title == "Training"


def test_removing_the_movie_layer_ends_the_training_and_keeps_the_model(
    viewer: Any, dynamics: DynamicsDock, qtbot: Any
) -> None:
    start_long(qtbot, dynamics)
    viewer.layers.remove("blinking")
    settle(qtbot, dynamics, 5000)
    assert dynamics.session.dynamics.model is not None
    assert list(viewer.layers) == []
    assert not dynamics.model.train.isEnabled()


def test_choosing_another_recording_meanwhile_keeps_the_model_for_its_own(
    viewer: Any, docks: tuple[RecordingDock, DynamicsDock], movie_array: np.ndarray, qtbot: Any
) -> None:
    recording, dynamics = docks
    viewer.add_image(movie_array, name="other")

    def choose(name: str) -> None:
        recording.choice.setCurrentText(name)
        recording.choice.activated.emit(recording.choice.currentIndex())

    start_long(qtbot, dynamics)
    choose("other")
    dynamics.session.work.stop()
    settle(qtbot, dynamics)
    assert dynamics.session.dynamics.model is not None
    assert EXPLAINED not in viewer.layers
    assert "The model of blinking is ready" in dynamics.message.text()
    choose("blinking")
    settle(qtbot, dynamics)
    assert EXPLAINED in viewer.layers


def test_closing_the_window_ends_the_training(viewer: Any, dynamics: DynamicsDock, qtbot: Any) -> None:
    start_long(qtbot, dynamics)
    job = dynamics.session.work.job
    assert job is not None
    heard: list[str] = []
    job.done.connect(lambda _: heard.append("done"))
    viewer.close()
    qtbot.wait(50)
    assert job._finished.is_set()
    qtbot.wait(150)
    assert heard == []


def test_closing_one_dock_leaves_the_run_and_the_last_one_ends_it(
    viewer: Any, docks: tuple[RecordingDock, DynamicsDock], qtbot: Any
) -> None:
    _, dynamics = docks
    session = dynamics.session
    start_long(qtbot, dynamics)
    dynamics.parentWidget().destroyOnClose()  # what the cross in its corner does
    qtbot.wait(50)
    assert session.work.job is not None
    again = DynamicsDock(viewer)
    viewer.window.add_dock_widget(again, name="again")
    assert again.model.train.text() == "Stop"  # it shows the run that goes on
    assert len(again.model.curves.panels["reconstruction"].training.getData()[0]) > 0
    for widget in list(viewer.window.dock_widgets.values()):
        widget.parentWidget().destroyOnClose()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=2000)


def test_a_viewer_with_results_is_let_go_of_after_it_was_closed(
    make_napari_viewer: Any, movie_array: np.ndarray, qtbot: Any
) -> None:
    def use_and_close() -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        viewer = make_napari_viewer()
        dynamics = add_docks(viewer).dynamics
        viewer.add_image(np.concatenate([movie_array] * 4))
        dynamics.model.preset.setCurrentText("quick")
        train_briefly(qtbot, dynamics)
        viewer.close()
        return weakref.ref(viewer), weakref.ref(session_of(viewer))

    viewer, session = use_and_close()
    qtbot.wait(50)
    gc.collect()
    assert viewer() is None
    assert session() is None


@pytest.fixture
def mapping(dynamics: DynamicsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Train until the maps begin, which wait for this to be set."""
    goes_on, fits = threading.Event(), runs._fits
    monkeypatch.setattr(runs, "_fits", lambda model: goes_on.wait(10) and fits(model))
    set_steps(dynamics, 20)
    dynamics.model.train.click()
    qtbot.waitUntil(lambda: dynamics.session.work.doing == runs.MAPS, timeout=60_000)
    return goes_on


def test_maps_that_follow_are_stopped_by_a_button_of_their_own(
    dynamics: DynamicsDock, mapping: threading.Event, qtbot: Any
) -> None:
    session = dynamics.session
    assert dynamics.model.train.text() == "Train"
    assert dynamics.model.save.isEnabled()
    assert dynamics.map_again.text() == "Stop mapping"
    dynamics.map_again.click()
    mapping.set()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=5000)
    assert session.dynamics.maps is None
    assert dynamics.message.text() == "The maps were stopped: press Map again to compute them."
    assert dynamics.map_again.text() == "Map again"
    dynamics.map_again.click()
    settle(qtbot, dynamics)
    assert session.dynamics.maps is not None
    assert session.dynamics.path is not None
    assert not dynamics.map_again.isVisibleTo(dynamics)


def test_maps_make_way_for_what_the_user_starts_and_follow_it(
    dynamics: DynamicsDock, mapping: threading.Event, qtbot: Any
) -> None:
    work, goes_on, heard = dynamics.session.work, threading.Event(), []
    assert work.start("dynamics", "Something", lambda progress: goes_on.wait(10), heard.append)
    assert not work.free
    assert work.doing == "Something"
    goes_on.set()
    qtbot.waitUntil(lambda: work.doing == runs.MAPS, timeout=5000)
    assert heard == [True]
    mapping.set()
    settle(qtbot, dynamics)
    assert dynamics.session.dynamics.maps is not None
    assert work.notice is None


def test_a_new_model_has_maps_of_its_own_although_it_came_before_those_of_the_last(
    dynamics: DynamicsDock, mapping: threading.Event, qtbot: Any
) -> None:
    first = dynamics.session.dynamics.model
    mapping.set()
    train_briefly(qtbot, dynamics)
    assert dynamics.session.dynamics.model is not first
    assert dynamics.session.dynamics.path is not None
    assert dynamics.session.dynamics.path.model is dynamics.session.dynamics.model
