"""The recording is encoded once for all docks, and keys do not take napari's."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from inspector_scene import RATE, chain_movie, six_cells, train
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes, Surface, Tracks, Vectors
from napari.settings import NapariSettings

from napari_calcdyn.gui.inspector.roi_keys import NEXT, PIN, PREVIOUS
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.gui.session.latents import Latents
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, Movie


@pytest.fixture(scope="module")
def movie() -> Movie:
    return Movie.from_array(chain_movie(six_cells()), frame_rate=RATE)


@pytest.fixture(scope="module")
def model(movie: Movie) -> VARAutoencoder:
    return train(np.asarray(movie.data), steps=10)


def test_two_that_ask_at_once_get_what_is_encoded_once(
    movie: Movie, model: VARAutoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(ViewerModel())
    calls: list[int] = []
    go_on = threading.Event()

    def slow(*_: Any) -> np.ndarray:
        calls.append(1)
        go_on.wait(10)
        return VARAutoencoder.encode(model, movie)

    monkeypatch.setattr(model, "encode", slow)
    shared, found, waited = session.part(Latents), [], threading.Event()
    assert session.part(Latents) is shared

    def ask() -> None:
        found.append(shared.get(movie, model, lambda *_: waited.set()))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waited.wait(5)  # the second says that it is not done
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1
    assert found[0] is found[1]
    session.dynamics.model = model  # another one: what is known is forgotten
    shared.get(movie, model, None)
    assert len(calls) == 2


def test_who_waits_can_be_stopped_and_the_next_encodes(
    movie: Movie, model: VARAutoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = session_of(ViewerModel()).part(Latents)
    go_on, begun = threading.Event(), threading.Event()

    def slow(_: Any, progress: Any) -> np.ndarray:
        begun.set()
        go_on.wait(10)
        if progress is not None and progress(1, 2):
            raise Cancelled("stopped")
        return VARAutoencoder.encode(model, movie)

    monkeypatch.setattr(model, "encode", slow)
    outcome: list[str] = []

    def first() -> None:
        with pytest.raises(Cancelled):
            shared.get(movie, model, lambda *_: True)
        outcome.append("cancelled")

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(5)
    with pytest.raises(Cancelled):
        shared.get(movie, model, lambda *_: True)  # while the first has it
    go_on.set()
    thread.join(10)
    assert outcome == ["cancelled"]
    assert len(shared.get(movie, model, None)) == movie.n_frames


def test_the_keys_are_none_of_naparis() -> None:
    taken = {str(key) for keys in NapariSettings().shortcuts.shortcuts.values() for key in keys}
    for kind in (ViewerModel, Image, Labels, Points, Shapes, Surface, Tracks, Vectors):
        taken |= {str(key) for key in kind.class_keymap}
    assert {"V", "P", "Z", "Left"} <= taken
    assert not {NEXT, PIN, PREVIOUS} & taken
