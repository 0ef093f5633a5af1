"""Clicking in a real window, and noting when it was painted last: what the benchmarks of the window share."""

from __future__ import annotations

import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

QUIET_S = 0.15  # without painting, before a click counts as answered


class Painted(QObject):
    """When the canvas or something that is watched was painted last: a plot, or the whole application."""

    def __init__(self, viewer: napari.Viewer, watched: QObject) -> None:
        super().__init__()
        self.last = time.perf_counter()
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._note, position="last")
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._note()
        return False

    def _note(self, *_: object) -> None:
        self.last = time.perf_counter()

    def milliseconds(self, do: Callable[[], object]) -> float:
        """Do something, let the window live until it is still, and return how long it was not."""
        self.settle()
        began = time.perf_counter()
        do()
        self.settle()
        return 1000 * (self.last - began)

    def settle(self) -> None:
        self.last = time.perf_counter()
        while time.perf_counter() - self.last < QUIET_S:
            QApplication.processEvents()
            time.sleep(0.0005)


def click(viewer: napari.Viewer, world: np.ndarray) -> Callable[[], None]:
    """Press the left button at a place in the world; return what releases it."""
    canvas = viewer.window._qt_viewer.canvas
    height, width = canvas.size
    camera = viewer.scene.camera
    y, x = (np.asarray(world)[-2:] - camera.center[-2:]) * camera.zoom
    at = QPointF(width / 2 + x, height / 2 + y)
    left, none, keys = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier

    def send(kind: QEvent.Type, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        everywhere = QPointF(canvas.native.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(canvas.native, QMouseEvent(kind, at, everywhere, button, held, keys))

    send(QEvent.Type.MouseMove, none, none)
    send(QEvent.Type.MouseButtonPress, left, left)
    return lambda: send(QEvent.Type.MouseButtonRelease, left, none)
