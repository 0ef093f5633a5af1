"""Movies in Zarr folders: OME-Zarr 0.4 and 0.5, plain arrays, whole and damaged."""

from __future__ import annotations

import json
import shutil
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from bad_input import refuses

from damage import damaged, ends
from napari_calcdyn.recording import Movie, inspect_movie, open_movie
from napari_calcdyn.recording.movies.identity import identity
from napari_calcdyn.recording.movies.reading import arrays_in

PIXELS = np.random.default_rng(0).integers(1, 4000, (50, 20, 30)).astype(np.uint16)
UNITS = {"t": ("time", "millisecond"), "c": ("channel", None), "z": ("space", "micrometer")}


def check(movie: Movie, pixels: np.ndarray[Any, Any] = PIXELS) -> None:
    assert (movie.shape, movie.dtype) == (pixels.shape, pixels.dtype)
    for start, stop in ((0, len(pixels)), (3, 4), (5, 33), (48, 60)):
        np.testing.assert_array_equal(movie.frames(start, stop), pixels[start:stop])
    np.testing.assert_array_equal(np.asarray(movie.data[7:19, 2:5]), pixels[7:19, 2:5])
    np.testing.assert_allclose(movie.mean_frame(), pixels.mean(0, dtype=float), rtol=1e-6)


def ome(
    path: Path,
    array: np.ndarray[Any, Any],
    version: str = "0.4",
    axes: str = "tcyx",
    scale: tuple[float, ...] = (50, 1, 0.5, 0.25),
    inside: str = "",
    units: bool = True,
    **how: Any,
) -> Path:
    """Write an image in two levels, as the standard says."""
    group = zarr.open_group(path, mode="a", zarr_format=2 if version == "0.4" else 3)
    group = group.require_group(inside) if inside else group
    levels = []
    for level in range(2):
        pixels = array[..., :: level + 1, :: level + 1]
        chunks = tuple(how.get("chunks", (7,) + (1,) * (array.ndim - 3) + (20, 16)))
        chunks = tuple(min(it) for it in zip(chunks, pixels.shape, strict=True))
        stored = group.create_array(
            str(level), shape=pixels.shape, dtype=pixels.dtype, chunks=chunks,
            **{key: value for key, value in how.items() if key != "chunks" and level == 0},
        )  # fmt: skip
        stored[:] = pixels
        factor = [1] * (array.ndim - 2) + [level + 1] * 2
        scales = [one * other for one, other in zip(scale, factor, strict=True)]
        levels.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": scales}]})
    named = [{"name": it, "type": UNITS.get(it, UNITS["z"])[0]} for it in axes]
    for it, axis in zip(axes, named, strict=True):
        unit = UNITS.get(it, UNITS["z"])[1]
        if units and unit:
            axis["unit"] = unit
    about = {"multiscales": [{"axes": named, "datasets": levels, "version": version}]}
    group.attrs.update(about if version == "0.4" else {"ome": about | {"version": version}})
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(tmp_path: Path, version: str) -> None:
    path = ome(tmp_path / "day 1.ome.zarr", np.stack([PIXELS + 1, PIXELS], 1), version)
    refuses("day 1.ome.zarr has 2 channels: choose one with channel=0", open_movie, path)
    movie = open_movie(path, channel=1)
    check(movie)
    assert (movie.name, movie.path, movie.axes, movie.notes) == ("day 1.ome.zarr", path, "TCYX", ())
    assert (movie.frame_rate, movie.pixel_size) == (pytest.approx(20), (0.5, 0.25))
    info = inspect_movie(path)
    assert (info.channels, info.planes, info.stored_shape) == (2, 1, (50, 2, 20, 30))
    marker = path / (".zgroup" if version == "0.4" else "zarr.json")
    check(open_movie(marker, channel=0), PIXELS + 1)
    check(open_movie(path / "0", channel=1, axes="TCYX")), "a level by itself"
    before = identity(movie)
    assert before["files"][0][0].startswith(str(path))
    check(open_movie(path, channel=1, frame_rate=5))
    check(open_movie(path, axes="TZYX", plane=1))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_planes_dtypes_and_no_units(tmp_path: Path, version: str) -> None:
    pixels = np.stack([PIXELS + 1, PIXELS], 1)[:, None].astype(">f4")
    path = ome(tmp_path / "a.zarr", pixels, version, "tczyx", (0.1, 1, 3, 0.5, 0.5), units=False)
    movie = open_movie(path, plane=1)
    check(movie, PIXELS.astype("f4"))
    assert (movie.frame_rate, movie.pixel_size) == (pytest.approx(10), (0.5, 0.5)), "seconds and µm"
    path = ome(tmp_path / "b.zarr", PIXELS, version, "zyx", (1, 1, 1), units=False)
    movie = open_movie(path)
    check(movie)
    assert (movie.frame_rate, movie.pixel_size, movie.axes) == (None, None, "TYX"), "1 says nothing"


