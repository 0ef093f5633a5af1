"""How long the window keeps a user waiting: a 20 ms heartbeat on the GUI thread while a model is trained.

Opens a real window (on Linux without a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24"``), trains on the
CPU and measures the time from beat to beat: at rest, while training, and while the movie plays besides.
"""

from __future__ import annotations

import argparse
import time

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer
from report import save

from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.simulate import simulate_movie

BEAT_MS = 20
PLAY_FPS = 15
STEPS = 10_000


def beats(seconds: float) -> np.ndarray:
    """Let the window live for some seconds; return the times between heartbeats in ms."""
    times: list[float] = []
    timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: times.append(time.perf_counter()))
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    timer.start()
    loop.exec()
    timer.stop()
    return 1000 * np.diff(times)


def row(what: str, intervals: np.ndarray, steps: int | None) -> dict[str, object]:
    median, late, latest = np.percentile(intervals, (50, 99, 100))
    return {
        "window": what,
        "beats": len(intervals),
        "median ms": round(float(median), 1),
        "99th percentile ms": round(float(late), 1),
        "longest ms": round(float(latest), 1),
        "training steps": "" if steps is None else steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 s for every line instead of 30")
    quick = parser.parse_args().quick
    seconds = 6.0 if quick else 30.0

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    docks = add_docks(viewer)
    recording, dynamics = docks.recording, docks.dynamics
    simulated = simulate_movie(frames=1000)
    viewer.add_image(simulated.movie, name="simulated", contrast_limits=(0, float(simulated.movie.max())))
    session = recording.session
    beats(2.0)
    rows = [row("at rest", beats(seconds), None)]

    # Long enough for every line, with the prediction in every step and not only after a warm-up.
    for name, value in {"steps": STEPS, "warm_up": 0.0, "patience": 1000}.items():
        dynamics.model.form.editors[name].value = value
    dynamics.model.device.addItem("cpu")
    dynamics.model.device.setCurrentText("cpu")
    dynamics.model.train.click()
    while (
        len(session.dynamics.history) < 3 and session.work.job is not None
    ):  # loading torch is measured apart
        beats(0.2)
    for what in ("training", f"training, movie plays at {PLAY_FPS} frames/s"):
        if "plays" in what:
            viewer.window._qt_viewer.dims.play(axis=0, fps=PLAY_FPS)
            beats(0.5)
        before = session.dynamics.history[-1].step
        measured = beats(seconds)
        if session.work.job is None:
            raise SystemExit("The training ended before the measurement: take a longer recording.")
        rows.append(row(what, measured, session.dynamics.history[-1].step - before))
    viewer.window._qt_viewer.dims.stop()

    asked = time.perf_counter()
    dynamics.model.train.click()
    while session.work.job is not None and session.work.job.title == "Training":
        beats(0.05)
    rows.append(
        {
            "window": "from Stop to the end of training",
            "longest ms": round(1000 * (time.perf_counter() - asked)),
        }
    )
    session.close()
    viewer.close()
    save(
        "heartbeat_quick" if quick else "heartbeat",
        rows,
        command="python benchmarks/heartbeat.py" + (" --quick" if quick else ""),
        notes="Simulated movie of 1,000 frames, 128 × 128 pixels, standard settings without warm-up, on the CPU. "
        f"A beat is due every {BEAT_MS} ms; the target is a 99th percentile of at most 60 ms.",
    )


if __name__ == "__main__":
    main()
