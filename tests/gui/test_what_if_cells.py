"""The section What if where it is known what drives which cell: it follows the same connections as the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inspector_scene import FIRST, RATE, chain_movie, show_movie, six_cells, take, train

from napari_calcdyn.analysis.what_if.forecasting import first_held_out, forecast, forecast_error
from napari_calcdyn.analysis.what_if.impulse import impulse_response, source_push
from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.layers.movie_time import show_frame
from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.gui.what_if.runs import FORECAST, PUSH
from napari_calcdyn.gui.what_if.section import WhatIf


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return chain_movie(six_cells())


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> Any:
    return train(pixels, 40)


@pytest.fixture
def section(viewer: Any, pixels: np.ndarray, model: Any, qtbot: Any) -> WhatIf:
    """With cells between which it was looked, the first of them selected, at frame 50."""
    session = show_movie(viewer, pixels)
    session.recording.movie.frame_rate = RATE
    take(session, six_cells(), model)
    section = WhatIf(session)
    viewer.window.add_dock_widget(section, name="What if", area="right")
    assert "Find what drives which cell first" in section.of.text()
    assert section.push.what.native.isVisibleTo(section)
    look_between(session)
    idle(section, qtbot)
    session.rois.selected = (FIRST,)
    show_frame(session, 50)
    return section


def idle(section: WhatIf, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: section.session.work.job is None, timeout=30_000)


def named(viewer: Any, name: str) -> Any:
    return next((it for it in viewer.layers if it.name == name), None)


def test_a_push_of_a_cell_spreads_along_the_connections_between_cells(
    viewer: Any, section: WhatIf, qtbot: Any
) -> None:
    cells = cells_of(section.session)
    assert cells is not None
    assert "connections between 6 cells" in section.of.text()
    assert not section.push.what.native.isVisibleTo(section)  # there are no other sources
    section.push.what.value = "source"  # chosen before it was known
    section.push.size.value = 3.0
    section.push.call_button.native.click()
    idle(section, qtbot)
    response = impulse_response(cells.fitted.var, source_push(cells.fitted.var, 0, 3.0), 20)
    expected = response @ six_cells().footprints.toarray()
    layer = named(viewer, PUSH)
    np.testing.assert_allclose(layer.data.reshape(20, -1), expected, atol=1e-4 * np.abs(expected).max())
    moved = response[1, 1] / cells.fitted.var.std[1]
    assert f"It spreads to ROI {FIRST + 1} most, which moves by {moved:+.2g} sd" in section.push_said.text()


def test_a_forecast_is_of_the_cells_and_its_errors_of_frames_that_were_held_out(
    viewer: Any, section: WhatIf, qtbot: Any
) -> None:
    session, cells = section.session, cells_of(section.session)
    assert cells is not None
    section.forecast.ahead.value = 4
    section.forecast.call_button.native.click()
    qtbot.waitUntil(section.errors.isVisible, timeout=20_000)
    ahead = forecast(cells.fitted.var, cells.activity, 51, 4)
    picture = ahead @ six_cells().footprints.toarray() + session.recording.movie.mean_frame().ravel()
    np.testing.assert_allclose(named(viewer, FORECAST).data.reshape(4, -1), picture, rtol=1e-4)
    first = first_held_out(session.dynamics.model, session.recording.movie)
    errors = forecast_error(session.dynamics.model, cells.activity, None, first, 4, fitted=cells.fitted)
    np.testing.assert_allclose(section.errors.curve.getData()[1], errors.picture, rtol=1e-6)


def test_the_slider_of_the_latents_changes_nothing_and_other_rois_lead_back_to_them(
    viewer: Any, section: WhatIf, model: Any, qtbot: Any
) -> None:
    session = section.session
    section.push.call_button.native.click()
    idle(section, qtbot)
    session.dynamics.var = model.var.at(fraction=0.7)
    assert named(viewer, PUSH) is not None
    take(session, six_cells().select(np.array([0, 1])), None)
    assert named(viewer, PUSH) is None
    assert "Find what drives which cell first" in section.of.text()
    section.push.call_button.native.click()
    idle(section, qtbot)
    assert named(viewer, PUSH) is not None
    assert cells_of(session) is None
