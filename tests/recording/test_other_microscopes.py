"""Recordings of Inscopix (.isxd) and Femtonics (.mesc), made after the formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from bad_input import refuses

from damage import damaged, ends
from napari_calcdyn.recording import Movie, inspect_movie, open_movie

PIXELS = np.random.default_rng(0).integers(0, 4000, (24, 20, 30)).astype(np.uint16)


def check(movie: Movie, pixels: np.ndarray[Any, Any] = PIXELS) -> None:
    assert (movie.shape, movie.dtype) == (pixels.shape, pixels.dtype)
    np.testing.assert_array_equal(movie.frames(0, len(pixels)), pixels)
    np.testing.assert_array_equal(np.asarray(movie.data[3:9, 2:5]), pixels[3:9, 2:5])


def inscopix(path: Path, frames: np.ndarray[Any, Any] = PIXELS, around: int = 0, **changes: Any) -> Path:
    """Write frames and their description as the library isx 2.1 does."""
    half = {"num": 1, "den": 2}
    about = {
        "type": 0, "fileVersion": 1, "dataType": {"u2": 0, "f4": 1, "u1": 2}[frames.dtype.str[1:]],
        "hasFrameHeaderFooter": around > 0, "producer": {"name": "isxcore", "version": [2, 0, 1]},
        "spacingInfo": {"numPixels": {"x": 30, "y": 20}, "pixelSize": {"x": half, "y": {"num": 3, "den": 1}}},
        "timingInfo": {"numTimes": len(frames), "period": {"num": 50, "den": 1000}, "dropped": [], "cropped": [],
                       "blank": []},
    }  # fmt: skip
    about["timingInfo"] |= changes.pop("timing", {})
    text = json.dumps(about | changes, indent=4).encode()
    edge = bytes(around)
    content = b"".join(edge + frame.tobytes() + edge for frame in frames)
    path.write_bytes(content + text + b"\0" + len(text).to_bytes(8, "little"))
    return path


@pytest.mark.parametrize("dtype", ["u2", "f4", "u1"])
@pytest.mark.parametrize("around", [0, 5120])
def test_inscopix(tmp_path: Path, dtype: str, around: int) -> None:
    pixels = PIXELS.astype(dtype)
    movie = open_movie(inscopix(tmp_path / "a.isxd", pixels, around))
    check(movie, pixels)
    assert (movie.frame_rate, movie.pixel_size, movie.notes) == (20, (3, 0.5), ())
    assert isinstance(movie.data, np.ndarray), "memory-mapped"


def test_inscopix_frames_that_were_dropped(tmp_path: Path) -> None:
    timing = {"numTimes": 29, "dropped": [5, 6, 11], "cropped": ["15 - 16"]}
    movie = open_movie(inscopix(tmp_path / "a.isxd", timing=timing))
    at = np.delete(np.arange(29), [5, 6, 11, 15, 16])
    assert movie.n_frames == 29
    np.testing.assert_array_equal(movie.frames(0, 29)[at], PIXELS)
    np.testing.assert_array_equal(movie.frames(4, 7), PIXELS[[4, 4, 4]])
    assert movie.notes == (
        "a.isxd lacks 5 frames that were dropped or cropped: the ones before stand there.",
    )
    assert (
        "lacks 1 frame that was"
        in open_movie(inscopix(tmp_path / "a.isxd", timing={"numTimes": 25, "dropped": [0]})).notes[0]
    )


def test_inscopix_files_that_make_no_sense(tmp_path: Path) -> None:
    path = tmp_path / "a.isxd"
    for timing in (
        {"numTimes": 2**40},
        {"numTimes": 0},
        {"numTimes": 23},
        {"numTimes": 2**26},
        {"dropped": ["x"]},
    ):
        refuses("truncated or damaged|does not hold the frames", open_movie, inscopix(path, timing=timing))
    refuses("holds no movie: choose", open_movie, inscopix(path, type=3))
    for content in (b"", b"abc", bytes(100), b"[1]\0" + (3).to_bytes(8, "little"), b"\xff" * 20):
        path.write_bytes(content)
        refuses("a.isxd is truncated or damaged: copy it again", open_movie, path)


def femtonics(path: Path, channels: int = 1, scale: float = 1.0, **attributes: Any) -> Path:
    """Write a measurement as MESc does, with texts as the numbers of their letters."""
    stored = PIXELS if scale > 0 else np.invert(PIXELS)
    with h5py.File(path, "w") as file:
        unit = file.create_group("MSession_0/MUnit_0")
        for channel in range(channels):
            unit.create_dataset(f"Channel_{channel}", data=stored + channel, chunks=(1, 20, 30))
            unit.attrs[f"Channel_{channel}_Conversion_ConversionLinearScale"] = scale
        unit.attrs["VecChannelsSize"] = channels
        for axis, (length, name) in {"X": (0.5, "µm"), "Y": (0.7, "µm"), "Z": (32.0, "ms")}.items():
            unit.attrs[f"{axis}AxisConversionConversionLinearScale"] = length
            unit.attrs[f"{axis}AxisConversionUnitName"] = np.array([*map(ord, name), 0], np.int16)
        unit.attrs.update(attributes)
    return path


def test_femtonics(tmp_path: Path) -> None:
    path = femtonics(tmp_path / "a.mesc")
    movie = open_movie(path)
    check(movie)
    assert (movie.frame_rate, movie.pixel_size) == (31.25, (0.7, 0.5))
    check(open_movie(femtonics(path, scale=-1.0))), "bright pixels get large numbers"
    two = femtonics(path, 2)
    refuses('several movies: choose one with dataset="/MSession_0/MUnit_0/Channel_0"', open_movie, two)
    check(open_movie(two, dataset="/MSession_0/MUnit_0/Channel_1"), PIXELS + 1)
    strange = femtonics(path, ZAxisConversionUnitName=np.array([*map(ord, "parsec")], np.int16))
    assert open_movie(strange).frame_rate is None
    assert inspect_movie(strange).pixel_size == (0.7, 0.5)


@pytest.mark.parametrize("writer", [inscopix, femtonics])
def test_damaged_files_are_refused_or_opened(tmp_path: Path, writer: Any) -> None:
    path = writer(tmp_path / f"a.{'isxd' if writer is inscopix else 'mesc'}")

    def at_the_end(whole: bytes, random: np.random.Generator) -> bytes:
        data = bytearray(whole if random.random() < 0.8 else whole[: random.integers(0, len(whole))])
        for at in random.integers(max(0, len(data) - 1400), max(1, len(data)), random.integers(1, 9)):
            data[at : at + 1] = bytes([random.integers(0, 256)])
        return bytes(data)

    how = {"damage": at_the_end} if writer is inscopix else {}
    assert len(damaged([path], lambda: ends(open_movie(path)), **how)) > 20
