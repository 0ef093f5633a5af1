"""Make the pictures of the pages from the real window: simulated recordings, real training, both themes.

Run by ``make docs``; without a screen, under ``xvfb-run -a -s "-screen 0 1600x1000x24"``.
"""

from __future__ import annotations

import os
import runpy
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication
from scipy import sparse
from scipy.ndimage import gaussian_filter, shift

from napari_calcdyn.gui.behaviour.dock import BehaviourDock
from napari_calcdyn.gui.behaviour.files import load_behaviour
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.help.window import help_window
from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.gui.layers.layers import FIRST_LOOK
from napari_calcdyn.gui.neurons.columns_file import read_columns
from napari_calcdyn.gui.neurons.roi_layers import show_rois
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.opening.dialog import Looking
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.saved.saving import SavedSession
from napari_calcdyn.gui.traces.dock import TracesDock
from napari_calcdyn.jobs import run
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import Movie, open_movie
from napari_calcdyn.simulate import SimulatedMovie, movie_of_traces, simulate_movie
from napari_calcdyn.simulate.activity import simulate_activity

IMAGES = Path(__file__).parent / "images"
SIMULATE_SUITE2P = Path(__file__).parent.parent / "examples" / "simulate_suite2p.py"


def let_live(seconds: float) -> None:
    """Run the window for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.005)


def wait_until(condition: Callable[[], bool], timeout: float = 300.0) -> None:
    """Run the window until something is true."""
    until = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("The window did not get there in time.")
        let_live(0.05)


def open_window() -> tuple[napari.Viewer, Docks]:
    """Open napari with our docks, as large as on a small laptop."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    docks = add_docks(viewer)
    let_live(0.5)
    return viewer, docks


def picture(viewer: napari.Viewer, name: str, settle: float = 0.4) -> None:
    """Save what the window shows, once it has had some seconds to settle."""
    viewer.reset_view()
    let_live(settle)
    viewer.window.screenshot(IMAGES / f"{name}.png", flash=False, canvas_only=False)
    shrink(IMAGES / f"{name}.png")


def shrink(path: Path) -> None:
    """Write a picture with 256 colours, in a third of the bytes: those of the panels' pages are in the wheel."""
    with Image.open(path) as picture:
        # Colours of few pixels, such as those of single points, are kept, which the other methods mix with others.
        few = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, 8, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def dynamics_pictures(folder: Path) -> None:
    """Take the pictures of *Your first recording*."""
    viewer, docks = open_window()
    recording, dynamics = docks.recording, docks.dynamics
    session = recording.session
    simulate_movie().save(folder)
    recording.open([folder / "movie.tif"])
    wait_until(lambda: FIRST_LOOK in viewer.layers)
    picture(viewer, "opened")
    recording.mean.click()
    wait_until(lambda: session.work.job is None)
    picture(viewer, "mean_frame")

    dynamics.parentWidget().raise_()
    dynamics.model.preset.setCurrentText("quick")
    dynamics.model.train.click()
    wait_until(lambda: session.work.status is not None and (session.work.status.fraction or 0) > 0.5)
    picture(viewer, "training")
    wait_until(lambda: session.work.job is None)
    viewer.layers.selection.active = viewer.layers[EXPLAINED]
    picture(viewer, "window")
    viewer.theme = "light"
    picture(viewer, "window_light")
    viewer.theme = "dark"
    dynamics.views.setCurrentWidget(dynamics.between)
    dynamics.between.find.click()
    wait_until(lambda: session.work.job is None)
    picture(viewer, "between")
    viewer.close()


def check_pictures(_: Path) -> None:
    """Take the picture of *What the panel finds*."""
    simulated = simulate_movie(frames=600)
    random = np.random.default_rng(2)
    moves = gaussian_filter(random.normal(size=(600, 2)), (4, 0)) * 6
    movie = np.stack([shift(*it, order=1, mode="nearest") for it in zip(simulated.movie, moves, strict=True)])
    movie[200:206] = movie[400] = 0
    viewer, docks = open_window()
    limits = [float(it) for it in np.percentile(movie, (1, 99.9))]
    metadata = {"frame_rate": simulated.frame_rate}
    viewer.add_image(movie, name="moving recording", contrast_limits=limits, metadata=metadata)
    wait_until(lambda: FIRST_LOOK in viewer.layers)
    docks.recording.session.part(RecordingCheck).mark_frames(range(300, 320), bad=True)
    let_live(1.0)
    picture(viewer, "check")
    viewer.close()


def import_pictures(folder: Path) -> None:
    """Take the picture of *Looking before opening*: ROIs whose y and x were exchanged when they were saved."""
    viewer, docks = open_window()
    session = docks.recording.session
    simulated = simulate_movie(frames=600, height=96, width=96, seed=1)
    simulated.save(folder)
    write_caiman(folder / "caiman.hdf5", simulated)
    docks.recording.open([folder / "movie.tif"])
    wait_until(lambda: session.work.job is None and session.work.check is None)
    docks.neurons.parentWidget().raise_()
    docks.neurons.inputs.open(folder / "caiman.hdf5")
    looking = session.part(Looking)
    wait_until(lambda: looking.dialog is not None and looking.dialog.now.mean is not None)
    wait_until(lambda: not looking.dialog.now.under_way)
    let_live(0.5)
    looking.dialog.grab().save(str(IMAGES / "look.png"))
    shrink(IMAGES / "look.png")
    looking.dialog.reject()
    viewer.close()


