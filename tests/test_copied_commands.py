"""A command is copied only where the command line means the same recordings, opened in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_calcdyn.jobs.scripts.dynamics import compare_script, influence_script, run_script
from napari_calcdyn.jobs.scripts.pieces import FOUND, Model, Source
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig

A, B = Path("/data/a.tif"), Path("/data/b.tif")
MODEL = Model(VARAutoencoderConfig.preset("standard"), Path("/data/model"))


@pytest.mark.parametrize(
    ("movies", "known"),
    [
        ([Source((A,))], True),
        ([Source((A, B))], False),
        ([Source((A,)), Source((B,))], True),
        ([Source((A,), {"channel": 1}), Source((B,), {"channel": 1})], True),
        ([Source((A,), {"channel": 1}), Source((B,))], False),
    ],
)
def test_comparison(movies: list[Source], known: bool) -> None:
    script = compare_script(movies, [range(4)], [range(4, 9)], MODEL, None, 99, "auto")
    assert bool(script.command) == known
    assert all(movie.opened in script.python for movie in movies)


def test_a_recording_of_several_files_is_no_several_recordings() -> None:
    assert influence_script(Source((A,)), MODEL, FOUND).command
    assert not influence_script(Source((A, B)), MODEL, FOUND).command
    assert run_script(Source((A, B)), MODEL, FOUND, "auto").command  # which takes them as one