@pytest.mark.parametrize("how", [{"shards": (14, 20, 32), "chunks": (7, 20, 16)}, {"compressors": None}])
def test_ways_of_storing(tmp_path: Path, how: dict[str, Any]) -> None:
    check(open_movie(ome(tmp_path / "a.zarr", PIXELS, "0.5", "tyx", (1, 1, 1), **how)))


@pytest.mark.parametrize("form", [2, 3])
def test_plain_arrays(tmp_path: Path, form: Any) -> None:
    path = tmp_path / "movie.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=form)
    raw = group.create_array("deep/raw", shape=PIXELS.shape, chunks=(9, 20, 30), dtype="u2")
    raw[:] = PIXELS
    check(open_movie(path))
    named = group.create_array("named", shape=(20, 30, 50), chunks=(20, 30, 9), dtype="u2", **(
        {"dimension_names": ("height", "width", "frame")} if form == 3 else {}
    ))  # fmt: skip
    named[:] = np.moveaxis(PIXELS, 0, 2) + 1
    if form == 2:
        named.attrs["_ARRAY_DIMENSIONS"] = ["height", "width", "frame"]
    group.create_array("mean", shape=(20, 30), dtype="f4", chunks=(20, 30))
    group.create_array("flags", shape=PIXELS.shape, dtype="bool", chunks=(9, 20, 30))
    refuses('holds several movies: choose one with dataset="/deep/raw", dataset="/named"', open_movie, path)
    check(open_movie(path, dataset="deep/raw"))
    check(open_movie(path, dataset="/named"), PIXELS + 1)
    check(open_movie(path, dataset="/deep/raw", axes="TXY"), PIXELS.swapaxes(1, 2))
    check(open_movie(path / "named"), PIXELS + 1)
    assert [str(it) for it in arrays_in(path)] == [
        "/deep/raw (50 × 20 × 30, uint16)",
        "/named (20 × 30 × 50, uint16)",
    ]
    refuses("holds no movie nothing: choose", open_movie, path, dataset="nothing")
    refuses("is no movie: give its axes", open_movie, path, dataset="mean")
    refuses("holds no movie", open_movie, zarr.open_group(tmp_path / "e.zarr", mode="w").store.root)


