"""How soon a recording's findings are there, how the window lives on meanwhile, how fast the corrected movie scrolls.

Opens a real window (on Linux without a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24"``), opens a recording in it,
and measures the time from beat to beat of a 20 ms heartbeat on the GUI thread while it is checked and mapped. Then
steps through a simulated recording of 512 × 512 pixels whose motion, brightness and pixels are corrected.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import napari
import numpy as np
from heartbeat import BEAT_MS, beats
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication
from report import save
from scipy.ndimage import gaussian_filter, shift
from window import Painted

from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.gui.layers.layers import FIRST_LOOK
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.corrected_layers import CORRECTED

FRAMES, SIZE = 1000, 512
STEPS = 60


def shaken(path: Path) -> None:
    """Write a recording that moves and fades, with dead pixels, uint16."""
    random = np.random.default_rng(2)
    scene = gaussian_filter(random.normal(size=(SIZE + 16, SIZE + 16)), 2)
    scene = 300 + 200 * (scene - scene.min()) / np.ptp(scene)
    moves = gaussian_filter(random.normal(size=(FRAMES, 2)), (4, 0))
    moves *= 1.5 / moves.std()
    movie = np.lib.format.open_memmap(path, "w+", np.uint16, (FRAMES, SIZE, SIZE))
    for t, move in enumerate(moves):
        frame = shift(scene, move, order=1)[8:-8, 8:-8] * (1 - 0.3 * t / FRAMES)
        movie[t] = random.poisson(frame)
    movie[:, 100:104, 200:204] = 100
    movie.flush()


def opening(docks: Docks, viewer: napari.Viewer, path: Path, *, check: bool = True) -> dict[str, object]:
    """Open a recording; return when its findings and its first look were there, and how late beats were.

    Without the check, what is left is that napari draws the recording.
    """
    session, view, marks = docks.recording.session, docks.recording.check, dict[str, float]()
    times: list[float] = []
    timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: times.append(time.perf_counter()))

    def until(what: str, there: Callable[[], bool]) -> None:
        while not there():
            QApplication.processEvents()
            time.sleep(0.001)
        marks[what] = time.perf_counter()

    timer.start()
    docks.recording.open([path])
    until("open", lambda: session.recording.movie is not None)
    if check:
        until("findings", lambda: bool(view.findings.text()) and session.recording.quality is not None)
        until("look", lambda: FIRST_LOOK in viewer.layers)
    else:
        until("findings", lambda: time.perf_counter() > marks["open"] + 1)
        marks["look"] = marks["findings"]
    beats(1.0)
    timer.stop()
    at = np.array(times)
    ended = time.perf_counter()

    def late(stop: float) -> dict[str, float]:
        chosen = 1000 * np.diff(at[(at >= marks["open"]) & (at <= stop)])
        return {
            "99th": float(np.percentile(chosen, 99)),
            "longest": float(chosen.max()),
            "beats": len(chosen),
        }

    checking, whole = late(marks["findings"]), late(ended)
    frames, height, width = session.recording.movie.shape
    if not check:
        return {
            "recording": f"{path.name} without the check, for comparison",
            "99th percentile ms": round(checking["99th"], 1),
            "longest ms": round(checking["longest"], 1),
        }
    return {
        "recording": f"{path.name}, {frames:,} × {height} × {width}",
        "findings after s": round(marks["findings"] - marks["open"], 2),
        "first look after s": round(marks["look"] - marks["open"], 2),
        "beats while checked": checking["beats"],
        "99th percentile ms": round(checking["99th"], 1),
        "longest ms": round(checking["longest"], 1),
        "99th percentile with the layers ms": round(whole["99th"], 1),
        "longest with the layers ms": round(whole["longest"], 1),
    }


def scrolling(viewer: napari.Viewer) -> list[dict[str, object]]:
    """Step through the movie that is shown, raw and corrected."""
    painted = Painted(viewer, QApplication.instance())
    rows = []
    for layer in viewer.layers:
        layer.visible = False
    raw = next(it for it in viewer.layers if it.ndim == 3 and it.name != CORRECTED)
    for what, layer in (("as it is stored", raw), ("corrected", viewer.layers[CORRECTED])):
        raw.visible = viewer.layers[CORRECTED].visible = False
        layer.visible = True
        viewer.dims.set_point(0, 0)
        steps = [
            painted.milliseconds(lambda t=t: viewer.dims.set_point(0, t)) for t in range(100, 100 + STEPS)
        ]
        median, worst = np.percentile(steps, (50, 95))
        rows.append(
            {
                "recording": f"a step of the slider, {what}, {SIZE} × {SIZE}",
                "median ms": round(float(median), 1),
                "95th percentile ms": round(float(worst), 1),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*", type=Path, help="each is opened in a new window")
    given = parser.parse_args().recordings
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "shaken.npy"
        shaken(large)
        for path, check in ((it, check) for it in (*given, large) for check in (False, True)):
            viewer = napari.Viewer()
            viewer.window._qt_window.resize(1280, 800)
            docks = add_docks(viewer)
            beats(2.0)
            rest = round(float(np.percentile(beats(5.0), 99)), 1)
            with nullcontext() if check else mock.patch.object(RecordingCheck, "start"):
                rows.append({**opening(docks, viewer, path, check=check), "99th percentile at rest ms": rest})
            if path is large and check:
                rows += scrolling(viewer)
            docks.recording.session.close()
            viewer.close()
    save(
        "recording_window",
        rows,
        command="python benchmarks/recording_window.py mouse_2p.tif",
        notes=f"A beat is due every {BEAT_MS} ms. Times count from when the movie's layer is there, in a new window "
        "for each recording. “With the layers” goes on until a second after the first look, and includes that napari "
        "adds three layers. Targets: findings after at most 3 s, a 99th percentile of at most 60 ms while it is "
        "checked, and at most 60 ms for a step through the corrected movie.",
    )


if __name__ == "__main__":
    main()
