"""Saying which frames are A and B: typed, dragged, from the behaviour, or of another recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_scene import at, changing_movie, drag, open_dock, press, write
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.compare import activity
from napari_calcdyn.gui.compare.activity import mean_brightness
from napari_calcdyn.gui.compare.dock import CompareDock
from napari_calcdyn.gui.compare.inputs import BEHAVIOUR, OTHER, STRETCHES
from napari_calcdyn.gui.compare.range_edits import describe
from napari_calcdyn.gui.compare.time_ranges import MOST_DRAGGED, A, B
from napari_calcdyn.gui.docks.panels import panel_name
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.recording.dock import RecordingDock
from napari_calcdyn.recording import Behaviour, InputError, Movie


@pytest.fixture
def dock(viewer: Any) -> CompareDock:
    """The dock in front, and a recording of 400 frames at 10 Hz."""
    return open_dock(viewer, changing_movie())


def ranges(dock: CompareDock) -> tuple[list[range], list[range]]:
    question = dock.inputs.question()
    return question.a, question.b


def choose(dock: CompareDock, how: str) -> None:
    dock.inputs.how.setCurrentText(how)


def speed(frames: int = 400) -> Behaviour:
    """Runs from frame 100 to 150 and from 200 to 220; its speed is unknown in the last 10 frames."""
    values = np.full(frames, 0.5)
    values[100:150], values[200:220], values[390:] = 8.0, 6.0, np.nan
    state = np.where(values > 2, "running", "resting")
    return Behaviour({"speed": values, "state": state, "light": np.arange(frames) >= 300}, "table.csv")


def test_halves_of_the_recording_are_suggested_and_the_curve_is_its_brightness(
    dock: CompareDock, qtbot: Any
) -> None:
    assert ranges(dock) == ([range(200)], [range(200, 400)])
    assert dock.inputs.edits.edits[A].text() == "0:200"
    assert dock.inputs.edits.lengths[A].text() == "0 to 20 s (20 s)"
    assert dock.inputs.edits.lengths[B].text() == "20 to 40 s (20 s)"
    qtbot.waitUntil(lambda: dock.inputs.plot.curve.getData()[0] is not None, timeout=5000)
    times, brightness = dock.inputs.plot.curve.getOriginalDataset()
    assert np.allclose(times, np.arange(400) / 10)
    assert np.allclose(brightness, changing_movie().mean((1, 2)), rtol=1e-5)


def test_typed_stretches_are_drawn_and_said_in_seconds(dock: CompareDock, qtbot: Any) -> None:
    write(qtbot, dock, A, "10:50, 100:160")
    assert ranges(dock)[0] == [range(10, 50), range(100, 160)]
    assert dock.inputs.edits.lengths[A].text() == "100 frames in 2 stretches (10 s)"
    drawn = [region.getRegion() for region in dock.inputs.plot._regions[A]]
    assert drawn == [(1.0, 5.0), (10.0, 16.0)]
    for text, said in (("10:5", "holds no frame"), ("0:900", "has 400 frames"), ("ten", "write START:STOP")):
        write(qtbot, dock, A, text)
        assert said in dock.problem.text()
        assert dock.problem.isVisible()
        assert not dock.compare.isEnabled()
        assert A not in dock.inputs.plot._regions
    write(qtbot, dock, A, ":250")
    assert "A and B share the frames 200:250" in dock.problem.text()
    write(qtbot, dock, B, "250:")
    assert ranges(dock) == ([range(250)], [range(250, 400)])


def test_a_stretch_is_dragged_by_its_edge_or_as_a_whole(dock: CompareDock, qtbot: Any) -> None:
    qtbot.wait(50)  # the plot finds its size
    plot = dock.inputs.plot
    write(qtbot, dock, A, "50:150")
    drag(qtbot, plot, at(plot, 15.0), at(plot, 18.0))  # its right edge
    (a,), (b,) = ranges(dock)
    assert a.start == 50
    assert abs(a.stop - 180) <= 2
    assert b == range(200, 400)
    before = len(a)
    drag(qtbot, plot, at(plot, 10.0), at(plot, 7.0))
    (a,), _ = ranges(dock)
    assert abs(a.start - 20) <= 2
    assert len(a) == before
    drag(qtbot, plot, at(plot, 6.0), at(plot, 0.0, 0.4))  # beyond the beginning: its length stays
    (a,), _ = ranges(dock)
    assert a == range(before)
    drag(qtbot, plot, at(plot, 30.0), at(plot, 22.0))  # B over A
    assert "A and B share the frames" in dock.problem.text()
    assert dock.inputs.edits.edits[B].text().startswith("1")


def test_a_click_moves_the_movie_and_the_dock_says_where_its_frame_is(
    viewer: Any, dock: CompareDock, add_dock: Callable[[type, str], Any], qtbot: Any
) -> None:
    qtbot.wait(50)
    plot = dock.inputs.plot
    write(qtbot, dock, B, "300:400")
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at(plot, 25.0))
    assert abs((shown_frame(dock.session) or 0) - 250) <= 2
    assert "is in neither" in dock.now.text()
    drawn = plot._regions[A]
    tag = viewer.canvas.overlays.text
    for frame, where in ((0, "A"), (199, "A"), (200, ""), (300, "B"), (399, "B")):
        show_frame(dock.session, frame)
        assert (
            f"Frame {frame} ({frame / 10:.4g} s) is in {f'<b>{where}</b>' if where else 'neither'}."
            in dock.now.text()
        )
        assert (tag.text, tag.visible) == (where, bool(where))
        assert plot.cursor_line.value() == pytest.approx(frame / 10)
    assert plot._regions[A] is drawn  # nothing is drawn anew
    dock.parentWidget().hide()
    assert not tag.visible
    dock.parentWidget().show()
    assert tag.text == "B"
    other = add_dock(RecordingDock, panel_name("recording"))
    qtbot.waitUntil(lambda: not other.visibleRegion().isEmpty(), timeout=2000)
    show_frame(dock.session, 0)
    assert not tag.visible  # it lies behind the other tab


def test_a_text_of_the_user_on_the_picture_is_left_alone(viewer: Any, dock: CompareDock) -> None:
    dock.parentWidget().hide()
    tag = viewer.canvas.overlays.text
    tag.text, tag.visible = "mouse 7", True
    dock.parentWidget().show()
    show_frame(dock.session, 300)
    assert (tag.text, tag.visible) == ("mouse 7", True)
    dock.parentWidget().hide()
    assert (tag.text, tag.visible) == ("mouse 7", True)


def test_a_threshold_on_the_behaviour_parts_the_frames_at_once(dock: CompareDock, qtbot: Any) -> None:
    choose(dock, BEHAVIOUR)
    assert "Open a table of what the animal did first" in dock.problem.text()
    assert not dock.inputs.split.rows.isVisible()
    dock.session.recording.behaviour = speed()
    assert dock.inputs.split.rows.isVisible()
    a, b = ranges(dock)
    assert a == [range(100, 150), range(200, 220)]
    assert b == [range(100), range(150, 200), range(220, 390)]  # not where it is unknown
    assert dock.inputs.edits.lengths[A].text() == "70 frames in 2 stretches (7.0 s)"
    assert not dock.inputs.edits.edits[A].isVisible()
    bars = dock.inputs.plot._bars[A].opts
    assert np.allclose(bars["x0"], [10, 20])
    assert np.allclose(bars["x1"], [15, 22])
    qtbot.wait(50)
    plot = dock.inputs.plot
    line, top = plot.threshold_line.value(), plot.viewRange()[1]
    part = (line - top[0]) / (top[1] - top[0])
    drag(qtbot, plot, at(plot, 30.0, part), at(plot, 30.0, (7.0 - top[0]) / (top[1] - top[0])))
    assert 6.5 < dock.inputs.split.threshold.value() < 7.5
    assert ranges(dock)[0] == [range(100, 150)]
    dock.inputs.split.threshold.setValue(20)
    assert "puts no frame in A" in dock.problem.text()
    assert not dock.compare.isEnabled()
    dock.inputs.split.threshold.setValue(2)
    dock.inputs.split.smooth.setValue(101)  # 50 frames of 8 and 20 of 6 in one hundred of 0.5
    a, _ = ranges(dock)
    assert len(a) == 1
    assert a[0].start < 130
    assert a[0].stop > 180
    assert dock.inputs.question().words.startswith("speed, averaged over 101 frames, above 2 (A)")


def test_a_table_is_opened_and_shown_below_the_picture(
    viewer: Any, dock: CompareDock, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(dock, BEHAVIOUR)
    table = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(table), ""))
    table.write_text("speed\n1\n2\n")
    press(qtbot, dock.inputs.split.open)
    qtbot.waitUntil(lambda: "2 rows for 400 frames" in dock.message.text(), timeout=5000)
    table.write_text("speed\n" + "0\n" * 300 + "5\n" * 100)
    press(qtbot, dock.inputs.split.open)
    qtbot.waitUntil(lambda: dock.session.recording.behaviour is not None, timeout=5000)
    assert ranges(dock) == ([range(300, 400)], [range(300)])
    assert not dock.message.isVisible()
    press(qtbot, dock.inputs.split.panel)
    qtbot.waitUntil(lambda: viewer.window.dock_widgets[panel_name("behaviour")].isVisible(), timeout=2000)


def test_words_and_truth_values_part_the_frames_too(dock: CompareDock) -> None:
    choose(dock, BEHAVIOUR)
    dock.session.recording.behaviour = speed()
    dock.inputs.split.column.setCurrentText("state")
    dock.inputs.split.value.setCurrentText("running")
    assert ranges(dock)[0] == [range(100, 150), range(200, 220)]
    assert ranges(dock)[1][-1] == range(220, 400)
    assert dock.inputs.question().words.startswith("state running (A)")
    dock.inputs.split.column.setCurrentText("light")
    assert ranges(dock) == ([range(300, 400)], [range(300)])
    assert not dock.inputs.plot.threshold_line.isVisible()


def test_a_column_may_be_the_curve_that_stretches_are_dragged_over(dock: CompareDock) -> None:
    assert not dock.inputs.curve.isVisible()
    dock.session.recording.behaviour = speed()
    assert dock.inputs.curve.isVisible()
    dock.inputs.curve.setCurrentText("speed")
    assert np.nanmax(dock.inputs.plot.curve.getOriginalDataset()[1]) == 8
    assert len(dock.inputs.plot._regions[A]) == 1  # still to be dragged


def test_behaviour_of_another_recording_is_not_taken(dock: CompareDock) -> None:
    choose(dock, BEHAVIOUR)
    dock.session.recording.behaviour = speed(300)
    assert "Open a table of what the animal did first" in dock.problem.text()
    with pytest.raises(InputError):
        dock.inputs.question()


def test_many_stretches_are_drawn_and_not_dragged(dock: CompareDock, qtbot: Any) -> None:
    many = [range(start, start + 5) for start in range(0, 10 * MOST_DRAGGED + 10, 10)]
    write(qtbot, dock, B, "300:400")
    write(qtbot, dock, A, ", ".join(f"{it.start}:{it.stop}" for it in many))
    assert ranges(dock)[0] == many
    assert len(dock.inputs.plot._bars[A].opts["x0"]) == len(many)
    assert A not in dock.inputs.plot._regions


def test_another_recording_of_the_same_size_has_a_time_axis_of_its_own(
    viewer: Any, dock: CompareDock, qtbot: Any
) -> None:
    choose(dock, OTHER)
    assert "Open the other recording too" in dock.problem.text()
    assert "16 × 32 pixels" in dock.problem.text()
    viewer.add_image(np.zeros((50, 9, 9), np.float32), name="other field")
    assert dock.inputs.other.count() == 0
    layer = viewer.add_image(changing_movie(120, seed=1), name="day 2")
    assert [dock.inputs.other.itemText(i) for i in range(dock.inputs.other.count())] == ["day 2"]
    question = dock.inputs.question()
    assert (question.a, question.b) == ([range(400)], [range(120)])
    assert [it.n_frames for it in question.movies] == [400, 120]
    assert dock.inputs.other_plot.isVisible()
    write(qtbot, dock, B, "0:130")
    assert "which has 120 frames" in dock.problem.text()
    write(qtbot, dock, B, "20:110")
    layer.name = "second day"
    assert "20:110 of second day (B)" in dock.inputs.question().words
    viewer.layers.remove(layer)
    assert "Open the other recording too" in dock.problem.text()
    assert not dock.inputs.other_plot.isVisible()
    choose(dock, STRETCHES)
    assert ranges(dock) == ([range(200)], [range(200, 400)])


def test_without_a_recording_or_a_model_one_sentence_says_what_to_do(
    viewer: Any, dock: CompareDock, qtbot: Any
) -> None:
    assert "Train or load a model in the Dynamics panel first" in dock.problem.text()
    assert not dock.compare.isEnabled()
    press(qtbot, dock.way)
    assert not viewer.window.dock_widgets[panel_name("dynamics")].visibleRegion().isEmpty()
    choose(dock, OTHER)
    assert "Open the other recording too" in dock.problem.text()
    assert not dock.way.isVisible()  # no panel has it
    choose(dock, STRETCHES)
    assert dock.way.isVisibleTo(dock)
    dock.parentWidget().raise_()
    viewer.layers.clear()
    assert dock.problem.text() == "Open a recording first, in the Recording panel."
    assert not dock.inputs.isVisible()
    press(qtbot, dock.way)
    assert not viewer.window.dock_widgets[panel_name("recording")].visibleRegion().isEmpty()


def test_the_brightness_of_a_long_recording_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST_FRAMES", 30)
    pixels = changing_movie(100)
    frames, brightness = mean_brightness(Movie.from_array(pixels))
    assert np.array_equal(frames, np.arange(0, 100, 4))
    assert np.allclose(brightness, pixels[::4].mean((1, 2)), rtol=1e-5)


def test_stretches_without_a_frame_rate_are_counted_in_frames() -> None:
    assert describe([range(10, 1500)], None) == "1,490 frames"
    assert describe([range(5), range(8, 12)], None) == "9 frames in 2 stretches"
