"""A recording whose rules change half way, a model of it, and what a user does in the Compare dock."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.compare.time_ranges import TimeRanges
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie

FRAMES = 400
PLACES = ((8, 8), (8, 24))  # centres of the two cells


def changing_movie(frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """Two cells, (frames, 16, 32), float32: the second follows the first, and from half way on does the opposite."""
    random = np.random.default_rng(seed)
    activity = np.zeros((frames, 2))
    noise = random.normal(size=(frames, 2))
    for frame in range(1, frames):
        sign = 1 if frame < frames // 2 else -1
        activity[frame, 0] = 0.5 * activity[frame - 1, 0] + noise[frame, 0]
        activity[frame, 1] = 0.9 * sign * activity[frame - 1, 0] + 0.3 * noise[frame, 1]
    y, x = np.mgrid[:16, :32]
    cells = np.stack([np.exp(-((y - v) ** 2 + (x - u) ** 2) / 8) for v, u in PLACES])
    movie = 100 + 20 * np.einsum("tk,kyx->tyx", activity, cells) + random.normal(0, 1, (frames, 16, 32))
    return movie.astype(np.float32)


def model_of(movie: np.ndarray) -> VARAutoencoder:
    """A model that was trained for a moment."""
    config = VARAutoencoderConfig.preset("quick", steps=30)
    return VARAutoencoder(config).fit(Movie.from_array(movie), device="cpu")


def open_dock(viewer: Any, movie: np.ndarray, **place: Any) -> CompareDock:
    """Put the dock into a window, as the menu does, and show a recording at 10 Hz."""
    dock = CompareDock(viewer)
    viewer.window.add_dock_widget(dock, name="Compare (CalcDyn)", area="right")
    layer = viewer.add_image(movie, name="cells", metadata={"frame_rate": 10.0}, **place)
    use_layer(dock.session, layer)
    return dock


def give_model(dock: CompareDock, model: VARAutoencoder) -> None:
    """Do what the Dynamics dock does when a model is loaded, without its maps."""
    dock.session.dynamics.model = model
    dock.session.dynamics.var = model.var


def at(plot: TimeRanges, time: float, height: float = 0.5) -> Any:
    """Where a time is in the plot, at a part of its height, in pixels of its viewport."""
    low, high = plot.viewRange()[1]
    scene = plot.getViewBox().mapViewToScene(QPointF(time, low + height * (high - low)))
    return plot.mapFromScene(scene)


def drag(qtbot: Any, plot: TimeRanges, start: Any, stop: Any) -> None:
    """Press the mouse at one place of a plot, move it to another one, and let it go, as the window system does."""
    moves = [start + (stop - start) * part for part in (0.2, 0.5, 0.8, 1.0)]
    for kind, places in (
        (QEvent.Type.MouseMove, [start]),
        (QEvent.Type.MouseButtonPress, [start]),
        (QEvent.Type.MouseMove, moves),
        (QEvent.Type.MouseButtonRelease, [stop]),
    ):
        for place in places:
            held = kind == QEvent.Type.MouseMove and place is not start
            _send(plot.viewport(), kind, place, held)
            qtbot.wait(20)  # of moves that follow each other faster, the plot drops some


def _send(canvas: Any, kind: QEvent.Type, place: Any, held: bool) -> None:
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    own = none if kind == QEvent.Type.MouseMove else left
    buttons = left if held or kind == QEvent.Type.MouseButtonPress else none
    event = QMouseEvent(
        kind, QPointF(place), QPointF(canvas.mapToGlobal(place)), own, buttons, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(canvas, event)


def write(qtbot: Any, dock: CompareDock, name: str, text: str) -> None:
    """Type other stretches of A or B."""
    edit = dock.inputs.edits.edits[name]
    edit.selectAll()
    qtbot.keyClicks(edit, text)


def press(qtbot: Any, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(qtbot: Any, dock: CompareDock, timeout: int = 60_000) -> None:
    qtbot.waitUntil(lambda: dock.session.work.job is None, timeout=timeout)
