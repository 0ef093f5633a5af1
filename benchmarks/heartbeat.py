"""How long the window keeps a user waiting: a 20 ms heartbeat on the GUI thread while a model is trained.

Opens a real window (on Linux without a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24"``), trains on the
CPU and measures the time from beat to beat: at rest, while training, and while the movie plays besides.

``--full`` does so on a recording of 512 × 512 × 1,000 that is opened from its file as a user opens it, stops the
training at several moments, and moves the sparsity slider of 1,024 and of 4,096 latents.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import tifffile
from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtWidgets import QApplication
from report import save
from window import Painted

from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.simulate import simulate_movie

BEAT_MS = 20
PLAY_FPS = 15
STEPS = 10_000
PLAYS = f", movie plays at {PLAY_FPS} frames/s"
# Moments to stop at: the stage that is shown, and seconds to wait after it is.
MOMENTS = {
    "the mean frame": ("Computing the mean frame", 0.3),
    "the first footprints": ("Finding the first footprints", 1.0),
    "the first steps": ("Training the reconstruction", 0.5),
    "the training": ("Training the dynamics", 2.0),
    "the estimate of the dynamics": ("Estimating the dynamics", 0.0),
}
MOVES = 20
LONGEST_S = 600


def beats(seconds: float) -> np.ndarray:
    """Let the window live for some seconds; return the times between heartbeats in ms."""
    ends = time.perf_counter() + seconds
    return beats_until(lambda: time.perf_counter() >= ends)


def beats_until(ended: Callable[[], bool]) -> np.ndarray:
    """Let the window live until something is the case; return the times between heartbeats in ms."""
    times: list[float] = []
    timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    loop = QEventLoop()
    began = time.perf_counter()

    def beat() -> None:
        times.append(time.perf_counter())
        if ended():
            loop.quit()
        elif times[-1] - began > LONGEST_S:
            raise SystemExit("What the benchmark waits for did not happen.")

    timer.timeout.connect(beat)
    timer.start()
    loop.exec()
    timer.stop()
    return 1000 * np.diff(times)


def row(what: str, intervals: np.ndarray, **more: object) -> dict[str, object]:
    median, late, latest = np.percentile(intervals, (50, 99, 100))
    return {
        "window": what,
        "beats": len(intervals),
        "median ms": round(float(median), 1),
        "99th percentile ms": round(float(late), 1),
        "longest ms": round(float(latest), 1),
        **more,
    }


class Shown:
    """Counts the frames that were really drawn."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer, self._last, self.frames = viewer, -1, 0
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._note, position="last")

    def _note(self, *_: object) -> None:
        time_axis = self._viewer.dims.ndim - 3
        frame = self._viewer.dims.current_step[time_axis]
        self.frames += frame != self._last
        self._last = frame


def play(viewer: napari.Viewer) -> None:
    dims = viewer.window._qt_viewer.dims
    dims._animation_thread._slider = lambda: (
        None
    )  # napari stumbles over the slider it played, which it has deleted
    dims.play(axis=viewer.dims.ndim - 3, fps=PLAY_FPS)
    beats(0.5)


def small(quick: bool) -> None:
    """Measure on a simulated movie in memory."""
    seconds = 6.0 if quick else 30.0
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    docks = add_docks(viewer)
    recording, dynamics = docks.recording, docks.dynamics
    simulated = simulate_movie(frames=1000)
    viewer.add_image(simulated.movie, name="simulated", contrast_limits=(0, float(simulated.movie.max())))
    session = recording.session
    beats(2.0)
    rows = [row("at rest", beats(seconds))]

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
    for what in ("training", "training" + PLAYS):
        if PLAYS in what:
            play(viewer)
        before = session.dynamics.history[-1].step
        measured = beats(seconds)
        if session.work.job is None:
            raise SystemExit("The training ended before the measurement: take a longer recording.")
        rows.append(row(what, measured, **{"training steps": session.dynamics.history[-1].step - before}))
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


