"""What is copied as a command or as Python does, in a process of its own, what was done in the window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QApplication
from test_sessions import wait

from napari_calcdyn.analysis.influence.influence import influence_test
from napari_calcdyn.gui.behaviour.dock import BehaviourDock
from napari_calcdyn.gui.behaviour.files import load_behaviour
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.launch import Docks, add_docks
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.recordings import open_recording
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.jobs.comparison_files import load_comparison
from napari_calcdyn.jobs.saved.influence import load_influence
from napari_calcdyn.jobs.saved.neurons import load_neurons
from napari_calcdyn.recording.quality import check_quality

# Commands and scripts one after another, in one process, which loads torch once.
DRIVER = """
import json, shlex, sys
from napari_calcdyn.cli import main
for kind, text in json.load(sys.stdin):
    if kind == "command":
        name, *sys.argv[1:] = shlex.split(text)
        assert name == "calcdyn"
        try:
            main()
        except SystemExit as end:
            assert not end.code, text
    else:
        exec(compile(text, kind, "exec"), {"__name__": "__main__"})
"""


FRAMES = 300


def twelve_cells() -> np.ndarray:
    """Labels of 12 cells of 6 × 6 pixels on 40 × 48 pixels."""
    labels = np.zeros((40, 48), np.uint16)
    for number in range(12):
        top, left = 4 + 12 * (number // 4), 3 + 11 * (number % 4)
        labels[top : top + 6, left : left + 6] = 1 + number
    return labels


def lively_movie(labels: np.ndarray) -> np.ndarray:
    """Each cell follows its own past, and every second one the cell before it; float32."""
    random = np.random.default_rng(0)
    rules = 0.6 * np.eye(12)
    rules[np.arange(1, 12, 2), np.arange(0, 12, 2)] = 0.5
    activity = np.zeros((FRAMES, 13))
    for frame in range(1, FRAMES):
        activity[frame, 1:] = rules @ activity[frame - 1, 1:] + random.normal(0, 1, 12)
    movie = 300 + 6 * activity[:, labels] + random.normal(0, 4, (FRAMES, *labels.shape))
    return movie.astype(np.float32)


def copied(dock: Any, kind: str) -> str:
    """Choose an entry of the panel's menu, and return what is on the clipboard."""
    QApplication.clipboard().clear()
    [button] = dock.findChildren(MoreButton)
    button.copy(f"Copy as {kind}")
    assert not dock.session.work.notice.is_error, dock.session.work.notice.text
    return str(QApplication.clipboard().text())


@pytest.fixture
def scene(viewer: Any, tmp_path: Path, qtbot: Any) -> tuple[Docks, BehaviourDock]:
    labels = twelve_cells()
    movie = tmp_path / "day 1's movie.npy"  # a name that a shell must not read
    np.save(movie, lively_movie(labels))
    tifffile.imwrite(tmp_path / "cells.tif", labels)
    speed = np.convolve(np.random.default_rng(1).normal(size=FRAMES), np.ones(9), "same")
    (tmp_path / "speed.csv").write_text("speed\n" + "\n".join(map(str, speed)) + "\n", encoding="utf-8")
    docks = add_docks(viewer)
    behaviour = BehaviourDock(viewer)
    viewer.window.add_dock_widget(behaviour, name="Behaviour (CalcDyn)", area="bottom")
    session = session_of(viewer)
    open_recording(session, movie)
    wait(qtbot, session)
    docks.recording.frame_rate.value = 10.0
    session.part(RecordingCheck)._take(check_quality(session.recording.raw))
    wait(qtbot, session)  # napari silences a warning about colours of labels, which other threads may undo
    docks.neurons.inputs.settings.relative.value = True
    docks.neurons.inputs.open(tmp_path / "cells.tif")
    wait(qtbot, session)
    load_behaviour(session, tmp_path / "speed.csv")
    qtbot.waitUntil(lambda: session.recording.behaviour is not None, timeout=5000)
    return docks, behaviour


