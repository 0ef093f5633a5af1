"""How long a click on an ROI takes until the whole Inspector has followed: 500 ROIs, 256 latents.

Opens a real window (on Linux without a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24"``) and sends mouse events to
its canvas. Measured is the time from the release of the button to the last painting of canvas, plot or tables that
follows from it. Then the time slider is moved, and it is counted what that computes anew: nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from report import save
from window import Painted, click

from napari_calcdyn import Movie, RoiSet
from napari_calcdyn.gui.inspector import runs as inspector_runs
from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.inspector.prepared import Prepared
from napari_calcdyn.gui.layers.movie_time import show_frame
from napari_calcdyn.gui.neurons.roi_layers import show_rois
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.gui.traces.dock import TracesDock
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig

SIZE, FRAMES, QUICK_FRAMES, LATENTS, ORDER = 512, 2000, 600, 256, 2
ROWS, COLUMNS, PITCH, SIDE = 20, 25, 20, 8
TARGET_MS = 150


def rois_on_a_grid() -> RoiSet:
    """500 square ROIs."""
    labels = np.zeros((SIZE, SIZE), np.int32)
    for number in range(ROWS * COLUMNS):
        top, left = 8 + (SIZE // ROWS) * (number // COLUMNS), 6 + PITCH * (number % COLUMNS)
        labels[top : top + SIDE, left : left + SIDE] = number + 1
    return RoiSet.from_labels(labels)


def movie_of(rois: RoiSet, frames: int) -> np.ndarray:
    """Make a movie in which every ROI follows its own past and that of another one, uint16."""
    random = np.random.default_rng(0)
    count = len(rois)
    coefficients = 0.6 * np.eye(count)
    coefficients[np.arange(count), random.permutation(count)] += 0.3
    traces = np.zeros((frames, count))
    for t in range(1, frames):
        traces[t] = coefficients @ traces[t - 1] + random.normal(0, 1, count)
    pixels = 400 + 40 * traces @ (rois.footprints > 0).astype(np.float32)
    pixels += random.normal(0, 20, SIZE * SIZE).astype(np.float32)[None]
    return np.clip(pixels, 0, 60_000).astype(np.uint16).reshape(frames, SIZE, SIZE)


def counted(names: dict[str, tuple[object, str]]) -> dict[str, int]:
    """Count the calls of some functions from now on."""
    calls = dict.fromkeys(names, 0)
    for what, (owner, name) in names.items():
        function = getattr(owner, name)

        def call(
            *args: object, what: str = what, function: Callable[..., object] = function, **more: object
        ) -> object:
            calls[what] += 1
            return function(*args, **more)

        setattr(owner, name, call)
    return calls


def wait_for(condition: Callable[[], bool], timeout: float) -> float:
    """Let the window live until something is true; return how long it took, in seconds."""
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > timeout:
            raise SystemExit("The warm-up did not end in time.")
        QApplication.processEvents()
        time.sleep(0.002)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 clicks of each kind, and a shorter movie")
    quick = parser.parse_args().quick
    repeats, frames = (5, QUICK_FRAMES) if quick else (40, FRAMES)

    rois = rois_on_a_grid()
    pixels = movie_of(rois, frames)
    config = VARAutoencoderConfig.preset("quick", steps=30, latents=LATENTS, order=ORDER)
    model = VARAutoencoder(config).fit(Movie.from_array(pixels, frame_rate=20.0), device="cpu")

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 900)
    dock = InspectorDock(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    viewer.window.add_dock_widget(TracesDock(viewer), area="bottom")
    session = session_of(viewer)
    layer = viewer.add_image(pixels, name="movie", contrast_limits=(0, 1200), metadata={"frame_rate": 20.0})
    use_layer(session, layer)
    session.rois.loaded = rois
    show_rois(session)
    session.dynamics.model, session.dynamics.var = model, model.var
    warm_up = wait_for(lambda: session.answers.influence is not None, 600)
    rows = measure(viewer, session, dock, repeats)
    session.close()
    dock.inspection.close()
    viewer.close()
    save(
        "inspector_quick" if quick else "inspector",
        rows,
        command="python benchmarks/inspector.py" + (" --quick" if quick else ""),
        notes=f"{len(rois)} ROIs on {SIZE} × {SIZE} pixels, {frames:,} frames, {LATENTS} latents, order {ORDER}; each "
        f"{repeats} times, with the dock Traces open too. From the release of the mouse button to the last painting of "
        f"the window; the target is {TARGET_MS} ms. Warm-up before: {warm_up:.1f} s. Without a screen the picture is "
        "drawn by the processor.",
    )


def measure(
    viewer: napari.Viewer, session: Session, dock: InspectorDock, repeats: int
) -> list[dict[str, object]]:
    """Click and slide; return a row for each kind of doing."""
    painted, random, rois = (
        Painted(viewer, QApplication.instance()),
        np.random.default_rng(1),
        session.rois.loaded,
    )
    labels = session.roi_labels
    measured: dict[str, list[float]] = {}
    computed = counted(
        {
            "regions": (Prepared, "inspect"),
            "maps": (inspector_runs, "region_map"),
            "arrows": (inspector_runs, "show_arrows"),
        }
    )

    def clicked(number: int) -> float:
        release = click(viewer, labels.data_to_world(rois.centres[number - 1]))
        took = painted.milliseconds(release)
        if session.rois.selected != (number,) or dock.inspection.current.region.roi != number:
            raise SystemExit("The click did not arrive.")
        return took

    for number in random.choice(rois.ids, repeats + 2, replace=False).tolist():  # two to warm up
        once = {"an ROI: traces, sources, map, arrows": clicked(number)}
        before = dict(computed)
        frame = int(random.integers(session.recording.movie.n_frames))
        once["the time slider: cursor only"] = painted.milliseconds(lambda at=frame: show_frame(session, at))
        if computed != before:
            raise SystemExit(f"The slider computed something anew: {before} before, {computed} after.")
        dock._on_pin()
        other = int(random.choice(np.setdiff1d(rois.ids, [number])))
        once["an ROI, with another one pinned"] = clicked(other)
        dock._on_unpin()
        place = labels.data_to_world(rois.centres[other - 1] + 0.5 * PITCH)
        release = click(viewer, place)
        once["a bare pixel: traces, sources, map"] = painted.milliseconds(release)
        if dock.inspection.region.roi is not None:
            raise SystemExit("The click on a pixel did not arrive.")
        once["the next ROI, by key"] = painted.milliseconds(dock._on_next)
        for what, value in once.items():
            measured.setdefault(what, []).append(value)
    rows = []
    for what, values in measured.items():
        median, late, latest = np.percentile(values[2:], (50, 95, 100))
        rows.append(
            {
                "clicked or moved": what,
                "median ms": round(float(median)),
                "95th percentile ms": round(float(late)),
                "longest ms": round(float(latest)),
            }
        )
    return rows


if __name__ == "__main__":
    main()
