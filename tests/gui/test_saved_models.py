"""Models that are saved and loaded, and what cannot be trained on, saved or loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import settle, train_briefly
from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.model import DYNAMICS_MODEL
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.models.background import load
from napari_calcdyn.gui.recording.dock import RecordingDock


def test_a_model_is_saved_and_loaded(
    dynamics: DynamicsDock, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_briefly(qtbot, dynamics)
    trained = dynamics.session.dynamics.model
    assert trained is not None
    folder = tmp_path / "model"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(folder), ""))
    dynamics.model.save.click()
    settle(qtbot, dynamics)
    assert str(folder) in dynamics.message.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(folder))
    dynamics.model.load.click()
    settle(qtbot, dynamics)
    loaded = dynamics.session.dynamics.model
    assert loaded is not None
    assert loaded is not trained
    assert np.allclose(loaded.var.coefficients, trained.var.coefficients)


def test_a_model_that_is_loaded_first_is_mapped_when_its_recording_is_opened(
    viewer: Any, dynamics: DynamicsDock, movie_array: np.ndarray, tmp_path: Path, qtbot: Any
) -> None:
    train_briefly(qtbot, dynamics)
    assert dynamics.session.dynamics.model is not None
    dynamics.session.dynamics.model.save(tmp_path / "model")
    viewer.layers.clear()
    load(dynamics.session, DYNAMICS_MODEL, tmp_path / "model", "cpu")
    settle(qtbot, dynamics)
    assert "open its recording to see the maps" in dynamics.message.text()
    assert not dynamics.views.isTabEnabled(0)  # it was not trained here: there are no curves
    viewer.add_image(np.concatenate([movie_array] * 2))
    settle(qtbot, dynamics)
    assert EXPLAINED in viewer.layers


@pytest.mark.parametrize(
    ("value", "what"), [(7.0, "is constant"), (np.nan, "NaN"), (np.inf, "infinite"), (None, "frames")]
)
def test_a_recording_that_cannot_be_trained_on_is_refused_in_one_sentence(
    viewer: Any, dynamics: DynamicsDock, movie_array: np.ndarray, value: float | None, what: str, qtbot: Any
) -> None:
    bad = movie_array.astype(np.float32)
    if value is None:
        bad = bad[:20]
    elif value == 7:
        bad[:] = value
    else:
        bad[30, 2, 1] = value
    viewer.layers.clear()
    viewer.add_image(bad, name="bad", contrast_limits=(0, 500))
    dynamics.model.train.click()
    settle(qtbot, dynamics)
    is_one_sentence(dynamics, "bad ", what)
    assert dynamics.session.dynamics.model is None


def test_what_cannot_be_loaded_or_saved_is_said_in_one_sentence(
    viewer: Any,
    docks: tuple[RecordingDock, DynamicsDock],
    movie_array: np.ndarray,
    tmp_path: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording, dynamics = docks
    train_briefly(qtbot, dynamics)
    model = dynamics.session.dynamics.model
    assert model is not None
    model.save(tmp_path / "model")
    empty, foreign, locked = (tmp_path / name for name in ("empty", "foreign", "locked"))
    for folder in (empty, foreign):
        folder.mkdir()
    (foreign / "model.json").write_text('{"format": "another program"}')
    locked.write_text("a file where a folder would have to be")

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(locked / "model"), ""))
    dynamics.model.save.click()
    settle(qtbot, dynamics)
    is_one_sentence(dynamics, "The model cannot be saved to", "choose a folder that you may write to")

    viewer.add_image(np.concatenate([movie_array[:, :20, :28]] * 2), name="smaller")
    recording.choice.setCurrentText("smaller")
    recording.choice.activated.emit(recording.choice.currentIndex())
    for folder, what in (
        (tmp_path / "nowhere", "There is no model folder"),
        (empty, "is not a model of napari-calcdyn"),
        (foreign, "is not a model of napari-calcdyn"),
        (tmp_path / "model", "trained on frames of 24 × 32 pixels and smaller has 20 × 28"),
    ):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, _at=folder, **__: str(_at))
        dynamics.model.load.click()
        settle(qtbot, dynamics)
        is_one_sentence(dynamics, "", what)
        assert dynamics.session.dynamics.model is model


def is_one_sentence(dynamics: DynamicsDock, start: str, what: str) -> None:
    dynamics.parentWidget().raise_()
    text = dynamics.message.text()
    assert not dynamics.message.isHidden()
    assert dynamics.session.work.notice is not None
    assert dynamics.session.work.notice.is_error
    assert text.startswith(start)
    assert what in text
    assert text.endswith(".")
    assert text.count(". ") == 0
