"""Settings of panels, and their places in the window, survive a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import napari
import pytest
from qtpy.QtCore import QSettings, Qt

from napari_calcdyn.gui import launch
from napari_calcdyn.gui.docks.panels import add_panel, frame_of, open_panel
from napari_calcdyn.gui.docks.remembered import remembered
from napari_calcdyn.gui.forms.values import values_of
from napari_calcdyn.gui.session import session_of


@pytest.fixture
def settings_as_made() -> None:
    """Show what is remembered."""


def panels(viewer: Any) -> dict[str, Any]:
    return {dock.topic: dock for dock in session_of(viewer).panels}


def reopen(viewer: Any, topic: str, qtbot: Any) -> Any:
    """Close a panel as its x does, and open it again."""
    there = panels(viewer)[topic]
    frame_of(there).raise_()
    qtbot.waitUntil(there.isVisible, timeout=2000)
    viewer.window.remove_dock_widget(frame_of(there))
    assert topic not in panels(viewer)
    dock = add_panel(session_of(viewer), topic)
    assert dock is not None
    return dock


def test_settings_come_back_and_not_what_belongs_to_a_recording(docks: Any, viewer: Any, qtbot: Any) -> None:
    all_docks = panels(viewer)
    for topic in ("traces", "behaviour"):
        open_panel(docks[0], session_of(viewer), topic)
    for dock in panels(viewer).values():
        assert set(dock.own) <= dock.settings().keys(), dock.topic
        assert dock.own
    dynamics, compare, neurons = (all_docks[it] for it in ("dynamics", "compare", "neurons"))
    dynamics.model.preset.setCurrentText("quick")
    dynamics.model.form.editors["order"].value = 3
    dynamics.model.device.setCurrentText("cpu")
    compare.permutations.setValue(199)
    compare.block.setValue(40)
    neurons.inputs.settings.relative.value = True
    neurons.inputs.settings.baseline.editors["window_s"].value = 33
    neurons.inputs.settings.frame_rate.value = 7.5
    session_of(viewer).recording.movie.frame_rate = 12.0
    recording = reopen(viewer, "recording", qtbot)
    assert "12" not in json.dumps(remembered("recording"))
    assert recording.frame_rate.value == 12.0  # of the movie

    dynamics = reopen(viewer, "dynamics", qtbot)
    assert dynamics.model.preset.currentText() == "quick"
    assert dynamics.model.form.values()["order"] == 3
    assert "With your changes" in dynamics.model.preset_hint.text()
    assert dynamics.model.device.currentText() == "cpu"
    compare = reopen(viewer, "compare", qtbot)
    assert (compare.permutations.value(), compare.block.value()) == (199, 1)
    neurons = reopen(viewer, "neurons", qtbot)
    shown = neurons.inputs.settings
    assert (shown.relative.value, shown.baseline.values()["window_s"]) == (True, 33)
    assert shown.baseline.isVisibleTo(neurons)
    assert shown.frame_rate.value != 7.5

    dynamics.restore_defaults()
    assert dynamics.model.preset.currentText() == "standard"
    assert dynamics.model.form.values()["order"] == 1
    assert dynamics.model.device.currentText() == "auto"
    assert "before you changed any" in dynamics.message.text()
    neurons.restore_defaults()
    assert not neurons.inputs.settings.relative.value


def test_what_is_unreadable_or_out_of_range_is_left_out(viewer: Any) -> None:
    kept = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "panels")
    kept.setValue("recording", "no JSON {")
    kept.setValue("inspector", json.dumps({"page": 99, "forecast": {"ahead": 10**9}}))
    kept.setValue("compare", json.dumps({"permutations": 10**12, "smooth": "x"}))
    kept.setValue("neurons", json.dumps({"traces": {"neuropil": True}, "made_up": None, "training": 7}))
    training = {"order": 2, "steps": -5, "kernels": "many", "gone": 1, "fraction": float("nan"), "latents": 9}
    kept.setValue(
        "dynamics", json.dumps({"preset": "gone", "device": "abacus", "training": training, "x": [1]})
    )
    kept.sync()
    launch.add_docks(viewer)
    shown = {topic: values_of(dock.own_settings()) for topic, dock in panels(viewer).items()}
    assert shown["recording"] == {"look": False}
    assert shown["inspector"]["forecast"] == {"ahead": 10}
    assert shown["compare"]["permutations"] == 999
    dynamics = panels(viewer)["dynamics"]
    assert shown["dynamics"]["preset"] == "standard"
    assert shown["dynamics"]["device"] == "auto"
    found = dynamics.model.form.settings()
    assert (found.order, found.latents) == (2, 9)
    assert (found.steps, found.kernels, found.fraction) == (50, 64, 0.1)
    edits: list[int] = []
    for dock in (dynamics, panels(viewer)["neurons"]):
        dock.model.form.edited.connect(lambda: edits.append(1))
        dock.model.form.editors["skip"].value = False
    assert len(edits) == 2  # their signals are not blocked


def test_the_window_comes_back_as_it_was(
    make_napari_viewer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    def start(user: Callable[[Any], object]) -> None:
        viewer = make_napari_viewer(show=True)
        window = viewer.window._qt_window
        window.resize(1280, 800)

        def run() -> None:
            qtbot.wait(300)
            user(viewer)
            qtbot.wait(100)
            viewer.close()

        monkeypatch.setattr(napari, "Viewer", lambda: viewer)
        monkeypatch.setattr(napari, "run", run)
        launch.show()

    def arrange(viewer: Any) -> None:
        assert list(panels(viewer)) == ["recording", "dynamics", "neurons", "inspector", "compare"]
        there, window = panels(viewer), viewer.window._qt_window
        open_panel(there["recording"], session_of(viewer), "traces")
        for topic in ("compare", "behaviour"):
            open_panel(there["recording"], session_of(viewer), topic)
            viewer.window.remove_dock_widget(frame_of(panels(viewer)[topic]))
        inspector, neurons = frame_of(there["inspector"]), frame_of(there["neurons"])
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, inspector)
        neurons.setFloating(True)
        neurons.move(60, 80)
        add_panel(session_of(viewer), "compare")  # so that it stands between two others
        qtbot.wait(100)
        frame_of(there["dynamics"]).raise_()
        there["dynamics"].model.preset.setCurrentText("quick")

    def look(viewer: Any) -> None:
        there, window = panels(viewer), viewer.window._qt_window
        assert set(there) == {"recording", "dynamics", "neurons", "inspector", "traces", "compare"}
        area = {topic: window.dockWidgetArea(frame_of(it)) for topic, it in there.items()}
        assert area["inspector"] == Qt.DockWidgetArea.LeftDockWidgetArea
        assert area["traces"] == Qt.DockWidgetArea.BottomDockWidgetArea
        assert frame_of(there["neurons"]).isFloating()
        assert not there["dynamics"].visibleRegion().isEmpty()
        assert there["recording"].visibleRegion().isEmpty()
        assert there["dynamics"].model.preset.currentText() == "quick"

    start(arrange)
    start(look)


def test_a_damaged_layout_opens_the_window_all_the_same(viewer: Any, qtbot: Any) -> None:
    kept = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "panels")
    session, window = session_of(viewer), viewer.window._qt_window
    for said in ({"panels": 5}, {"panels": [{"topic": "gone"}, 3]}, {}):
        kept.setValue("window", json.dumps(said))
        assert not launch.layout_comes_back(session, window)
    kept.setValue("window", json.dumps({"panels": [{"topic": "compare"}], "state": "***"}))
    assert launch.layout_comes_back(session, window)
    qtbot.wait(100)
    assert list(panels(viewer)) == ["compare"]
    assert not panels(viewer)["compare"].visibleRegion().isEmpty()
