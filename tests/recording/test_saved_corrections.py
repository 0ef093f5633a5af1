"""Corrections that are kept, and what tells one recording from another."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_calcdyn.recording import Movie, open_movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.recording.movies.clipping import Clipping
from napari_calcdyn.recording.movies.corrections import nothing_corrected
from napari_calcdyn.recording.movies.identity import identity
from napari_calcdyn.recording.movies.saved_corrections import as_arrays, from_arrays

RNG = np.random.default_rng(0)


def picture() -> np.ndarray:
    return RNG.random((5, 6), np.float32)


EVERYTHING = Corrections(
    ("motion", "brightness"),
    RNG.random(9) > 0.3,
    RNG.random((5, 6)) > 0.1,
    ((0, 2, "dark"), (7, 8, "blurred")),
    RNG.random((9, 2), np.float32),
    RNG.random(9, np.float32),
    np.float32(0.1),
    -0.3,
    picture(),
    ("Lines are displaced.",),
    Clipping(picture(), picture()),
)


def flat(corrections: Corrections) -> dict[str, object]:
    fields = {field.name: getattr(corrections, field.name) for field in dataclasses.fields(corrections)}
    clipping = fields.pop("clipping")
    return fields | ({} if clipping is None else {"part": clipping.part, "mean": clipping.mean})


@pytest.mark.parametrize("corrections", [EVERYTHING, nothing_corrected((9, 5, 6))], ids=["all", "nothing"])
def test_corrections_come_back_as_they_were(corrections: Corrections) -> None:
    assert all(value is not None for value in flat(EVERYTHING).values())
    arrays, values = as_arrays(corrections)
    again, before = flat(from_arrays(arrays, json.loads(json.dumps(values)))), flat(corrections)
    assert again.keys() == before.keys()
    for name, value in before.items():
        if isinstance(value, np.ndarray):
            assert again[name].dtype == value.dtype
            np.testing.assert_array_equal(again[name], value, err_msg=name)
        else:
            assert again[name] == value, name


def test_missing_arrays_are_an_error() -> None:
    arrays, values = as_arrays(EVERYTHING)
    for name in ("valid_frames", "valid_pixels", "clipping.mean"):
        with pytest.raises(KeyError, match=name):
            from_arrays({key: it for key, it in arrays.items() if key != name}, values)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path in paths:
        pixels = RNG.integers(0, 9, (20, 2, 5, 6), np.uint16)
        tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "TCYX"})
    return paths


def test_a_recording_is_told_from_others(files: list[Path]) -> None:
    kinds = [
        identity(open_movie(source, channel=channel)) for source in (files[0], files) for channel in (0, 1)
    ]
    assert len({json.dumps(it) for it in kinds}) == 4
    assert identity(open_movie(files[0], channel=0)) == kinds[0]
    assert [Path(path).name for path, *_ in kinds[2]["files"]] == ["a.tif", "b.tif"]


def test_a_file_that_was_changed_is_told_from_before(files: list[Path]) -> None:
    before = identity(open_movie(files, channel=0))
    os.utime(files[1], ns=(0, 1))
    assert identity(open_movie(files, channel=0)) != before


def test_corrections_and_arrays_in_memory_have_an_identity(files: list[Path], tmp_path: Path) -> None:
    stored = open_movie(files[0], channel=0)
    corrected = stored.corrected(dataclasses.replace(nothing_corrected(stored.shape), line_shift=0.5))
    assert corrected.files == stored.files == (files[0],)
    assert identity(corrected)["frames"] != identity(stored)["frames"]
    array = stored.frames(0, 20)
    assert identity(Movie.from_array(array)) == identity(Movie.from_array(array.copy()))
    assert identity(Movie.from_array(array)) != identity(Movie.from_array(array + 1))
    np.save(tmp_path / "movie.npy", array)
    assert open_movie(tmp_path / "movie.npy").files == (tmp_path / "movie.npy",)
