"""Whatever a user has done, the session that was saved shows the same in another window.

`CALCDYN_WALKS=30x40` walks 30 times for 40 actions each; by default, once for 15.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspector_scene import RATE, chain_movie, six_cells, train
from session_walk import Walk
from test_sessions import pictures_left_out, reopen, save, shows, wait  # noqa: F401
from window_state import window_state

from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.dynamics.runs import compute_maps
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.layers.layers import result_layer
from napari_calcdyn.gui.neurons.inputs import extract, take_rois
from napari_calcdyn.gui.neurons.trace_settings import TraceSettings
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.recordings import MOVIE_MINUS_MEAN, compute_mean, open_recording
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.gui.session.cautions import outdated_between, outdated_maps
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.quality import Quality, check_quality

WALKS, ACTIONS = map(int, os.environ.get("CALCDYN_WALKS", "1x15").split("x"))
FIRST = int(os.environ.get("CALCDYN_FIRST_WALK", "0"))
FRAMES = 200


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, VARAutoencoder, Quality]:
    pixels = chain_movie(six_cells())[:FRAMES]
    return pixels, train(pixels, 30), check_quality(Movie.from_array(pixels), motion=False)


def bring_up_to_date(qtbot: Any, session: Session) -> None:
    """Compute anew what is of the recording as it was corrected before, and is not kept."""
    compared, movie = session.answers.comparison, session.recording.movie
    if outdated_maps(session):
        compute_maps(session)
        wait(qtbot, session)
    if outdated_between(session):
        look_between(session)
        wait(qtbot, session)
    if session.recording.statistics is None and result_layer(session.viewer, MOVIE_MINUS_MEAN) is not None:
        compute_mean(session)
        wait(qtbot, session)
    if compared is not None and not compared.is_of(movie):
        session.answers.comparison = None
    wait(qtbot, session)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + WALKS))
def test_the_window_shows_the_same(
    make_napari_viewer: Any,
    viewer: Any,
    scene: tuple[np.ndarray, VARAutoencoder, Quality],
    seed: int,
    tmp_path: Path,
    qtbot: Any,
) -> None:
    pixels, model, quality = scene
    path = tmp_path / "chain.npy"
    np.save(path, pixels)
    docks = add_docks(viewer)
    session = session_of(viewer)
    open_recording(session, path)
    wait(qtbot, session)
    session.recording.movie.frame_rate = RATE
    session.part(RecordingCheck)._take(quality)
    wait(qtbot, session)
    take_rois(session, six_cells())
    extract(session, TraceSettings())
    wait(qtbot, session)
    session.dynamics.take(model)
    compute_maps(session)
    wait(qtbot, session)
    walk = Walk(viewer, docks, seed)
    for _ in range(ACTIONS):
        walk.step()
        wait(qtbot, session)
        if session.recording.movie is None:
            break
    bring_up_to_date(qtbot, session)
    before = window_state(viewer)
    save(qtbot, session, tmp_path / "walk")
    again = reopen(qtbot, make_napari_viewer, tmp_path / "walk.calcdyn")
    try:
        shows(qtbot, again, before)
    except AssertionError as error:
        raise AssertionError("\n".join([*walk.done, str(error)])) from error
