"""The check of a recording in the window: findings, switches, masks, and what trains on it."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from driving import set_steps, settle
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from scipy.ndimage import gaussian_filter, shift

from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.gui.layers.layers import FIRST_LOOK
from napari_calcdyn.gui.layers.movie_time import shown_frame
from napari_calcdyn.gui.recording import check as checking
from napari_calcdyn.gui.recording.corrected_layers import CORRECTED
from napari_calcdyn.gui.recording.findings_view import FINE
from napari_calcdyn.gui.recording.pixel_mask import MASKED_PIXELS
from napari_calcdyn.gui.recording.recordings import MEAN_FRAME
from napari_calcdyn.gui.session.cautions import OTHER_MAPS, OTHER_TRACES
from napari_calcdyn.recording import Behaviour, RoiSet

FRAMES, SIZE = 160, 40
BLANK = range(60, 63)


@pytest.fixture
def recordings_unchecked() -> None:
    """Check recordings here, in place of the fixture that keeps other tests from it."""


@pytest.fixture
def shaken() -> np.ndarray:
    """A picture that moves by a pixel or two, with three blank frames and a dead pixel, uint16."""
    random = np.random.default_rng(8)
    scene = gaussian_filter(random.normal(size=(SIZE + 8, SIZE + 8)), 1.5)
    scene = 300 + 150 * (scene - scene.min()) / np.ptp(scene)
    spot = np.exp(-(np.mgrid[-20:28, -24:24] ** 2).sum(axis=0) / 8)
    path = gaussian_filter(random.normal(size=(FRAMES, 2)), (3, 0))
    path *= 1.2 / path.std()
    movie = np.stack(
        [
            shift(scene + 150 * max(0, np.sin(t / 4)) * spot, move, order=1, mode="nearest")[4:-4, 4:-4]
            for t, move in enumerate(path)
        ]
    )
    movie += random.normal(0, 5, movie.shape)
    movie[BLANK.start : BLANK.stop] = random.normal(20, 2, (len(BLANK), SIZE, SIZE))
    movie[:, 5, 7] = 100
    return movie.astype(np.uint16)


@pytest.fixture
def docks(viewer: Any) -> Docks:
    return add_docks(viewer)


def checked(qtbot: Any, docks: Docks) -> None:
    session, viewer = docks.recording.session, docks.recording.session.viewer
    qtbot.waitUntil(lambda: session.work.check is None, timeout=20_000)
    qtbot.waitUntil(lambda: bool(session.recording.unchecked) or FIRST_LOOK in viewer.layers, timeout=60_000)
    qtbot.wait(100)  # the layers come one after the other


@pytest.fixture
def opened(viewer: Any, docks: Docks, shaken: np.ndarray, qtbot: Any) -> Docks:
    viewer.add_image(shaken, name="shaken", scale=(1, 0.5, 0.5), translate=(0, 3, 4))
    checked(qtbot, docks)
    return docks


def hold(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let the check begin, and go on only once the event is set."""
    goes_on, real = threading.Event(), checking.check_quality

    def slow(movie: Any, progress: Any) -> Any:
        while not goes_on.wait(0.02):
            checking_stops(progress)
        return real(movie, progress=progress)

    monkeypatch.setattr(checking, "check_quality", slow)
    return goes_on


def checking_stops(progress: Any) -> None:
    from napari_calcdyn.recording.progress import report

    report(progress, 1, 2)