def write_caiman(path: Path, simulated: SimulatedMovie) -> None:
    """Write ROIs and traces as CaImAn does, except that the pixels are counted along x first."""
    rois = simulated.rois
    footprints = sparse.csc_array(rois.footprints.T)
    with h5py.File(path, "w") as file:
        estimates = file.create_group("estimates")
        for name in ("data", "indices", "indptr"):
            estimates[f"A/{name}"] = getattr(footprints, name)
        estimates["A/shape"] = footprints.shape
        estimates["dims"] = rois.frame_shape
        estimates["C"] = simulated.traces
        file["params/data/fr"] = simulated.frame_rate


def neuron_pictures(folder: Path) -> None:
    """Take the pictures of *Neurons that behave alike*."""
    viewer, docks = open_window()
    recording, neurons = docks.recording, docks.neurons
    session = recording.session
    plane = runpy.run_path(str(SIMULATE_SUITE2P))["simulate"](folder)
    recording.open([folder / "movie.tif"])
    wait_until(lambda: session.work.job is None)
    neurons.parentWidget().raise_()
    neurons.inputs.open(plane)
    wait_until(lambda: session.work.job is None)
    neurons.inputs.settings.relative.value = True
    wait_until(lambda: session.work.job is None)
    picture(viewer, "neurons_traces")

    neurons.pages.setCurrentWidget(neurons.model)
    neurons.model.form.editors["scaling"].value = "trace"
    neurons.model.train.click()
    wait_until(lambda: len(session.neurons.history) > 8)
    picture(viewer, "neurons_training", settle=0.05)  # while it trains, which takes a second
    wait_until(lambda: session.work.job is None)
    picture(viewer, "neurons_map")
    cluster = session.neurons.result.cluster
    alike = session.neurons.result.ids[cluster == np.bincount(cluster[cluster >= 0]).argmax()]
    views_of(session).select(alike.tolist(), at_event=True)
    picture(viewer, "neurons_cluster")
    session.rois.selected = (int(alike[0]),)
    viewer.window._qt_window.findChild(TracesDock).plot.setXRange(20, 50)
    picture(viewer, "neurons_denoised")
    read_columns(session, folder / "types.csv")
    wait_until(lambda: session.work.job is None)
    session.rois.selected = (
        int(alike[0]),
        int(np.setdiff1d(session.neurons.result.ids[cluster >= 0], alike)[0]),
    )
    neurons.results.between.click()
    wait_until(lambda: session.work.job is None)
    viewer.theme = "light"
    picture(viewer, "neurons_between_light")
    viewer.close()


def question_pictures(folder: Path) -> None:
    """Take the pictures of *Inspector*, *What if* and *Behaviour*."""
    viewer, docks = open_window()
    inspector = docks.inspector
    session = inspector.session
    simulated = simulate_movie(frames=1500, height=96, width=96, seed=1)
    simulated.save(folder)
    docks.recording.open([folder / "movie.tif"])
    wait_until(lambda: session.work.job is None)
    session.rois.loaded = simulated.rois
    show_rois(session)
    docks.dynamics.model.preset.setCurrentText("quick")
    docks.dynamics.model.train.click()
    wait_until(lambda: session.work.job is None)
    viewer.layers[EXPLAINED].visible = False
    inspector.parentWidget().raise_()
    wait_until(lambda: session.answers.influence is not None)
    session.rois.selected = (6,)
    picture(viewer, "inspector", settle=1.0)
    inspector.pages.setCurrentIndex(1)
    inspector.arrows.run.click()
    wait_until(lambda: session.answers.influence.p_values is not None and session.work.job is None)
    viewer.theme = "light"
    picture(viewer, "inspector_light", settle=1.0)
    viewer.theme = "dark"
    inspector.pages.setCurrentIndex(2)
    viewer.dims.set_point(0, 700)
    inspector.what_if.push.call_button.native.click()
    wait_until(lambda: session.work.job is None)
    inspector.what_if.forecast.call_button.native.click()
    wait_until(lambda: session.work.job is None)
    let_live(1.0)
    picture(viewer, "what_if", settle=1.0)

    write_speed(folder / "behaviour.csv", simulated.traces[5])
    viewer.window.add_dock_widget(BehaviourDock(viewer), name="Behaviour (CalcDyn)", area="bottom")
    load_behaviour(session, folder / "behaviour.csv")
    wait_until(lambda: session.recording.behaviour is not None)
    inspector.pages.setCurrentIndex(0)
    picture(viewer, "behaviour", settle=4.0)  # what goes with it is looked for meanwhile
    viewer.close()