class Window:
    """A window with a recording in it that was opened from its file, as a user does it.

    Parameters
    ----------
    file : Path
        The recording.
    """

    def __init__(self, file: Path) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1280, 800)
        self.docks: Docks = add_docks(self.viewer)
        self.session = self.docks.recording.session
        self.panel = self.docks.dynamics.model
        self.panel.device.addItem("cpu")
        self.panel.device.setCurrentText("cpu")
        self.docks.recording.open([file])
        beats_until(lambda: self.session.recording.quality is not None)
        beats(3.0)  # for the layers that follow
        self.docks.dynamics.parentWidget().raise_()
        self.shown = Shown(self.viewer)

    @property
    def stage(self) -> str:
        """What the progress bar says."""
        status = self.session.work.status
        return "" if status is None else status.stage

    @property
    def free(self) -> bool:
        """Whether another training could be started."""
        free: bool = self.session.work.free
        return free

    @property
    def idle(self) -> bool:
        """Whether nothing is computed, not even what the user does not wait for."""
        return self.session.work.job is None

    def measure(self, what: str, ended: Callable[[], bool]) -> dict[str, object]:
        """Return a line of the table for the time until something is the case."""
        began, before = time.perf_counter(), self.shown.frames
        intervals = beats_until(ended)
        seconds = time.perf_counter() - began
        more: dict[str, object] = {"seconds": round(seconds, 1)}
        if PLAYS in what:
            more["frames/s shown"] = round((self.shown.frames - before) / seconds, 1)
        return row(what, intervals, **more)

    def rest(self, what: str, seconds: float) -> dict[str, object]:
        ends = time.perf_counter() + seconds
        return self.measure(what, lambda: time.perf_counter() >= ends)

    def whole_training(self, more: str) -> list[dict[str, object]]:
        """Measure a training from its start to its end, and the maps that follow it."""
        self.panel.train.click()
        work = self.session.work
        rows = [self.measure("training" + more, lambda: work.doing != "Training")]
        return [*rows, self.measure("maps and slider" + more, lambda: self.idle)]

    def stopped(self, what: str) -> dict[str, object]:
        """Stop a training at a moment; return how long it took until there was a model and the panel was free."""
        stage, seconds = MOMENTS[what]
        self.session.dynamics.history = ()
        self.panel.train.click()
        beats_until(lambda: stage in self.stage or self.free)
        beats(seconds)
        if stage not in self.stage:
            beats_until(lambda: self.idle)
            return {"stopped while": what, "panel free after ms": "over before the click"}
        before, model = self.session.dynamics.model, 0.0
        began = time.perf_counter()
        self.panel.train.click()

        def ended() -> bool:
            nonlocal model
            if self.session.dynamics.model is not before and not model:
                model = time.perf_counter() - began
            return self.free

        intervals = beats_until(ended)
        line: dict[str, object] = {"stopped while": what, "panel free after ms": self._since(began)}
        beats_until(lambda: self.idle)
        return line | {
            "new model after ms": round(1000 * model) if model else "none yet",
            "longest beat ms": round(float(intervals.max(initial=0))),
        }

    def slider(self) -> dict[str, object]:
        """Move the sparsity slider; return how long until matrix and map of the new point were painted."""
        dock, session = self.docks.dynamics, self.session
        painted = Painted(self.viewer, dock.matrix.plot.viewport())
        places = np.linspace(200, 900, MOVES).round().astype(int)
        took = []
        for place in np.random.default_rng(0).permutation(places).tolist():
            painted.settle()
            maps, image = session.dynamics.maps, self.viewer.layers[EXPLAINED].data
            began = time.perf_counter()
            dock.sparsity.slider.setValue(place)
            while self.viewer.layers[EXPLAINED].data is image or session.dynamics.maps is maps:
                QApplication.processEvents()
                time.sleep(0.0005)
            painted.settle()
            took.append(1000 * (painted.last - began))
        median, late = np.percentile(took, (50, 95))
        return {
            "latents": session.dynamics.model.network.latents,
            "median ms": round(float(median)),
            "95th percentile ms": round(float(late)),
            "longest ms": round(max(took)),
        }

    def close(self) -> None:
        self.session.close()
        self.viewer.close()

    @staticmethod
    def _since(began: float) -> int:
        return round(1000 * (time.perf_counter() - began))


def full(quick: bool, file: Path | None) -> None:
    """Measure on a recording of full size in a file."""
    frames, size = (200, 128) if quick else (1000, 512)
    name, command = "heartbeat_full", "python benchmarks/heartbeat.py --full"
    if quick:
        name, command = f"{name}_quick", f"{command} --quick"
    about = f"{frames:,} frames of {size} × {size} pixels, uint16, opened from their TIFF; standard settings, CPU."
    with tempfile.TemporaryDirectory() as folder:
        if file is None:
            file = Path(folder) / "movie.tif"
            cells = dict.fromkeys(("dynamic", "silent", "flicker"), 50 if not quick else 4)
            truth = simulate_movie(frames=frames, height=size, width=size, seed=0, **cells)
            tifffile.imwrite(file, truth.movie.astype(np.uint16))
        window = Window(file)
        seconds = 3.0 if quick else 20.0
        rows = [window.rest("at rest", seconds)]
        play(window.viewer)
        rows.append(window.rest("at rest" + PLAYS, seconds))
        window.viewer.window._qt_viewer.dims.stop()
        rows += window.whole_training("")
        play(window.viewer)
        rows += window.whole_training(PLAYS)
        window.viewer.window._qt_viewer.dims.stop()
        save(
            name,
            rows,
            command=command,
            notes=f"{about} Whole trainings, with the loading of torch in the first. A beat is due every {BEAT_MS} ms;"
            " the target is a 99th percentile of at most 60 ms. Without a screen the window is painted by the"
            " processor.",
        )
        save(
            f"{name}_stop",
            [window.stopped(it) for it in MOMENTS],
            command=command,
            notes=f"{about} From the click until the panel is free for another training, and the model so far is there,"
            " which there is not before training has begun. The target is 1 s.",
        )
        moves = []
        for latents in (1024, 4096):
            window.panel.form.editors["latents"].value = latents
            window.whole_training("")
            moves.append(window.slider())
        window.close()
    save(
        f"{name}_slider",
        moves,
        command=command,
        notes=f"{about} {MOVES} moves of the sparsity slider each, from the move until matrix and explained map of the"
        " new point are painted. The targets are 150 ms for 1,024 latents and 500 ms for 4,096.",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="6 s for every line instead of 30; a small recording"
    )
    parser.add_argument("--full", action="store_true", help="a recording of full size, from its file")
    parser.add_argument("--file", type=Path, help="this recording in place of a simulated one, for --full")
    options = parser.parse_args()
    if options.full:
        full(options.quick, options.file)
    else:
        small(options.quick)


if __name__ == "__main__":
    main()