def drag(plot: Any, start: int, stop: int, key: Qt.KeyboardModifier) -> None:
    """Drag over frames of the plot with a key held."""
    box = plot.brightness.getViewBox()
    middle = box.viewRange()[1][0] + np.ptp(box.viewRange()[1]) / 2
    ends = [
        plot.mapFromScene(box.mapViewToScene(QPointF(frame + 0.5, middle))) for frame in (start, stop - 1)
    ]
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    between = QPoint((ends[0].x() + ends[1].x()) // 2, ends[0].y())
    for kind, at, pressed, held in (
        (QMouseEvent.Type.MouseButtonPress, ends[0], left, left),
        (QMouseEvent.Type.MouseMove, between, none, left),
        (QMouseEvent.Type.MouseMove, ends[1], none, left),
        (QMouseEvent.Type.MouseButtonRelease, ends[1], left, none),
    ):
        where = QPointF(plot.viewport().mapToGlobal(at))
        QApplication.sendEvent(plot.viewport(), QMouseEvent(kind, QPointF(at), where, pressed, held, key))
        time.sleep(0.05)  # pyqtgraph passes over moves that follow each other too fast
        QApplication.processEvents()


def test_findings_appear_by_themselves(viewer: Any, opened: Docks, shaken: np.ndarray) -> None:
    view, recording = opened.recording.check, opened.recording.session.recording
    text = view.findings.text()
    assert "The picture moves" in text
    assert "3 frames are blank" in text
    assert "1 pixel is constant" in text
    assert {kind for kind, box in view.switches.items() if box.isChecked()} >= {"motion", "frames", "pixels"}
    assert not view.switches["lines"].isEnabled()
    assert view.corrected.text().startswith("Corrected: motion")
    assert recording.movie is recording.version
    assert recording.source is recording.raw
    assert not recording.movie.valid_frames[BLANK.start : BLANK.stop].any()
    assert opened.recording.fact["Numbers"].text() == "uint16"  # of the file, and not of what is analysed
    corrected, movie = viewer.layers[CORRECTED], viewer.layers["shaken"]
    assert viewer.layers.index(corrected) == viewer.layers.index(movie) + 1
    assert tuple(corrected.contrast_limits) == tuple(movie.contrast_limits)
    assert np.allclose(corrected.translate, movie.translate)
    assert np.isnan(np.asarray(corrected.data[10])[5, 7])
    assert viewer.layers[FIRST_LOOK].visible
    assert viewer.layers[FIRST_LOOK].data.shape == (SIZE, SIZE)
    assert viewer.layers[MASKED_PIXELS].data[5, 7] == 1
    assert viewer.layers.selection.active is movie
    assert not notification_manager.records


def test_nothing_wrong_is_said_calmly(viewer: Any, docks: Docks, qtbot: Any) -> None:
    random = np.random.default_rng(1)
    scene = gaussian_filter(random.normal(size=(SIZE, SIZE)), 1.5)
    slow = gaussian_filter(random.normal(size=(300, SIZE, SIZE)), (4, 2, 2))
    movie = 500 + 100 * scene / scene.std() + 8 * slow / slow.std() + random.normal(0, 10, (300, SIZE, SIZE))
    viewer.add_image(movie.astype(np.uint16), name="still")
    checked(qtbot, docks)
    view = docks.recording.check
    assert view.findings.text() == FINE
    assert view.corrected.text() == "Nothing is corrected."
    assert CORRECTED not in viewer.layers
    assert MASKED_PIXELS not in viewer.layers
    assert docks.recording.session.recording.movie.dtype == np.uint16
    assert not docks.dynamics.model.caution.isVisibleTo(docks.dynamics)


def test_a_switch_takes_effect_at_once(viewer: Any, opened: Docks, qtbot: Any) -> None:
    view, session = opened.recording.check, opened.recording.session
    session.recording.behaviour = noted = Behaviour({"speed": np.arange(float(FRAMES))}, "notes.csv")
    for kind in ("motion", "pixels", "brightness"):
        if view.switches[kind].isChecked():
            view.switches[kind].click()
    qtbot.waitUntil(lambda: CORRECTED not in viewer.layers)
    assert session.recording.behaviour is noted  # it is the same recording
    assert session.recording.movie.dtype == np.uint16
    assert not session.recording.movie.valid_frames[BLANK.start]
    assert opened.dynamics.model.caution.text().endswith("not corrected: see the Recording panel.")
    view.switches["motion"].click()
    qtbot.waitUntil(lambda: CORRECTED in viewer.layers)
    assert session.recording.kinds == ("motion", "frames")


def test_frames_are_marked_in_the_plot(viewer: Any, opened: Docks, qtbot: Any) -> None:
    view, session = opened.recording.check, opened.recording.session
    opened.recording.show()
    qtbot.waitUntil(lambda: view.plot.width() > 100)
    drag(view.plot, 100, 110, Qt.KeyboardModifier.ShiftModifier)
    marked = ~session.recording.movie.valid_frames
    assert marked[101:109].all()
    assert not marked[: BLANK.start].any()
    assert not marked[112:].any()
    assert any(why == "given" for *_, why in session.recording.movie.corrections.bad_frames)
    drag(view.plot, 50, 120, Qt.KeyboardModifier.ControlModifier)
    assert session.recording.movie.valid_frames.all()
    qtbot.waitUntil(lambda: "blank" not in view.findings.text())


def test_the_time_cursor_goes_both_ways(viewer: Any, opened: Docks, qtbot: Any) -> None:
    plot, session = opened.recording.check.plot, opened.recording.session
    viewer.dims.set_point(0, 33)
    assert [line.value() for line in plot.cursors] == [33, 33]
    plot.moved.emit(71)
    assert shown_frame(session) == 71
    assert plot.cursors[0].value() == 71


def test_pixels_are_painted(viewer: Any, opened: Docks, qtbot: Any) -> None:
    session = opened.recording.session
    opened.recording.check.paint.click()
    layer = viewer.layers.selection.active
    assert layer.name == MASKED_PIXELS
    assert layer.mode == "paint"
    layer.brush_size = 4
    layer.paint((20, 20), 1)
    qtbot.waitUntil(lambda: not session.recording.movie.valid_pixels[20, 20])
    assert "masked by hand" in " ".join(it.text for it in session.recording.quality.findings)
    layer.paint((20, 20), 0)
    layer.data_setitem((np.array([5]), np.array([7])), 0)
    qtbot.waitUntil(lambda: session.recording.quality.valid_pixels.all())
    assert session.recording.movie.valid_pixels[20, 20]


def test_everything_cannot_be_left_out(viewer: Any, opened: Docks, qtbot: Any) -> None:
    session = opened.recording.session
    viewer.layers[MASKED_PIXELS].fill((20, 20), 1)
    qtbot.waitUntil(lambda: opened.recording.message.text() == "No pixel would be left: leave some in.")
    assert viewer.layers[MASKED_PIXELS].data.sum() == 1
    assert session.recording.movie.valid_pixels.any()
    notification_manager.records.clear()


def test_stop_leaves_the_recording_as_it_is_and_says_so(
    viewer: Any, docks: Docks, shaken: np.ndarray, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = hold(monkeypatch)
    viewer.add_image(shaken, name="shaken")
    view, session = docks.recording.check, docks.recording.session
    qtbot.waitUntil(lambda: view.again.text() == "Stop" and view.progress.isVisible())
    assert "being checked" in docks.dynamics.model.caution.text()
    view.again.click()
    qtbot.waitUntil(lambda: session.work.check is None, timeout=3000)
    qtbot.waitUntil(lambda: view.findings.text() == checking.STOPPED)
    assert session.recording.movie is session.recording.raw
    assert "not checked" in docks.dynamics.model.caution.text()
    goes_on.set()
    assert view.again.text() == "Check again"
    view.again.click()
    checked(qtbot, docks)
    assert "The picture moves" in view.findings.text()


def test_a_recording_that_cannot_be_used_is_not_a_warning(viewer: Any, docks: Docks, qtbot: Any) -> None:
    viewer.add_image(np.full((40, 24, 32), 7, np.uint16), name="dark", contrast_limits=(0, 10))
    qtbot.waitUntil(lambda: bool(docks.recording.check.findings.text()), timeout=20_000)
    assert "dark is constant, every pixel is 7" in docks.recording.check.findings.text()
    assert not notification_manager.records


def test_the_layer_goes_while_it_is_checked(
    viewer: Any, docks: Docks, shaken: np.ndarray, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = hold(monkeypatch)
    viewer.add_image(shaken, name="shaken")
    assert docks.recording.session.work.check is not None
    viewer.layers.clear()
    goes_on.set()
    qtbot.wait(400)
    assert docks.recording.session.work.check is None
    assert docks.recording.session.recording.quality is None
    assert not viewer.layers
    assert not docks.recording.check.isVisible()


def test_the_window_is_closed_while_it_is_checked(
    viewer: Any, docks: Docks, shaken: np.ndarray, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(monkeypatch)
    viewer.add_image(shaken, name="shaken")
    began = time.monotonic()
    docks.recording.session.close()
    assert time.monotonic() - began < 2
    assert docks.recording.session.work.check is None


def test_the_corrected_movie_goes_with_its_recording(viewer: Any, opened: Docks, qtbot: Any) -> None:
    viewer.layers.remove("shaken")
    qtbot.waitUntil(lambda: CORRECTED not in viewer.layers)


def test_a_job_that_needs_the_recording_waits_for_the_check(
    viewer: Any, docks: Docks, shaken: np.ndarray, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = hold(monkeypatch)
    viewer.add_image(shaken, name="shaken")
    docks.recording.mean.click()
    qtbot.waitUntil(lambda: "checked first" in docks.recording.progress.stage.text())
    assert docks.recording.mean.text() == "Stop"
    docks.recording.mean.click()
    qtbot.waitUntil(lambda: docks.recording.session.work.job is None, timeout=3000)
    assert docks.recording.session.work.check is not None
    docks.recording.mean.click()
    goes_on.set()
    qtbot.waitUntil(lambda: MEAN_FRAME in viewer.layers, timeout=20_000)
    assert np.isnan(viewer.layers[MEAN_FRAME].data[5, 7])  # of the corrected movie
    assert not notification_manager.records


def test_training_says_what_is_left_and_what_changed_since(viewer: Any, opened: Docks, qtbot: Any) -> None:
    session, dynamics = opened.recording.session, opened.dynamics
    dynamics.model.preset.setCurrentText("quick")
    set_steps(dynamics, 20)
    assert not dynamics.model.caution.text()
    dynamics.model.train.click()
    settle(qtbot, dynamics)
    qtbot.waitUntil(lambda: session.work.job is None and session.dynamics.maps is not None, timeout=60_000)
    assert session.dynamics.model.corrections.kinds == session.recording.kinds
    assert not viewer.layers[FIRST_LOOK].visible  # there are better maps now
    assert not dynamics.version.text()
    opened.recording.check.switches["motion"].click()
    assert dynamics.version.text().startswith(
        "This model was trained on a recording that was corrected otherwise"
    )
    assert dynamics.model.caution.text() == "1 finding is not corrected: see the Recording panel."
    assert "The picture moves" in dynamics.model.caution.toolTip()
    assert session.dynamics.model is not None
    opened.recording.check.switches["motion"].click()
    assert not dynamics.version.text()
    session.part(checking.RecordingCheck).mark_frames(range(10, 20), bad=True)
    assert dynamics.version.text() == OTHER_MAPS
    dynamics.map_again.click()
    settle(qtbot, dynamics)
    assert not dynamics.version.text()


def test_a_change_waits_for_the_job(viewer: Any, opened: Docks, qtbot: Any) -> None:
    session = opened.recording.session
    before = session.recording.movie
    goes_on = threading.Event()
    session.work.start("recording", "Something", lambda progress: goes_on.wait(10), lambda _: None)
    opened.recording.check.switches["motion"].click()
    assert session.recording.movie is before
    assert "takes effect when “Something” has ended" in opened.recording.message.text()
    goes_on.set()
    qtbot.waitUntil(lambda: session.recording.movie is not before)
    assert "motion" not in session.recording.movie.corrections.kinds


def test_traces_are_of_the_corrected_movie(viewer: Any, opened: Docks, qtbot: Any) -> None:
    session = opened.recording.session
    weights = np.zeros((2, SIZE, SIZE), np.float32)
    weights[0, 4:8, 5:9] = weights[1, 20:26, 20:26] = 1
    session.rois.loaded = RoiSet(weights.reshape(2, -1), np.array([1, 2]), (SIZE, SIZE), "drawn")
    opened.neurons.inputs.extract.click()
    qtbot.waitUntil(lambda: session.neurons.traces is not None and session.work.job is None, timeout=30_000)
    values = session.neurons.fluorescence.values
    assert np.isnan(values[:, BLANK.start]).all()
    assert np.isfinite(values[:, session.recording.movie.valid_frames]).all()
    assert OTHER_TRACES not in opened.neurons.inputs.trace_facts.text()
    opened.recording.check.switches["motion"].click()
    assert session.neurons.traces is not None
    assert session.rois.loaded is not None
    assert OTHER_TRACES in opened.neurons.inputs.trace_facts.text()


def test_nothing_of_it_is_cut_off(viewer: Any, opened: Docks, qtbot: Any) -> None:
    view = opened.recording.check
    for part in (*view.switches.values(), view.paint, view.plot, view.corrected):
        assert part.width() >= part.minimumSizeHint().width()
        assert part.mapTo(opened.recording, part.rect().topRight()).x() <= opened.recording.width()