def write_speed(path: Path, trace: np.ndarray) -> None:
    """Write a running speed that goes with a cell, but not with that cell alone."""
    random = np.random.default_rng(0)
    follows = (trace - trace.mean()) / trace.std() + random.normal(0, 1, len(trace))
    smooth = np.convolve(follows, np.full(7, 1 / 7), "same")
    rows = [
        f"{max(0.0, 8 + 6 * value):.2f},{place}"
        for value, place in zip(smooth, _laps(len(trace)), strict=True)
    ]
    path.write_text("running speed (cm/s),lap\n" + "\n".join(rows) + "\n", encoding="utf-8")


def _laps(frames: int) -> list[int]:
    return [1 + frame * 6 // frames for frame in range(frames)]


def simulate_change(folder: Path) -> None:
    """Save a recording in which some links between cells turn round half way, at 10 frames per second."""
    random = np.random.default_rng(4)
    rows, columns = np.meshgrid(np.arange(12, 96, 18), np.arange(12, 96, 18), indexing="ij")
    centres = np.stack([rows.ravel(), columns.ravel()], axis=1) + random.uniform(-3, 3, (25, 2))
    before = 0.7 * np.eye(25)[None]
    driven = random.permutation(25)
    before[0, driven[1:13], driven[:12]] = 0.3  # a chain through half of the cells
    after = before.copy()
    after[0, driven[1:7], driven[:6]] = -0.25
    halves = [simulate_activity(it, 1000, 10.0, random).values for it in (before, after)]
    traces = np.concatenate([it - it.mean(1, keepdims=True) for it in halves], axis=1)
    traces = np.clip(1 + 0.6 * traces, 0.05, None)
    movie_of_traces(traces, centres, rest=1.0, height=96, width=96, frame_rate=10.0, seed=4).save(folder)


def compare_pictures(folder: Path) -> None:
    """Take the pictures of *Compare two stretches, in the window*."""
    viewer, docks = open_window()
    recording, compare = docks.recording, docks.compare
    session = recording.session
    simulate_change(folder)
    recording.open([folder / "movie.tif"])
    wait_until(lambda: session.work.job is None)
    docks.dynamics.model.preset.setCurrentText("quick")
    docks.dynamics.model.train.click()
    wait_until(lambda: session.work.job is None)
    compare.parentWidget().raise_()
    picture(viewer, "compare", settle=1.0)  # the brightness is read meanwhile
    compare.compare.click()
    wait_until(lambda: session.work.job is None)
    compare.view.table.selectRow(0)
    picture(viewer, "compare_answer")
    viewer.theme = "light"
    picture(viewer, "compare_light")
    viewer.close()


def session_pictures(folder: Path) -> None:
    """Take the pictures of *Tomorrow morning*."""
    viewer, docks = open_window()
    session = docks.recording.session
    simulate_movie().save(folder)
    docks.recording.open([folder / "movie.tif"])
    wait_until(lambda: FIRST_LOOK in viewer.layers)
    session.part(SavedSession).save_as(folder / "day 1")
    wait_until(lambda: not session.part(SavedSession).saving)
    session.work.notice = None  # which names a folder of this computer
    picture(viewer, "sessions")
    viewer.theme = "light"
    picture(viewer, "sessions_light")
    viewer.close()


def help_pictures(_: Path) -> None:
    """Take the pictures of the window of help and of what is under *More*."""
    viewer, docks = open_window()
    dynamics = docks.dynamics
    dynamics.parentWidget().raise_()
    for theme, ending in (("dark", ""), ("light", "_light")):
        viewer.theme = theme
        dynamics.help.open()
        let_live(1.5)
        window = help_window(dynamics.session)
        window.grab().save(str(IMAGES / f"help{ending}.png"))
        shrink(IMAGES / f"help{ending}.png")
        menu = dynamics.more.menu()
        menu.popup(dynamics.more.mapToGlobal(dynamics.more.rect().bottomLeft()))
        let_live(0.5)
        menu.grab().save(str(IMAGES / f"more{ending}.png"))
        menu.close()
        window.close()
    viewer.close()


def driven_pictures(folder: Path) -> None:
    """Draw the overviews of runs: of a simulated movie, and of real recordings where there are any."""
    simulated = simulate_movie()
    movies = {
        "driven": Movie.from_array(simulated.movie, name="simulated movie", frame_rate=simulated.frame_rate)
    }
    data = os.environ.get("CALCDYN_TEST_DATA")
    if data:
        for name, file in (("driven_mouse", "mouse/mouse_2p.tif"), ("driven_trial", "fissa/AVG_A01.tif")):
            movies[name] = open_movie(Path(data, file))
    for name, movie in movies.items():
        run(movie, folder / name, VARAutoencoderConfig.preset("standard"), device="cpu")
        shutil.copy(folder / name / "overview.png", IMAGES / f"{name}.png")


def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(exist_ok=True)
    for take in (
        check_pictures,
        import_pictures,
        dynamics_pictures,
        driven_pictures,
        neuron_pictures,
        question_pictures,
        compare_pictures,
        session_pictures,
        help_pictures,
    ):
        with tempfile.TemporaryDirectory() as folder:
            take(Path(folder))


if __name__ == "__main__":
    main()
