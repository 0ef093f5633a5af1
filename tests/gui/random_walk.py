"""A user who clicks on anything: ``python tests/gui/random_walk.py --seed 3 --actions 300``.

Each action is written to a file before it is done, with a number that all its choices are drawn from. So a crash leaves
the sequence that led to it, `--replay FILE` does it again, and what is left out of it changes nothing else.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyqtgraph as pg
from inspector_scene import FRAMES, RATE, chain_movie, six_cells, train
from qtpy.QtCore import QPoint, Qt, qInstallMessageHandler
from qtpy.QtGui import QContextMenuEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QTabBar,
    QTableWidget,
    QWidget,
)
from session_walk import Walk

from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.dynamics.runs import compute_maps
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.neurons.inputs import extract, take_rois
from napari_calcdyn.gui.neurons.trace_settings import TraceSettings
from napari_calcdyn.gui.recording.recordings import open_recording
from napari_calcdyn.gui.session import session_of

PIECES = (
    QAbstractButton,
    QComboBox,
    QAbstractSlider,
    QAbstractSpinBox,
    QLineEdit,
    QTabBar,
    QTableWidget,
    pg.PlotWidget,
)
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
KNOWN = ("in _paint_loading",)
"""Lines of exceptions that napari raises without us, too: see `upstream/`."""
TEXTS = ("", "0:40", "3", "-1", "abc", "µ", "1e9", "60:20", "0.5")


class RandomWalk(Walk):
    """Actions on all seven panels, the layers and the view; `folder` has what file dialogs answer."""

    def __init__(self, viewer: Any, docks: Any, folder: Path) -> None:
        super().__init__(viewer, docks, 0)
        self.folder = folder

    def do(self, action: str, number: int) -> None:
        """Do one thing; its choices are drawn from a number."""
        self.random = np.random.default_rng(number)
        self.done.append(action)
        if self.viewer.dims.ndisplay == 3 and number % 2:
            self.viewer.dims.ndisplay = 2  # in 3-D, software takes seconds to draw
        getattr(self, action)()

    # What is more likely than the rest has several names.

    def click(self) -> None:
        panels = self.session.panels
        if panels:
            panel = self._one(panels)
            if self.random.random() < 0.5:
                panel.parentWidget().raise_()
                QApplication.processEvents()
            self._use(panel)

    click_again = click_more = click_on = click_else = click_there = click_here = click

    def click_layer_controls(self) -> None:
        self._use(self.viewer.window._qt_viewer.controls)

    click_layer_controls_again = click_layer_controls

    def click_in_dialog(self) -> None:
        dialogs = [it for it in QApplication.topLevelWidgets() if isinstance(it, QDialog) and it.isVisible()]
        if dialogs:
            self._use(self._one(dialogs))

    def click_canvas(self) -> None:
        canvas = self.viewer.window._qt_viewer.canvas.native
        place = self._place(canvas)
        QTest.mouseMove(canvas, place)
        keys = (NO_KEY, NO_KEY, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier)
        QTest.mouseClick(canvas, LEFT, self._one(keys), place)

    click_canvas_again = click_canvas

    def drag_canvas(self) -> None:
        canvas = self.viewer.window._qt_viewer.canvas.native
        QTest.mousePress(canvas, LEFT, NO_KEY, self._place(canvas))
        for _ in range(3):
            QTest.mouseMove(canvas, self._place(canvas))
            QApplication.processEvents()
        QTest.mouseRelease(canvas, LEFT, NO_KEY, self._place(canvas))

    def move_any_slider(self) -> None:
        dims = self.viewer.dims
        axis = int(self.random.integers(dims.ndim))
        dims.set_current_step(axis, int(self.random.integers(max(1, int(dims.nsteps[axis])))))

    def select_layer(self) -> None:
        if len(self.viewer.layers):
            self.viewer.layers.selection.active = self._layer()

    def change_mode(self) -> None:
        layer = self.viewer.layers.selection.active
        if layer is not None and type(layer).__name__ in ("Labels", "Shapes", "Points"):
            layer.mode = self._one([str(it) for it in type(layer)._modeclass])

    def undo(self) -> None:
        canvas = self.viewer.window._qt_viewer.canvas.native
        QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def press_key(self) -> None:
        keys = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Delete, Qt.Key.Key_V, Qt.Key.Key_Escape)
        QTest.keyClick(self.viewer.window._qt_viewer.canvas.native, self._one(keys))

    def remove_any_layer(self) -> None:
        if len(self.viewer.layers):
            self.viewer.layers.remove(self._layer())

    def hide_layer(self) -> None:
        if len(self.viewer.layers):
            layer = self._layer()
            layer.visible = not layer.visible

    def change_theme(self) -> None:
        self.viewer.theme = self._one(["dark", "light"])

    def switch_grid(self) -> None:
        self.viewer.canvas.grid.enabled = not self.viewer.canvas.grid.enabled

    def switch_3d(self) -> None:
        self.viewer.dims.ndisplay = 5 - self.viewer.dims.ndisplay

    def transpose(self) -> None:
        self.viewer.dims.transpose()

    def reset_view(self) -> None:
        self.viewer.reset_view()

    def add_movie(self) -> None:
        frames, height, width = (int(it) for it in self.random.integers((5, 8, 8), (60, 50, 50)))
        kind = self._one([np.uint16, np.float32, np.int16, np.uint8])
        pixels = self.random.uniform(0, 250, (frames, height, width)).astype(kind)
        self.viewer.add_image(pixels, name=f"another {len(self.done)}", scale=(1, 0.5, 0.5))

    def add_any_layer(self) -> None:
        random, count, name = self.random, int(self.random.integers(0, 6)), f"any {len(self.done)}"
        corners = random.uniform(0, 30, (3 * (count + 1), 2)).astype(np.float32)
        polygons = list(corners.reshape(-1, 3, 2)[:count]) or None
        # Without a vector, napari cannot draw it in 3-D: see upstream/empty_vectors.py.
        vectors = random.uniform(0, 30, (count + 1, 2, 2))
        adds = (
            lambda: self.viewer.add_points(corners[:count], ndim=2, name=name),
            lambda: self.viewer.add_shapes(polygons, ndim=2, shape_type="polygon", name=name),
            lambda: self.viewer.add_vectors(vectors, name=name),
            lambda: self.viewer.add_surface((corners, np.arange(len(corners)).reshape(-1, 3)), name=name),
            lambda: self.viewer.add_labels(random.integers(0, 9, (20, 25)), name=name),
            lambda: self.viewer.add_image(np.full((15, 25), np.nan, np.float32), name=name),
        )
        self._one(adds)()

    def empty_layer(self) -> None:
        layer = self._layer()
        if type(layer).__name__ in ("Points", "Shapes"):
            layer.selected_data = set(range(len(layer.data)))
            layer.remove_selected()

    def open_movie(self) -> None:
        open_recording(self.session, self.folder / self._one(["chain.npy", "other.npy"]))

    def add_rois(self) -> None:
        if self.session.recording.movie is not None:
            take_rois(self.session, six_cells())

    def toggle_panel(self) -> None:
        panels = self.session.panels
        if panels:
            dock = self._one(panels).parentWidget()
            dock.setVisible(not dock.isVisible())

    def resize(self) -> None:
        width, height = self.random.integers((900, 600), (1200, 800))
        self.viewer.window._qt_window.resize(int(width), int(height))

    def wait(self) -> None:
        let_live(0.5)

    def wait_for_job(self) -> None:
        until = time.monotonic() + 5
        while self.session.work.job is not None and time.monotonic() < until:
            let_live(0.02)

    def _use(self, parent: QWidget) -> None:
        """Use one of the buttons, boxes, sliders … of a widget that can be seen and used."""
        pieces = [
            it
            for kind in PIECES
            for it in parent.findChildren(kind)
            if it.isVisibleTo(parent)
            and it.isEnabled()
            and not isinstance(it.parentWidget(), QAbstractSpinBox | QComboBox)
        ]
        if not pieces:
            return
        piece = self._one(pieces)
        self.done[-1] += f" {type(piece).__name__} {getattr(piece, 'text', piece.objectName)()!r}"
        if isinstance(piece, QAbstractButton) and getattr(piece, "menu", lambda: None)() is not None:
            actions = [it for it in piece.menu().actions() if it.isEnabled() and not it.isSeparator()]
            if actions:
                self._one(actions).trigger()
        elif isinstance(piece, QAbstractButton):
            piece.click()
        elif isinstance(piece, QComboBox) and piece.count():
            piece.setCurrentIndex(int(self.random.integers(piece.count())))
        elif isinstance(piece, QAbstractSlider) and np.ndim(piece.value()):  # a range, as of contrast limits
            ends = self.random.uniform(piece.minimum(), piece.maximum(), 2)
            piece.setValue(tuple(sorted(ends.tolist())))
        elif isinstance(piece, QAbstractSlider):
            piece.setValue(int(self.random.integers(piece.minimum(), piece.maximum() + 1)))
        elif isinstance(piece, QAbstractSpinBox):
            piece.stepBy(int(self.random.integers(-3, 4)))
        elif isinstance(piece, QLineEdit) and not piece.isReadOnly():
            piece.selectAll()
            QTest.keyClicks(piece, self._one(TEXTS))
            QTest.keyClick(piece, Qt.Key.Key_Return)
        elif isinstance(piece, QTabBar) and piece.count():
            QTest.mouseClick(
                piece, LEFT, NO_KEY, piece.tabRect(int(self.random.integers(piece.count()))).center()
            )
        elif isinstance(piece, QTableWidget) and piece.rowCount() and piece.columnCount():
            row, column = (int(self.random.integers(it)) for it in (piece.rowCount(), piece.columnCount()))
            centre = (
                piece.visualItemRect(piece.item(row, column)).center()
                if piece.item(row, column)
                else QPoint(3, 3)
            )
            QTest.mouseClick(piece.viewport(), LEFT, NO_KEY, centre)
        elif isinstance(piece, pg.PlotWidget):
            place = self._place(piece.viewport())
            if self.random.random() < 0.2:
                event = QContextMenuEvent(
                    QContextMenuEvent.Reason.Mouse, place, piece.viewport().mapToGlobal(place)
                )
                QApplication.sendEvent(piece.viewport(), event)
            else:
                QTest.mouseClick(piece.viewport(), LEFT, NO_KEY, place)

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(
            int(self.random.integers(max(1, widget.width()))),
            int(self.random.integers(max(1, widget.height()))),
        )

    def _one(self, items: Any) -> Any:
        return items[int(self.random.integers(len(items)))]


def drawn(seed: int, count: int) -> Iterator[tuple[str, int]]:
    """Draw actions and their numbers."""
    random, actions = np.random.default_rng(seed), RandomWalk.actions()
    for _ in range(count):
        yield actions[random.integers(len(actions))], int(random.integers(2**31))


def let_live(seconds: float) -> None:
    """Run the window for a while."""
    until = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        if time.monotonic() >= until:
            return
        time.sleep(0.003)


def settle(walk: RandomWalk) -> None:
    """Wait for whatever is under way."""
    while walk.session.work.job is not None or walk.session.work.check is not None:
        let_live(0.05)


def furnish(walk: RandomWalk) -> None:
    """Have all seven panels, a recording, a model with maps, ROIs and their traces."""
    session, recording = walk.session, walk.docks.recording
    pixels = chain_movie(six_cells())[: FRAMES // 2]
    np.save(walk.folder / "chain.npy", pixels)
    np.save(walk.folder / "other.npy", pixels[:60, :40, ::-1].copy())
    (walk.folder / "behaviour.csv").write_text(
        "speed\n" + "\n".join(str(it % 7) for it in range(len(pixels)))
    )
    for topic in ("traces", "behaviour"):
        open_panel(recording, session, topic)
    open_recording(session, walk.folder / "chain.npy")
    settle(walk)
    session.recording.movie.frame_rate = RATE
    take_rois(session, six_cells())
    extract(session, TraceSettings())
    settle(walk)
    session.dynamics.take(train(pixels, 30))
    compute_maps(session)
    for model in (walk.docks.dynamics.model, walk.docks.neurons.model):
        model.preset.setCurrentText("quick")
    walk.docks.dynamics.model.form.editors["steps"].value = 30
    settle(walk)


@contextmanager
def no_dialogs(walk: RandomWalk) -> Iterator[None]:
    """Answer what asks for files, or would wait for somebody, at random."""
    folder, button = walk.folder, QMessageBox.StandardButton

    def opened() -> str:
        return walk._one(
            ["", str(folder / "chain.npy"), str(folder / "other.npy"), str(folder / "behaviour.csv")]
        )

    def written() -> str:
        return walk._one(["", str(folder / f"written {len(walk.done)}")])

    def choose(menu: QMenu, *_: Any) -> None:
        if menu.actions():
            walk._one(menu.actions()).trigger()

    answers: tuple[tuple[Any, str, Any], ...] = (
        (QFileDialog, "getOpenFileName", lambda *_, **__: (opened(), "")),
        (QFileDialog, "getOpenFileNames", lambda *_, **__: ([opened(), opened()], "")),
        (QFileDialog, "getSaveFileName", lambda *_, **__: (written(), "")),
        (QFileDialog, "getExistingDirectory", lambda *_, **__: walk._one(["", str(folder)])),
        (QInputDialog, "getItem", lambda *_, **__: ("", False)),
        (QInputDialog, "getInt", lambda *_, **__: (400, True)),
        (QMessageBox, "question", lambda *_, **__: walk._one([button.Cancel, button.Save, button.Open])),
        (QMenu, "exec", choose),
        (QDialog, "exec", lambda *_: 0),
    )
    with ExitStack() as stack:
        for kind, name, answer in answers:
            stack.enter_context(mock.patch.object(kind, name, answer))
        yield


def walk_through(walk: RandomWalk, actions: Iterable[tuple[str, int]], record: Path | None = None) -> None:
    """Do all actions, each written down before; the window lives for a moment after each."""
    pauses = np.array([0.0, 0.005, 0.03, 0.1])
    with no_dialogs(walk):
        for action, number in actions:
            if record is not None:
                with record.open("a") as file:
                    print(json.dumps([action, number]), file=file, flush=True)
            walk.do(action, number)
            let_live(float(pauses[number % len(pauses)]))


def main() -> int:
    """Walk in a window of its own, print what went wrong, and return how many things did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--actions", type=int, default=300)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    faulthandler.enable()
    wrong: list[str] = []
    known: list[str] = []
    said: list[str] = []
    current: list[str] = [""]

    def fail(*error: Any) -> None:
        text = f"after {current[0]}:\n" + "".join(traceback.format_exception(*error))
        (known if any(it in text for it in KNOWN) else wrong).append(text)
        print(text, file=sys.stderr, flush=True)

    sys.excepthook = fail
    threading.excepthook = lambda it: fail(it.exc_type, it.exc_value, it.exc_traceback)
    qInstallMessageHandler(lambda kind, context, text: said.append(text))

    import napari
    from napari.utils.notifications import ErrorNotification, notification_manager
    from qtpy.QtCore import QSettings

    def noticed(notice: Any) -> None:
        if isinstance(notice, ErrorNotification):
            fail(notice.exception)

    notification_manager.notification_ready.connect(noticed)
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        viewer = napari.Viewer()
        viewer.window._qt_window.resize(1000, 700)
        walk = RandomWalk(viewer, add_docks(viewer), Path(folder))
        furnish(walk)
        if asked.replay:
            actions = [tuple(json.loads(line)) for line in asked.replay.read_text().splitlines()]
        else:
            actions = list(drawn(asked.seed, asked.actions))

        def told() -> Iterator[tuple[str, int]]:
            for number, (action, seed) in enumerate(actions):
                current[0] = f"{number} {action}"
                begun = time.monotonic()
                yield action, seed
                if time.monotonic() - begun > 2:
                    print(f"{current[0]} took {time.monotonic() - begun:.1f} s: {walk.done[-1]}", flush=True)

        record = asked.record or Path(tempfile.gettempdir()) / f"walk-{asked.seed}.jsonl"
        if not asked.replay:
            record.unlink(missing_ok=True)
        try:
            walk_through(walk, told(), None if asked.replay else record)
        except Exception:
            fail(*sys.exc_info())
        session_of(viewer).close()
        viewer.close()
        let_live(0.2)
    for text in dict.fromkeys(said):
        print("Qt:", text)
    print(f"{len(walk.done)} actions, {len(wrong)} exceptions, {len(known)} more that are known of napari")
    return min(len(wrong), 100)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