def test_what_is_copied_gives_the_numbers_of_the_window(
    scene: tuple[Docks, BehaviourDock], tmp_path: Path, qtbot: Any
) -> None:
    docks, behaviour = scene
    session = docks.recording.session
    lines = [("command", copied(docks.recording, "command"))]

    docks.neurons.inputs.extract.click()
    wait(qtbot, session)
    for name, value in (("epochs", 3), ("latent", 3)):
        docks.neurons.model.form.editors[name].value = value
    docks.neurons.model.train.click()
    wait(qtbot, session)
    lines.append(("command", copied(docks.neurons, "command")))

    for name, value in (("steps", 12), ("latents", 24), ("order", 2)):
        docks.dynamics.model.form.editors[name].value = value
    docks.dynamics.model.train.click()
    wait(qtbot, session)
    look_between(session)
    wait(qtbot, session)
    lines.append(("command", copied(docks.dynamics, "command")))

    docks.compare.inputs.edits.edits["A"].setText("0:140")
    docks.compare.inputs.edits.edits["A"].textEdited.emit("0:140")
    docks.compare.permutations.setValue(49)
    docks.compare.compare.click()
    wait(qtbot, session)
    lines.append(("command", copied(docks.compare, "command")))

    behaviour.parentWidget().raise_()
    qtbot.waitUntil(lambda: behaviour.goes_with._correlations.of("ROIs") is not None, timeout=20_000)
    lines.append(("python", copied(behaviour, "Python")))

    lines.append(("command", copied(docks.inspector, "command")))
    influence = influence_test(session.recording.movie, session.rois.loaded, order=2)
    assert "movie.npy'" in lines[0][1]  # quoted
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], check=False, input=json.dumps(lines), text=True, capture_output=True,
        cwd=tmp_path, timeout=250, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    def same(name: str, values: Any) -> None:
        np.testing.assert_allclose(np.load(tmp_path / name), values, rtol=1e-6, atol=1e-6)

    assert json.loads((tmp_path / "check" / "quality.json").read_text())["findings"] == [
        it.text for it in session.recording.quality.findings
    ]
    result = session.neurons.result
    same("neurons/reconstruction.npy", result.reconstruction)
    found = load_neurons(tmp_path / "neurons")
    np.testing.assert_allclose(found.tsne, result.tsne, rtol=1e-6, atol=1e-6)
    between = session.answers.between.found
    same("results/traces.npy", between.activity.T)
    np.testing.assert_allclose(
        tifffile.imread(tmp_path / "results" / "contribution_driven.tif"),
        between.maps.driven,
        rtol=1e-6,
        atol=1e-6,
    )
    compared, _ = load_comparison(tmp_path / "comparison")
    np.testing.assert_allclose(compared.null, session.answers.comparison.comparison.null, rtol=1e-6)
    np.testing.assert_allclose(
        compared.edge_change, session.answers.comparison.comparison.edge_change, rtol=1e-6
    )
    shown = behaviour.goes_with._correlations.of("ROIs")
    shown.write_csv(tmp_path / "shown.csv")
    assert (tmp_path / "correlations.csv").read_text() == (tmp_path / "shown.csv").read_text()
    _, tested = load_influence(tmp_path / "influence")
    np.testing.assert_allclose(tested.strength, influence.strength, rtol=0, atol=1e-6)
    np.testing.assert_allclose(tested.p_values, influence.p_values, rtol=1e-6)


def test_scripts_do_the_same_as_commands(scene: tuple[Docks, BehaviourDock], qtbot: Any) -> None:
    """Each is compiled, and calls the job with the settings of the window."""
    docks, _ = scene
    session = docks.recording.session
    docks.dynamics.model.form.editors["steps"].value = 11
    docks.dynamics.model.train.click()
    wait(qtbot, session)
    script = copied(docks.dynamics, "Python")
    compile(script, "script", "exec")
    assert "VARAutoencoderConfig.preset('standard', steps=11)" in script
    assert "frame_rate=10.0" in script
    assert "rois=cd.open_rois(" in script


def test_what_no_option_can_say_is_not_copied(scene: tuple[Docks, BehaviourDock], qtbot: Any) -> None:
    docks, _ = scene
    session = docks.recording.session
    [button] = docks.recording.findChildren(MoreButton)
    session.part(RecordingCheck).mark_frames(range(4), bad=True)
    QApplication.clipboard().setText("before")
    button.copy("Copy as command")
    assert session.work.notice.is_error
    assert "marked by hand" in session.work.notice.text
    assert QApplication.clipboard().text() == "before"
