"""Each bad input gives one clear sentence."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_calcdyn.recording import InputError, Movie, open_movie

PIXELS = np.random.default_rng(0).integers(0, 4000, (12, 34, 45)).astype(np.uint16)


def refuses(path: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        open_movie(path)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert re.search(r"[:,] \w+", message), "says what to do"


def test_missing_and_empty(tmp_path: Path) -> None:
    refuses(tmp_path / "none.tif", "There is no file or folder .*none.tif")
    refuses(tmp_path, "holds no TIFF files")
    refuses([], "list of files is empty")
    refuses([tmp_path / "a.tif"], "There is no file")
    (tmp_path / "movie.avi").write_bytes(b"RIFF")
    refuses(tmp_path / "movie.avi", "neither a TIFF nor a .npy")


def test_no_tiff_inside(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    for content in (b"", b"II", b"hello, this is text", b"II*\0\xff\xff\xff\x7f", os.urandom(1000)):
        path.write_bytes(content)
        refuses(path, "movie.tif")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"imagej": True},
        {"ome": True},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "zlib", "ome": True},
        {"rowsperstrip": 4},
    ],
)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.97])
def test_truncated_tiff(tmp_path: Path, options: dict[str, object], kept: float) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS, **options)  # type: ignore[arg-type]
    with path.open("r+b") as file:
        file.truncate(int(kept * path.stat().st_size))
    refuses(path, "truncated")


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.97])
def test_truncated_appended_tiff(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "movie.tif"
    for frame in PIXELS:
        tifffile.imwrite(path, frame, append=True)
    with path.open("r+b") as file:
        file.truncate(int(kept * path.stat().st_size))
    refuses(path, "truncated")


def test_truncated_npy(tmp_path: Path) -> None:
    path = tmp_path / "movie.npy"
    np.save(path, PIXELS)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    refuses(path, "truncated")


def test_damaged_page_is_named_when_read(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[7].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 200)
    movie = open_movie(path)
    with pytest.raises(InputError, match=r"Page 7 of movie.tif cannot be decoded"):
        movie.mean_frame()
    path.unlink()
    with pytest.raises(InputError, match=r"movie.tif could not be read: No such file"):
        movie.frames(0, 1)


def test_file_shrinks_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS)
    movie = open_movie(path)
    with path.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(InputError, match="became shorter"):
        movie.statistics()


def test_colour(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.zeros((6, 20, 30, 3), np.uint8), photometric="rgb")
    refuses(path, "colour")
    tifffile.imwrite(path, np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    refuses(path, "colour")
    tifffile.imwrite(path, np.zeros((3, 20, 30), np.uint8), photometric="rgb", planarconfig="separate")
    refuses(path, "colour")
    np.save(tmp_path / "movie.npy", np.zeros((20, 30, 3), np.uint8))
    refuses(tmp_path / "movie.npy", "colour")
    with pytest.raises(InputError, match="colour"):
        Movie.from_array(np.zeros((6, 20, 30, 3), np.uint8))


def test_two_dimensional(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "image.tif", PIXELS[0])
    refuses(tmp_path / "image.tif", "image.tif is a single 2-D image")
    np.save(tmp_path / "image.npy", PIXELS[0])
    refuses(tmp_path / "image.npy", "2-D image")
    with pytest.raises(InputError, match="2-D"):
        Movie.from_array(PIXELS[0])


@pytest.mark.parametrize("frames", [2, 3])
def test_too_few_frames(tmp_path: Path, frames: int) -> None:
    tifffile.imwrite(tmp_path / "few.tif", PIXELS[:frames], photometric="minisblack")
    refuses(tmp_path / "few.tif", f"only {frames} frames")
    np.save(tmp_path / "few.npy", PIXELS[:frames])
    refuses(tmp_path / "few.npy", f"only {frames} frames")


def test_unknown_axes(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.zeros((5, 2, 2, 20, 30), np.uint8), photometric="minisblack")
    refuses(path, "cannot be told apart")
    np.save(tmp_path / "movie.npy", np.zeros((5, 2, 20, 30)))
    refuses(tmp_path / "movie.npy", "4 axes")


def test_channels_must_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    pixels = np.zeros((5, 3, 2, 20, 30), np.uint8)
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "TZCYX"})
    refuses(path, "has 2 channels: choose one with channel=0 … channel=1")
    with pytest.raises(InputError, match="has 3 planes: choose one with plane=0 … plane=2"):
        open_movie(path, channel=1)
    with pytest.raises(InputError, match=r"has no channel 2: choose channel=0 … channel=1"):
        open_movie(path, channel=2, plane=0)
    with pytest.raises(InputError, match="has no plane -1"):
        open_movie(path, channel=0, plane=-1)
    with pytest.raises(InputError, match="frame rate of 0"):
        open_movie(path, channel=0, plane=0, frame_rate=0)


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a1.tif", PIXELS)
    tifffile.imwrite(tmp_path / "a2.tif", PIXELS[:, 1:])
    refuses(tmp_path, "a2.tif has frames of 33 × 45 pixels but a1.tif of 34 × 45")
    tifffile.imwrite(tmp_path / "a2.tif", PIXELS.astype(np.int16))
    refuses(tmp_path, "a2.tif holds int16 but a1.tif uint16")
    tifffile.imwrite(
        tmp_path / "a2.tif", PIXELS.reshape(6, 2, 34, 45), imagej=True, metadata={"axes": "TCYX"}
    )
    refuses(tmp_path, "a2.tif has other planes or channels")
    (tmp_path / "b.npy").write_bytes(b"")
    refuses([tmp_path / "a1.tif", tmp_path / "b.npy"], "b.npy is not a TIFF")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_different_sizes_in_one_file(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as writer:
        for frame in (*PIXELS, PIXELS[0, :10, :10]):
            writer.write(frame, contiguous=False, metadata=None, compression=compression)
    refuses(path, "different sizes")
    path.unlink()
    for frame in (*PIXELS, PIXELS[0, :10, :10]):
        tifffile.imwrite(path, frame, append=True, compression=compression)
    refuses(path, "different sizes")


@pytest.mark.parametrize("dtype", ["c8", "c16", "?"])
def test_dtypes_without_brightness(tmp_path: Path, dtype: str) -> None:
    pixels = PIXELS.astype(dtype)
    np.save(tmp_path / "movie.npy", pixels)
    refuses(tmp_path / "movie.npy", "complex|true/false")
    tifffile.imwrite(tmp_path / "movie.tif", pixels)
    refuses(tmp_path / "movie.tif", "complex|true/false|bits")
    with pytest.raises(InputError, match=r"complex|true/false"):
        Movie.from_array(pixels)


def test_pickled_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "movie.npy", np.array([{}], dtype=object), allow_pickle=True)
    refuses(tmp_path / "movie.npy", "does not hold a plain array")


@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_bad_pixels_are_found_and_named(bad: float, word: str) -> None:
    pixels = np.random.default_rng(0).random((40, 20, 20)).astype(np.float32)
    pixels[29, 3, 4] = bad
    pixels[31] = np.nan
    for array in (pixels, da.from_array(pixels, chunks=(7, 20, 20)), pixels.astype(np.float64)):
        movie = Movie.from_array(array, name="cells")
        for compute in (movie.mean_frame, movie.statistics):
            with pytest.raises(InputError, match=f"cells has pixels that are {word}.* first in frame 29"):
                compute()


def test_nothing_changes() -> None:
    constant = Movie.from_array(np.full((9, 5, 6), 7, np.int16), name="dark")
    with pytest.raises(InputError, match="dark is constant, every pixel is 7"):
        constant.statistics().check_dynamic(constant.name)
    still = Movie.from_array(np.repeat(PIXELS[:1], 9, axis=0), name="still")
    with pytest.raises(InputError, match="all frames are equal"):
        still.statistics().check_dynamic(still.name)
    alive = Movie.from_array(PIXELS)
    alive.statistics().check_dynamic(alive.name)


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS)

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(tifffile, "TiffFile", deny)
    refuses(path, r"movie.tif could not be opened: Permission denied")
    monkeypatch.setattr(Path, "iterdir", deny)
    refuses(tmp_path, "could not be opened: Permission denied")


def test_tifffile_stays_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS, imagej=True)
    with path.open("r+b") as file:
        file.truncate(10_000)
    with warnings.catch_warnings(record=True) as caught:
        refuses(path, "truncated")
    assert not caught
    assert capfd.readouterr().err == ""
