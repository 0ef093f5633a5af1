"""Axes that are given, and a movie whose time is last."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from bad_input import refuses

from damage import damaged, mutated
from hdf5_files import Scene
from napari_calcdyn.recording import Movie, inspect_movie, open_movie
from napari_calcdyn.recording.movies.readers import npy
from napari_calcdyn.recording.movies.readers.axes import time_seems_last

SCENE = Scene(20, 24, 90)
PIXELS = SCENE.movie


def check(movie: Movie, pixels: np.ndarray[Any, Any] = PIXELS) -> None:
    assert (movie.shape, movie.dtype) == (pixels.shape, pixels.dtype)
    for start, stop in ((0, len(pixels)), (3, 4), (5, 33), (88, 100)):
        np.testing.assert_array_equal(movie.frames(start, stop), pixels[start:stop])
    np.testing.assert_array_equal(np.asarray(movie.data[7:19, 2:5]), pixels[7:19, 2:5])
    np.testing.assert_allclose(movie.mean_frame(), pixels.mean(0, dtype=float), rtol=1e-6)


def stored(axes: str) -> np.ndarray[Any, Any]:
    """The scene with its axes in another order; channel 1 is the scene, and so is plane 1."""
    array, have = PIXELS, "TYX"
    for extra in set(axes) - set(have):
        if extra == "Q":
            array, have = array[..., None], have + extra
        else:
            array, have = np.stack([array + 1, array], -1), have + extra
    return np.ascontiguousarray(array.transpose([have.index(it) for it in axes]))


ORDERS = ["".join(it) for it in itertools.permutations("TYX")] + [
    "TCYX",
    "YXCT",
    "TYXC",
    "XYQT",
    "ZTYX",
    "TCZYX",
]


@pytest.mark.parametrize("axes", ORDERS)
def test_any_order_in_npy_and_hdf5(tmp_path: Path, axes: str) -> None:
    array, options = (
        stored(axes),
        {it: 1 for it, letter in (("channel", "C"), ("plane", "Z")) if letter in axes},
    )
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "f.npy", np.asfortranarray(array))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mov"] = array
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file.create_dataset(
            "mov", data=array, compression="gzip", chunks=tuple(min(it, 7) for it in array.shape)
        )
    for name in ("a.npy", "f.npy", "a.h5", "z.h5"):
        info = inspect_movie(tmp_path / name, axes=axes.lower())
        assert (info.axes, info.stored_shape, info.n_frames) == (axes, array.shape, 90)
        check(open_movie(tmp_path / name, axes=axes, **options))
    if options:
        refuses("choose one with", open_movie, tmp_path / "a.npy", axes=axes)


def test_time_last_is_noticed(tmp_path: Path) -> None:
    last = np.ascontiguousarray(np.moveaxis(PIXELS, 0, 2))
    np.save(tmp_path / "last.npy", last)
    refuses(
        r"last.npy \(20 × 24 × 90\) seems to hold its frames along the last axis: give the axes YXT if it does",
        open_movie,
        tmp_path / "last.npy",
    )
    info = inspect_movie(tmp_path / "last.npy")
    assert (info.axes, info.n_frames, info.frame_shape) == ("YXT", 90, (20, 24))
    assert "give the axes YXT" in info.unsure
    check(open_movie(tmp_path / "last.npy", axes="YXT"))
    check(open_movie(tmp_path / "last.npy", axes="TYX"), last)
    assert not inspect_movie(tmp_path / "last.npy", axes="YXT").unsure
    np.save(tmp_path / "first.npy", PIXELS)
    assert inspect_movie(tmp_path / "first.npy").unsure == ""


def test_time_is_not_taken_for_last_in_pictures_that_are_wide() -> None:
    wide = np.concatenate([PIXELS] * 6, 2)
    assert not time_seems_last(wide[:30])  # 30 × 20 × 144
    noise = np.random.default_rng(0).normal(0, 1, (20, 24, 90))
    assert not time_seems_last(noise)
    assert not time_seems_last(np.zeros((20, 24, 90)))
    assert not time_seems_last(np.full((20, 24, 90), np.nan))
    assert time_seems_last(np.moveaxis(PIXELS, 0, 2).astype(float))
    broken = np.moveaxis(PIXELS, 0, 2).astype(float)
    broken[2:4] = np.nan
    assert time_seems_last(broken)


def test_time_last_is_read_in_few_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "last.npy", np.ascontiguousarray(np.moveaxis(PIXELS, 0, 2)))
    monkeypatch.setattr(npy, "KEPT_BYTES", 30 * 20 * 24 * 2)
    monkeypatch.setattr("napari_calcdyn.recording.movies.readers.array_stack._READ_BYTES", 1)
    movie, opened = open_movie(tmp_path / "last.npy", axes="YXT"), []
    assert movie.notes == (
        "last.npy holds the numbers of each pixel together, so that reading it is slow: save it again as time, Y, X.",
    )
    decode = type(movie._source)._decode
    monkeypatch.setattr(
        type(movie._source), "_decode", lambda self, *it: opened.append(it[1:]) or decode(self, *it)
    )
    for start in range(0, 90, 10):
        np.testing.assert_array_equal(movie.frames(start, start + 10), PIXELS[start : start + 10])
    assert opened == [(0, 30), (30, 60), (60, 90)]


def test_axes_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, PIXELS)
    refuses("has 3 axes .* and TCYX names 4: give a letter for each", open_movie, path, axes="TCYX")
    for axes in ("TTX", "ABC", "TYC", "TY ", "QYX", "T,X"):
        refuses(f"{axes} does not name axes: give them such as TYX", open_movie, path, axes=axes)
    np.save(path, np.zeros((5, 5), np.uint8))
    refuses("has 2 axes", open_movie, path, axes="TYX")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mov"] = PIXELS
    refuses("and TCYX names 4: give a letter", open_movie, tmp_path / "a.h5", axes="TCYX", dataset="mov")
    refuses("holds no movie", open_movie, tmp_path / "a.h5", axes="TCYX")
    refuses("are known from its files: leave out the axes", open_movie, pages(tmp_path, 2), axes="TYX")


def pages(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.tif" for number in range(count)]
    for path in paths:
        tifffile.imwrite(path, PIXELS)
    return paths


def test_axes_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([PIXELS + 1, PIXELS], 1), metadata={"axes": "QZYX"})
    check(open_movie(path, axes="TCYX", channel=1))
    check(open_movie(path, axes="TZYX", plane=1))
    refuses("holds a picture on each page", open_movie, path, axes="YXTC")
    refuses("has 4 axes", open_movie, path, axes="TYX")
    tifffile.imwrite(path, stored("TCZYX"), metadata={"axes": "QIRYX"})
    refuses("cannot be told apart: give its axes, such as TCYX", open_movie, path)
    check(open_movie(path, axes="TCZYX", channel=1, plane=1))


@pytest.mark.parametrize("axes", [None, "YXT"])
def test_damaged_npy_files_are_refused_or_opened(tmp_path: Path, axes: str | None) -> None:
    path = tmp_path / "movie.npy"
    np.save(path, np.ascontiguousarray(np.moveaxis(PIXELS, 0, 2)) if axes else PIXELS)

    def damage(whole: bytes, random: np.random.Generator) -> bytes:
        data = bytearray(mutated(whole, random)) or bytearray(1)
        if random.random() < 0.7:  # in the header
            data[random.integers(0, 100) % len(data)] = random.integers(0, 256)
        return bytes(data)

    assert len(damaged([path], lambda: open_movie(path, axes=axes).frames(0, 4), damage=damage)) > 50
