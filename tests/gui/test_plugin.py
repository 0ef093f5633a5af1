"""What napari and the system see of the plugin."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from napari._app_model import get_app_model
from napari.plugins import _initialize_plugins
from npe2 import PluginManager, PluginManifest
from qtpy.QtWidgets import QDockWidget, QTabBar

from napari_calcdyn.gui.behaviour.dock import BehaviourDock
from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.traces.dock import TracesDock


def test_everything_in_the_manifest_exists() -> None:
    manifest = PluginManifest.from_distribution("napari-calcdyn")
    manifest.validate_imports()
    assert manifest.display_name == "CalcDyn"
    assert {widget.display_name for widget in manifest.contributions.widgets or ()} == {
        "Recording",
        "Dynamics",
        "Neurons",
        "Inspector",
        "Compare",
        "Traces",
        "Behaviour",
    }


@pytest.mark.parametrize(
    ("command", "name", "widget"),
    [
        ("napari-calcdyn.recording", panel_name("recording"), RecordingDock),
        ("napari-calcdyn.dynamics", panel_name("dynamics"), DynamicsDock),
        ("napari-calcdyn.neurons", panel_name("neurons"), NeuronsDock),
        ("napari-calcdyn.inspector", panel_name("inspector"), InspectorDock),
        ("napari-calcdyn.compare", panel_name("compare"), CompareDock),
        ("napari-calcdyn.traces", panel_name("traces"), TracesDock),
        ("napari-calcdyn.behaviour", panel_name("behaviour"), BehaviourDock),
    ],
)
def test_the_menu_opens_and_hides_a_dock(
    viewer: Any, command: str, name: str, widget: type, qtbot: Any
) -> None:
    PluginManager.instance().discover()
    _initialize_plugins()
    run = get_app_model().commands.execute_command
    run(command).result()
    dock = viewer.window.dock_widgets[name]
    assert isinstance(dock, widget)
    qtbot.waitUntil(dock.isVisible, timeout=2000)
    run(command).result()
    qtbot.waitUntil(lambda: not dock.isVisible(), timeout=2000)


def test_the_launcher_names_docks_as_the_menu_does(viewer: Any) -> None:
    add_docks(viewer)
    assert set(viewer.window.dock_widgets) == {
        panel_name("recording"),
        panel_name("dynamics"),
        panel_name("neurons"),
        panel_name("inspector"),
        panel_name("compare"),
    }


def test_the_launcher_puts_the_recording_in_front(viewer: Any, qtbot: Any) -> None:
    recording, *others = add_docks(viewer)
    qtbot.wait(200)
    assert not recording.visibleRegion().isEmpty()
    assert all(dock.visibleRegion().isEmpty() for dock in others)


def test_the_titles_of_five_tabs_are_not_cut_off(viewer: Any, qtbot: Any) -> None:
    add_docks(viewer)
    qtbot.wait(200)
    window = viewer.window._qt_window
    bar = next(it for it in window.findChildren(QTabBar) if it.parent() is window)
    assert [bar.tabText(place) for place in range(bar.count())] == [
        name.removesuffix(" (CalcDyn)") for name in viewer.window.dock_widgets
    ]
    assert bar.sizeHint().width() <= bar.width()
    # The menu, where docks of other plugins are too, names whose they are.
    docks = [it for it in window.findChildren(QDockWidget) if isinstance(it.widget(), RecordingDock)]
    assert [it.toggleViewAction().text() for it in docks] == [panel_name("recording")]


def test_opening_the_docks_does_not_import_torch() -> None:
    code = """
import sys
import napari
from napari_calcdyn.gui.launch import add_docks
viewer = napari.Viewer(show=False)
add_docks(viewer)
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "sklearn", "openTSNE", "matplotlib"})
viewer.close()
print("loaded:", loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert "loaded: []" in done.stdout, done.stdout + done.stderr
