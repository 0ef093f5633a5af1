"""A real napari window, as a user has it, and a small movie to put into it."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest
import tifffile

pytest.importorskip("napari")

# Settings that are kept in no file: the developer's own stay as they are, and no window writes them at every change.
os.environ["NAPARI_CONFIG"] = ""

from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtCore import QSettings

from napari_calcdyn.gui.docks import dock as dock_module
from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.neurons.dock import NeuronsDock
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.gui.session import session_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari import Viewer


@pytest.fixture(scope="session", autouse=True)
def display(request: pytest.FixtureRequest) -> None:
    """On Linux, start a virtual screen where there is none, and for each of several processes that share the tests."""
    needed = "PYTEST_XDIST_WORKER" in os.environ or not os.environ.get("DISPLAY")
    if sys.platform != "linux" or not needed or shutil.which("Xvfb") is None:
        return
    reading, writing = os.pipe()
    # Xvfb ends with its last client: with this process, whose QApplication lives until then.
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-terminate"]
    os.set_inheritable(writing, True)
    silent = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    os.posix_spawnp("Xvfb", command, os.environ, file_actions=silent)
    os.close(writing)
    with open(reading, encoding="ascii") as number:
        os.environ["DISPLAY"] = f":{number.readline().strip()}"
    # Qt would otherwise prefer a Wayland session, which is the real screen.
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    request.getfixturevalue("qapp")


@pytest.fixture(scope="session", autouse=True)
def plugins_looked_for_once() -> Iterator[None]:
    """Each window asks every installed package whether it is a plugin, and reads the manifests again."""
    found = list(PluginManifest.discover())
    with mock.patch.object(PluginManifest, "discover", return_value=found):
        yield


@pytest.fixture(scope="module", autouse=True)
def all_garbage_collected() -> Iterator[None]:
    """Take back what the fixture below does."""
    gc.collect()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def few_objects_to_look_at(all_garbage_collected: None) -> None:
    """Leave what is there before a test out of the garbage collections that follow its window.

    Each of them takes as long as there are objects: with torch and scikit-learn loaded, half of the time of a test.
    """
    gc.freeze()


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Iterator[Viewer]:
    """A window on the screen, of the size of a small laptop's."""
    shown = make_napari_viewer(show=True)
    shown.window._qt_window.resize(1280, 800)
    notification_manager.records.clear()
    yield shown
    session_of(shown).close()


@pytest.fixture(autouse=True)
def recordings_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take recordings as they are: the layers that follow their check are left to `test_recording_check.py`."""
    monkeypatch.setattr(RecordingCheck, "start", lambda check: None)


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path) -> None:
    """Keep what is remembered of folders in one of the test."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(autouse=True)
def settings_as_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show every panel with its defaults: what it remembers would hide what a session brings back."""
    monkeypatch.setattr(dock_module, "remembered", lambda topic: {})


@pytest.fixture
def movie_array() -> np.ndarray:
    """40 frames of 24 × 32 pixels: a blinking spot on a still background, uint16."""
    random = np.random.default_rng(3)
    background = 200 + 50 * np.hypot(*np.mgrid[-12:12, -16:16])
    spot = np.exp(-(np.mgrid[-8:16, -10:22] ** 2).sum(axis=0) / 18)
    activity = np.clip(np.sin(np.arange(40) / 3), 0, None)
    movie = background + 400 * activity[:, None, None] * spot + random.normal(0, 5, (40, 24, 32))
    return movie.astype(np.uint16)


@pytest.fixture
def movie_path(tmp_path: Path, movie_array: np.ndarray) -> Path:
    """The same as an ImageJ stack that knows its frame rate and pixel size."""
    path = tmp_path / "blinking.tif"
    tifffile.imwrite(
        path,
        movie_array,
        imagej=True,
        resolution=(2.0, 2.0),
        metadata={"axes": "TYX", "unit": "um", "finterval": 0.1},
    )
    return path


@pytest.fixture
def add_dock(viewer: Viewer) -> Callable[[type, str], Any]:
    """Put one of our docks into the window, as the menu does, and return it."""

    def add(widget_class: type, name: str) -> Any:
        widget = widget_class(viewer)
        viewer.window.add_dock_widget(widget, name=name)
        return widget

    return add


@pytest.fixture
def docks(viewer: Any, movie_array: np.ndarray) -> tuple[RecordingDock, DynamicsDock]:
    """Both docks, and a movie in a place of its own."""
    docks = add_docks(viewer)
    movie = np.concatenate([movie_array] * 4)
    viewer.add_image(movie, name="blinking", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    docks.dynamics.model.preset.setCurrentText("quick")
    return docks.recording, docks.dynamics


@pytest.fixture
def dynamics(docks: tuple[RecordingDock, DynamicsDock]) -> DynamicsDock:
    return docks[1]


@pytest.fixture
def cells() -> np.ndarray:
    """Labels of 24 cells of 3 × 4 pixels on 32 × 40 pixels; the numbers are not consecutive."""
    labels = np.zeros((32, 40), np.int32)
    for number in range(24):
        y, x = 2 + 7 * (number // 6), 2 + 6 * (number % 6)
        labels[y : y + 3, x : x + 4] = 3 + 2 * number
    return labels


@pytest.fixture
def cell_movie(cells: np.ndarray) -> np.ndarray:
    """120 frames in which the cells of every second column blink slowly and the others fast, float32."""
    random = np.random.default_rng(5)
    time = np.arange(120)[:, None, None]
    column = (np.arange(40) - 2) // 6 % 2
    phase = np.where(cells > 0, cells, 0) * 0.3
    blinking = np.clip(np.sin(time / np.where(column, 9.0, 3.0) + phase), 0, None)
    movie = 100 + 60 * (cells > 0) * blinking + random.normal(0, 4, (120, 32, 40))
    return movie.astype(np.float32)


@pytest.fixture
def neurons(viewer: Any, cell_movie: np.ndarray) -> NeuronsDock:
    """The Neurons dock in front, and a movie in a place of its own."""
    docks = add_docks(viewer)
    viewer.add_image(cell_movie, name="cells", scale=(1, 0.5, 0.5), translate=(0, 30, 40))
    docks.neurons.model.preset.setCurrentText("quick")
    docks.neurons.parentWidget().raise_()
    return docks.neurons
