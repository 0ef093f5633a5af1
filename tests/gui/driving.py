"""What the tests of the Dynamics dock do with it."""

from __future__ import annotations

from typing import Any

from napari_calcdyn.gui.dynamics.dock import DynamicsDock
from napari_calcdyn.gui.dynamics.results import CONTRIBUTION_MOVIE, EXPLAINED, RECONSTRUCTION, SOURCES

RESULTS = {EXPLAINED, SOURCES, CONTRIBUTION_MOVIE, RECONSTRUCTION}
LONG = 20_000  # each takes a millisecond, and their windows are drawn before the first one


def set_steps(dynamics: DynamicsDock, steps: int) -> None:
    dynamics.model.form.editors["steps"].value = steps


def settle(qtbot: Any, dynamics: DynamicsDock, timeout: int = 60_000) -> None:
    qtbot.waitUntil(lambda: dynamics.session.work.job is None, timeout=timeout)


def train_briefly(qtbot: Any, dynamics: DynamicsDock) -> None:
    set_steps(dynamics, 20)
    dynamics.model.train.click()
    settle(qtbot, dynamics)
    assert dynamics.session.work.notice is None, dynamics.session.work.notice
    assert dynamics.session.dynamics.model is not None


def start_long(qtbot: Any, dynamics: DynamicsDock) -> None:
    set_steps(dynamics, LONG)
    dynamics.model.train.click()
    qtbot.waitUntil(lambda: len(dynamics.session.dynamics.history) > 2, timeout=60_000)
