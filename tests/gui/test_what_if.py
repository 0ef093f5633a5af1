"""The section What if: pushes and forecasts as layers over the movie, and what is said about them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from neuron_scene import events, grid_of_rois, show_recording

from napari_calcdyn.analysis.what_if.forecasting import first_held_out, forecast, forecast_error
from napari_calcdyn.analysis.what_if.impulse import impulse_movie, impulse_response, roi_push, source_push
from napari_calcdyn.gui.layers.layers import is_result
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.what_if.runs import FORECAST, PUSH, Push, Spread, start_push
from napari_calcdyn.gui.what_if.section import WhatIf
from napari_calcdyn.gui.what_if.words import error_words, push_words
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie, RoiSet

FRAMES = 120


@pytest.fixture(scope="module")
def rois() -> RoiSet:
    return grid_of_rois(3, 4)


@pytest.fixture(scope="module")
def model(rois: RoiSet) -> VARAutoencoder:
    """Of order 3, trained on the movie that `session` shows."""
    pixels = 100 + 200 * events(rois.ids, FRAMES).values.T @ (rois.footprints > 0).astype(np.float32)
    movie = Movie.from_array(pixels.reshape(FRAMES, *rois.frame_shape).astype(np.uint16))
    config = VARAutoencoderConfig.preset(
        "quick", steps=20, latents=8, order=3, selection="fraction", fraction=0.1
    )
    return VARAutoencoder(config).fit(movie, device="cpu")


@pytest.fixture
def session(viewer: Any, rois: RoiSet) -> Session:
    """The recording at 10 Hz in a place of its own, without a model."""
    session = show_recording(
        viewer, rois, events(rois.ids, FRAMES), scale=(2, 0.5, 0.5), translate=(3, 30, 40)
    )
    assert session.recording.movie is not None
    session.recording.movie.frame_rate = 10.0
    return session


@pytest.fixture
def section(viewer: Any, session: Session) -> WhatIf:
    section = WhatIf(session)
    viewer.window.add_dock_widget(section, name="What if", area="right")
    return section


@pytest.fixture
def ready(session: Session, section: WhatIf, model: VARAutoencoder) -> WhatIf:
    """With a model, and ROI 105 selected at frame 40."""
    session.dynamics.model, session.dynamics.var = model, model.var
    session.rois.selected = (105,)
    show_frame(session, 40)
    return section


def idle(section: WhatIf, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: section.session.work.job is None, timeout=20_000)


def shown(viewer: Any, name: str) -> Any:
    return next((layer for layer in viewer.layers if layer.name == name and is_result(layer)), None)


def test_an_roi_is_pushed_at_the_frame_that_is_shown(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any
) -> None:
    session = ready.session
    assert session.rois.loaded is not None
    assert session.recording.movie is not None
    assert ready.push.call_button.text == "Push ROI 105"
    ready.push.size.value = -1.5
    ready.push.frames.value = 9
    ready.push.call_button.native.click()
    idle(ready, qtbot)
    layer = shown(viewer, PUSH)
    latents = model.encode(session.recording.movie)
    push = roi_push(model, latents, session.rois.loaded.footprints[[5]], -1.5)
    expected = impulse_movie(model, impulse_response(model.var, push, 9))
    np.testing.assert_allclose(layer.data, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(layer.scale, [2, 0.5, 0.5])
    np.testing.assert_array_equal(layer.translate, [3 + 2 * 40, 30, 40])
    assert layer.visible
    assert "The push of ROI 105" in ready.push_said.text()
    assert " s)" in ready.push_said.text()  # the frame rate is known
    assert session.work.notice is None


def test_it_says_where_a_push_spreads_to(ready: WhatIf, model: VARAutoencoder, qtbot: Any) -> None:
    session = ready.session
    assert session.rois.loaded is not None
    assert session.recording.movie is not None
    found: list[Spread] = []
    for size in (3.0, 1e-3):
        start_push(session, Push(size, 12, roi=105), lambda spread, _: found.append(spread))
        idle(ready, qtbot)
    spread, faint = found
    footprints = session.rois.loaded.footprints.toarray()
    latents = model.encode(session.recording.movie)
    pictures, decoded = (it.reshape(len(it), -1) for it in (spread.movie, model.decode(latents)))
    moved = pictures @ footprints.T / (decoded @ footprints.T).std(0)
    further = np.where(np.abs(moved) > np.abs(moved[0]), moved, 0)
    further[:, 5] = 0
    frame, place = np.unravel_index(np.abs(further).argmax(), further.shape)
    by = further[frame, place]
    assert abs(by) > 0.1
    assert spread.reached == (100 + place, frame, pytest.approx(by, rel=1e-2))
    later = "1 frame later (0.1 s)" if frame == 1 else f"{frame} frames later ({frame / 10:.2g} s)"
    assert push_words(spread, 10.0).endswith(
        f"spreads to ROI {100 + place} most, which moves by {by:+.2g} sd {later}."
    )
    assert faint.reached is None
    assert push_words(faint, None).endswith("It moves no other ROI by 0.1 sd.")


def test_a_source_is_pushed_without_rois(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any
) -> None:
    session = ready.session
    session.rois.loaded = None
    assert not ready.push.call_button.enabled
    assert "There are no ROIs" in ready.hint.text()
    ready.push.what.value = "source"
    assert ready.hint.text() == ""
    assert ready.push.source.max == 7
    ready.push.source.value = 3
    assert ready.push.call_button.text == "Push source 3"
    ready.push.call_button.native.click()
    idle(ready, qtbot)
    response = impulse_response(model.var, source_push(model.var, 3, 2.0), 20)
    np.testing.assert_allclose(shown(viewer, PUSH).data, impulse_movie(model, response), rtol=1e-5, atol=1e-5)
    assert "The push of source 3" in ready.push_said.text()


def test_the_frames_after_the_shown_one_are_forecast(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any
) -> None:
    session = ready.session
    assert session.recording.movie is not None
    assert ready.forecast.call_button.text == "Forecast from frame 40"
    ready.forecast.ahead.value = 6
    ready.forecast.call_button.native.click()
    qtbot.waitUntil(ready.errors.isVisible, timeout=20_000)
    layer, latents = shown(viewer, FORECAST), model.encode(session.recording.movie)
    np.testing.assert_allclose(layer.data, model.decode(forecast(model.var, latents, 41, 6)), rtol=1e-4)
    np.testing.assert_array_equal(layer.translate, [3 + 2 * 41, 30, 40])
    assert [it.name for it in viewer.layers][:2] == ["movie", FORECAST]  # and nothing else is hidden by it
    assert shown_frame(session) == 41
    assert "Frames 41 to 46 are forecast from frame 40 and before" in ready.forecast_said.text()
    errors = forecast_error(model, latents, model.var, first_held_out(model, session.recording.movie), 6)
    x, y = ready.errors.curve.getData()
    np.testing.assert_array_equal(x, np.arange(1, 7))
    np.testing.assert_allclose(y, errors.picture, rtol=1e-6)
    assert ready.errors_said.text() == error_words(errors, same_recording=True)
    assert f"off by {errors.picture[0]:.0%} of the variance 1 frame ahead" in ready.errors_said.text()

    # The errors are of the rules and not of the frame: another forecast does not measure them again.
    titles: list[str] = []
    session.work.events.job.connect(lambda job, _: job is not None and titles.append(job.title))
    ready.forecast.call_button.native.click()
    idle(ready, qtbot)
    assert titles == ["Forecasting"]
    assert shown_frame(session) == 42
    np.testing.assert_array_equal(layer.translate, [3 + 2 * 42, 30, 40])


def test_a_forecast_goes_beyond_the_recording(viewer: Any, ready: WhatIf, qtbot: Any) -> None:
    session = ready.session
    show_frame(session, FRAMES - 1)
    ready.forecast.ahead.value = 200  # more than there are held-out frames
    ready.forecast.call_button.native.click()
    qtbot.waitUntil(ready.errors.isVisible, timeout=20_000)
    assert shown(viewer, FORECAST).translate[0] == 3 + 2 * FRAMES
    assert viewer.dims.point[0] == 3 + 2 * FRAMES
    assert len(ready.errors.curve.getData()[0]) == 23  # of 24 held-out frames


def test_what_belongs_to_other_rules_is_taken_away(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any
) -> None:
    session = ready.session
    for button in (ready.push.call_button, ready.forecast.call_button):
        button.native.click()
        idle(ready, qtbot)
    qtbot.waitUntil(ready.errors.isVisible, timeout=20_000)
    session.dynamics.var = model.var.at(fraction=0.7)
    assert shown(viewer, PUSH) is shown(viewer, FORECAST) is None
    assert "The model's connections changed" in ready.push_said.text()
    assert "The model's connections changed" in ready.forecast_said.text()
    assert not ready.errors.isVisible()
    assert not ready.errors_said.isVisible()
    ready.push.call_button.native.click()
    idle(ready, qtbot)
    assert session.recording.movie is not None
    assert session.rois.loaded is not None
    push = roi_push(model, model.encode(session.recording.movie), session.rois.loaded.footprints[[5]], 2.0)
    expected = impulse_movie(model, impulse_response(session.dynamics.var, push, 20))
    np.testing.assert_allclose(shown(viewer, PUSH).data, expected, rtol=1e-5, atol=1e-5)
    session.rois.loaded = grid_of_rois(3, 4, first_id=300)
    assert shown(viewer, PUSH) is None
    assert "The ROIs changed" in ready.push_said.text()


def test_a_push_that_arrives_after_the_rules_changed_is_not_shown(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, encode = ready.session, model.encode
    go_on = threading.Event()

    def slow(*given: Any) -> Any:
        assert go_on.wait(10)
        return encode(*given)

    monkeypatch.setattr(model, "encode", slow)
    ready.push.call_button.native.click()
    assert ready.push.call_button.text == "Stop"
    session.dynamics.var = model.var.at(fraction=0.7)
    go_on.set()
    idle(ready, qtbot)
    qtbot.waitUntil(lambda: session.work.notice is not None, timeout=2000)
    assert session.work.notice is not None
    assert "connections changed during the computation" in session.work.notice.text
    assert shown(viewer, PUSH) is None
    assert ready.push.call_button.text == "Push ROI 105"


def test_it_is_stopped_by_the_same_button(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()

    def endless(movie: Movie, progress: Any) -> Any:
        started.set()
        while True:
            if progress(1, 10):
                from napari_calcdyn.recording import Cancelled

                raise Cancelled

    monkeypatch.setattr(model, "encode", endless)
    ready.forecast.call_button.native.click()
    assert started.wait(10)
    assert ready.forecast.call_button.text == "Stop"
    ready.forecast.call_button.native.click()
    idle(ready, qtbot)
    assert ready.forecast.call_button.text == "Forecast from frame 40"
    assert shown(viewer, FORECAST) is None


def test_what_is_missing_is_said_in_one_sentence(
    viewer: Any, section: WhatIf, session: Session, model: VARAutoencoder, qtbot: Any
) -> None:
    assert "Train or load a model in the Dynamics panel" in section.hint.text()
    assert not section.push.call_button.enabled
    assert not section.forecast.call_button.enabled
    session.dynamics.model, session.dynamics.var = model, model.var
    assert "Click the ROI to push" in section.hint.text()
    assert section.forecast.call_button.enabled
    session.rois.selected = (100,)
    assert section.hint.text() == ""
    section.push.size.value = 0
    assert "A push of 0 changes nothing" in section.hint.text()
    assert not section.push.call_button.enabled
    section.push.size.value = 2
    assert section.push.call_button.enabled
    rois = session.rois.loaded
    session.rois.loaded = RoiSet(np.ones((1, 12), np.float32), np.array([100]), (3, 4))
    assert "ROIs belong to another recording" in section.hint.text()
    assert not section.push.call_button.enabled
    session.rois.loaded, session.rois.selected = rois, (100,)
    assert section.hint.text() == ""
    show_frame(session, 0)
    section.forecast.call_button.native.click()
    assert session.work.notice is not None
    assert "move the time slider to frame 2 or later" in session.work.notice.text
    movie, session.recording.movie = session.recording.movie, None
    assert "Open a recording first" in section.hint.text()
    session.recording.movie = movie


@pytest.fixture
def blind(ready: WhatIf, model: VARAutoencoder) -> Iterator[WhatIf]:
    """The same with a model whose latents reach no pixel."""
    weights = model.network.mixture.data
    model.network.mixture.data = 0 * weights
    yield ready
    model.network.mixture.data = weights


def test_an_roi_that_no_latent_reaches_is_said_in_one_sentence(
    viewer: Any, blind: WhatIf, qtbot: Any
) -> None:
    blind.push.call_button.native.click()
    idle(blind, qtbot)
    notice = blind.session.work.notice
    assert notice is not None
    assert notice.is_error
    assert "shows no activity in this ROI: choose another one" in notice.text
    assert shown(viewer, PUSH) is None


def test_layers_that_the_user_deletes_and_a_section_that_is_closed(
    viewer: Any, ready: WhatIf, model: VARAutoencoder, qtbot: Any
) -> None:
    session = ready.session
    ready.push.call_button.native.click()
    idle(ready, qtbot)
    viewer.layers.remove(PUSH)
    session.dynamics.var = model.var.at(fraction=0.7)
    assert ready.push_said.text() == ""
    ready.push.call_button.native.click()
    idle(ready, qtbot)
    assert shown(viewer, PUSH) is not None
    viewer.window.remove_dock_widget(ready)
    ready.deleteLater()
    qtbot.wait(50)
    session.dynamics.var = model.var  # nobody listens any more
    show_frame(session, 10)


def test_themes(viewer: Any, ready: WhatIf) -> None:
    lightness = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        lightness.append(ready.errors.plot.backgroundBrush().color().lightness())
    assert lightness[1] > lightness[0] + 100
