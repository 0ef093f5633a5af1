"""How long a click on a neuron takes to show on the other side: map, movie and traces of 2,000 neurons.

Opens a real window (on Linux without a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24"``) and sends mouse events to
its canvas. Measured is the time from the release of the button to the last painting of canvas or plot that follows
from it.
"""

from __future__ import annotations

import argparse

import napari
import numpy as np
from report import save
from window import Painted, click

from napari_calcdyn import RoiSet, Traces
from napari_calcdyn.analysis.neurons import Neurons
from napari_calcdyn.gui.neurons.latent_layer import ROI_ID
from napari_calcdyn.gui.neurons.roi_layers import show_rois
from napari_calcdyn.gui.neurons.views import show_neurons, views_of
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.gui.traces.dock import TracesDock

SIZE, FRAMES = 512, 2000
ROWS, COLUMNS, PITCH, SIDE = 40, 50, 10, 7
CLUSTERS = 12
TARGET_MS = 100


def recording(viewer: napari.Viewer) -> Session:
    """Put a recording with its analysis into a viewer: random, as only sizes matter here."""
    random = np.random.default_rng(0)
    labels = np.zeros((SIZE, SIZE), np.int32)
    for number in range(ROWS * COLUMNS):
        top, left = 5 + PITCH * (number // COLUMNS), 5 + PITCH * (number % COLUMNS)
        labels[top : top + SIDE, left : left + SIDE] = number + 1
    rois = RoiSet.from_labels(labels)
    noise = random.integers(0, 1000, (SIZE + FRAMES, SIZE), np.uint16)
    movie = np.lib.stride_tricks.sliding_window_view(noise, SIZE, axis=0).swapaxes(1, 2)[:FRAMES]
    values = random.normal(size=(len(rois), FRAMES)).astype(np.float32)
    traces = Traces(values, rois.ids, frame_rate=20.0, unit="ΔF/F")
    cluster = random.integers(0, CLUSTERS, len(rois))
    angle = 2 * np.pi * cluster / CLUSTERS
    tsne = 40 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + random.normal(0, 5, (len(rois), 2))
    mean = random.normal(size=(len(rois), 8)).astype(np.float32)
    session = session_of(viewer)
    use_layer(session, viewer.add_image(movie, name="movie", contrast_limits=(0, 1000)))
    session.rois.loaded = rois
    show_rois(session)
    session.neurons.traces = traces
    session.neurons.result = Neurons(
        ids=rois.ids,
        mean=mean,
        std=np.ones_like(mean),
        reconstruction=values,
        tsne=tsne.astype(np.float32),
        cluster=cluster,
        embedding=None,  # the map is not drawn anew
        problems=traces.problems,
        features={"mu_1": mean[:, 0], "cluster": cluster},
    )
    show_neurons(session)
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 clicks of each kind instead of 40")
    quick = parser.parse_args().quick
    repeats = 5 if quick else 40

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 900)
    dock = TracesDock(viewer)
    viewer.window.add_dock_widget(dock, area="bottom")
    session = recording(viewer)
    painted, views = Painted(viewer, dock.plot.viewport()), views_of(session)
    points, rois = views.map_layer, session.roi_labels
    random = np.random.default_rng(1)
    measured: dict[str, list[float]] = {}
    for number in random.choice(session.rois.loaded.ids, repeats + 2, replace=False):  # two to warm up
        index = int(np.flatnonzero(points.features[ROI_ID] == number)[0])
        release = click(viewer, points.data_to_world(points.data[index]))
        once = {"a point: ROI lit, movie at its event, traces": painted.milliseconds(release)}
        if not session.rois.selected:
            raise SystemExit("The click did not arrive.")
        number = int(random.choice(session.rois.loaded.ids[session.rois.loaded.ids != number]))
        release = click(viewer, rois.data_to_world(session.rois.loaded.centres[number - 1]))
        once["an ROI: point ringed, traces"] = painted.milliseconds(release)
        if session.rois.selected != (number,):
            raise SystemExit("The click did not arrive.")
        some = random.choice(session.rois.loaded.ids, 500, replace=False).tolist()
        once["500 points in a lasso"] = painted.milliseconds(
            lambda ids=some: views.select(ids, at_event=True)
        )
        other = "mu_1" if views.column == "cluster" else "cluster"
        once["colours of another column"] = painted.milliseconds(lambda name=other: views.colour_by(name))
        for what, value in once.items():
            measured.setdefault(what, []).append(value)
    rows = []
    for what, values in measured.items():
        median, late, latest = np.percentile(values[2:], (50, 95, 100))
        rows.append(
            {
                "selected or chosen": what,
                "median ms": round(float(median)),
                "95th percentile ms": round(float(late)),
                "longest ms": round(float(latest)),
            }
        )
    session.close()
    viewer.close()
    save(
        "linked_selection_quick" if quick else "linked_selection",
        rows,
        command="python benchmarks/linked_selection.py" + (" --quick" if quick else ""),
        notes=f"{ROWS * COLUMNS:,} neurons on {SIZE} × {SIZE} pixels, traces of {FRAMES:,} samples, each "
        f"{repeats} times. From the release of the mouse button to the last painting; the target is {TARGET_MS} ms. "
        "Without a screen the picture is drawn by the processor.",
    )


if __name__ == "__main__":
    main()