def test_several_images_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "two.zarr"
    for number in range(2):
        ome(path, PIXELS + number, "0.5", "tyx", (50, 1, 1), inside=str(number))
    ome(path, PIXELS // 1000, "0.5", "tyx", (50, 1, 1), inside="0/labels/cells")
    group = zarr.open_group(path / "0" / "labels" / "cells", mode="a")
    group.attrs["ome"] = {**group.attrs["ome"], "image-label": {}}
    refuses('holds several movies: choose one with dataset="/0", dataset="/1"', open_movie, path)
    check(open_movie(path, dataset="/1"), PIXELS + 1)
    check(open_movie(path / "1"), PIXELS + 1)


def test_frames_that_are_not_there(tmp_path: Path) -> None:
    path = ome(tmp_path / "a.zarr", PIXELS, "0.4", "tyx", (1, 1, 1))
    for at in (0, 1):
        (path / "0" / "6" / "0" / str(at)).unlink(missing_ok=True)
        (path / "0" / f"6.0.{at}").unlink(missing_ok=True)
    shutil.rmtree(path / "0" / "7", ignore_errors=True)
    for file in (path / "0").glob("7.*"):
        file.unlink()
    movie = open_movie(path)
    check(movie, PIXELS[:42])
    assert movie.notes == ("a.zarr is incomplete, only 42 of its 50 frames are there: copy it again.",)
    for file in (path / "0").glob("2.*"):
        file.unlink()
    shutil.rmtree(path / "0" / "2", ignore_errors=True)
    movie = open_movie(path)
    assert movie.notes[1] == "a.zarr lacks 7 frames between others, which are blank: copy it again."
    assert not movie.frames(14, 21).any()
    np.testing.assert_array_equal(movie.frames(0, 14), PIXELS[:14])


def test_nothing_is_executed_or_believed(tmp_path: Path) -> None:
    path = ome(tmp_path / "a.zarr", PIXELS, "0.4", "tyx", (1, 1, 1))
    file = path / "0" / ".zarray"
    whole = json.loads(file.read_text())

    def says(**changes: Any) -> Path:
        file.write_text(json.dumps(whole | changes))
        return path

    refuses("is stored with pickle, which cannot be read", open_movie, says(filters=[{"id": "pickle"}]))
    refuses("is stored with vlen-bytes", open_movie, says(compressor={"id": "vlen-bytes"}))
    refuses("holds no numbers", open_movie, says(dtype="|O"))
    refuses("holds no numbers", open_movie, says(dtype=[["a", "<u2"]]))
    refuses("is compressed in one piece", open_movie, says(chunks=[2**20, 2**10, 2**10]))
    tracemalloc.start()
    movie = open_movie(says(shape=[2**40, 20, 30]))
    assert "only 56 of its" in movie.notes[0]
    for shape in (
        [50, 2**40, 2**40],
        [-1, 20, 30],
        [50.5, 20, 30],
        "abc",
        None,
        [True, 20, 30],
        [2**99, 1, 1],
    ):
        refuses(
            r"0.*(is damaged|pixels: check its axes)|cannot have frames|holds no movie",
            open_movie,
            says(shape=shape),
        )
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()
    levels = json.loads((path / ".zattrs").read_text())
    levels["multiscales"][0]["datasets"][0]["path"] = "../../secret"
    (path / ".zattrs").write_text(json.dumps(levels))
    refuses("holds no movie", open_movie, says())
    path = ome(tmp_path / "b.zarr", PIXELS, "0.5", "tyx", (1, 1, 1))
    node = json.loads((path / "0" / "zarr.json").read_text())
    node["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
    (path / "0" / "zarr.json").write_text(json.dumps(node))
    refuses("is stored with numcodecs.pickle, which cannot be read", open_movie, path)


def test_without_zarr_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ome(tmp_path / "a.zarr", PIXELS, "0.4", "tyx", (1, 1, 1))
    monkeypatch.setitem(sys.modules, "zarr", None)
    refuses(
        r'a.zarr is a folder of Zarr, which is read with zarr: pip install "napari-calcdyn\[formats\]"',
        open_movie,
        path,
    )


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_damaged_folders_are_refused_or_opened(tmp_path: Path, version: str) -> None:
    path = ome(tmp_path / "a.zarr", PIXELS, version, "tyx", (1, 1, 1))
    files = [
        it
        for it in sorted(path.rglob("*"))
        if (it.is_file() and it.parent.name != "1") or it.name.startswith(".z")
    ]
    metadata = [it for it in files if it.name.endswith("json") or it.name.startswith(".z")]
    more = [it for it in files if it not in metadata]
    in_turns = [it for number, other in enumerate(more) for it in (metadata[number % len(metadata)], other)]
    assert len(damaged(in_turns, lambda: ends(open_movie(path)))) > 40
    for name in ("zarr.json", ".zattrs"):
        if (path / name).is_file():
            (path / name).write_bytes(b"[" * 100_000)
            refuses("is truncated or damaged|is damaged", open_movie, path)
