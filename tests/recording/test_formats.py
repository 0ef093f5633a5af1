"""Every format opens lazily and gives back the pixels that were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_calcdyn.recording import InputError, Movie, inspect_movie, open_movie

PIXELS = np.random.default_rng(0).integers(0, 4000, (12, 34, 45)).astype(np.uint16)


def write_appended(path: Path, pixels: np.ndarray, **options: Any) -> None:
    for frame in pixels:
        tifffile.imwrite(path, frame, append=True, **options)


def write_pages(path: Path, pixels: np.ndarray, **options: Any) -> None:
    with tifffile.TiffWriter(path) as writer:
        for frame in pixels:
            writer.write(frame, contiguous=False, metadata=None, **options)


def write_appended_stacks(path: Path, pixels: np.ndarray) -> None:
    for part in np.split(pixels, 3):
        tifffile.imwrite(path, part, append=True, photometric="minisblack")


WRITERS = {
    "plain": lambda p, a: tifffile.imwrite(p, a),
    "big-endian": lambda p, a: tifffile.imwrite(p, a, byteorder=">"),
    "bigtiff": lambda p, a: tifffile.imwrite(p, a, bigtiff=True),
    "strips": lambda p, a: tifffile.imwrite(p, a, rowsperstrip=5),
    "tiles": lambda p, a: tifffile.imwrite(p, a, tile=(16, 16)),
    "one-ifd": lambda p, a: tifffile.imwrite(p, a, metadata={"axes": "TYX"}, contiguous=True),
    "imagej": lambda p, a: tifffile.imwrite(p, a, imagej=True, metadata={"axes": "TYX"}),
    "imagej-slices": lambda p, a: tifffile.imwrite(p, a, imagej=True, metadata={"axes": "ZYX"}),
    "imagej-zlib": lambda p, a: tifffile.imwrite(p, a, imagej=True, compression="zlib"),
    "ome": lambda p, a: tifffile.imwrite(p, a, ome=True, metadata={"axes": "TYX"}),
    "ome-zlib": lambda p, a: tifffile.imwrite(p, a, ome=True, metadata={"axes": "TYX"}, compression="zlib"),
    "zlib": lambda p, a: tifffile.imwrite(p, a, compression="zlib"),
    "zlib-predictor-strips": lambda p, a: tifffile.imwrite(
        p, a, compression="zlib", predictor=True, rowsperstrip=7
    ),
    "lzw-tiles": lambda p, a: tifffile.imwrite(p, a, compression="lzw", tile=(16, 32)),
    "zstd-big-endian": lambda p, a: tifffile.imwrite(p, a, compression="zstd", byteorder=">"),
    "appended": write_appended,
    "appended-zlib": lambda p, a: write_appended(p, a, compression="zlib"),
    "appended-stacks": write_appended_stacks,
    "pages": write_pages,
    "pages-lzw": lambda p, a: write_pages(p, a, compression="lzw"),
}


@pytest.mark.parametrize("form", WRITERS)
def test_tiff_forms_give_back_what_was_written(tmp_path: Path, form: str) -> None:
    path = tmp_path / "movie.tif"
    WRITERS[form](path, PIXELS)
    movie = open_movie(path)
    assert movie.shape == PIXELS.shape
    assert movie.dtype == np.uint16
    assert movie.nbytes == PIXELS.nbytes
    np.testing.assert_array_equal(movie.frames(0, 12), PIXELS)
    np.testing.assert_array_equal(movie.frames(5, 6), PIXELS[5:6])
    np.testing.assert_array_equal(np.asarray(movie.data), PIXELS)
    np.testing.assert_array_equal(np.asarray(movie.data[3]), PIXELS[3])
    np.testing.assert_allclose(movie.mean_frame(), PIXELS.mean(0), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", "u8", "i8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_dtypes(tmp_path: Path, dtype: str, byteorder: str) -> None:
    pixels = (PIXELS % 100).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=byteorder)
    np.save(tmp_path / "a.npy", pixels.astype(byteorder + dtype))
    for name in ("a.tif", "a.npy"):
        movie = open_movie(tmp_path / name)
        assert movie.dtype == np.dtype(dtype)
        assert movie.dtype.isnative
        np.testing.assert_array_equal(movie.frames(2, 9), pixels[2:9])
        assert movie.data.dtype == np.dtype(dtype)
        np.testing.assert_allclose(movie.statistics().std, pixels.astype(float).std(0), rtol=1e-6)


@pytest.mark.parametrize("form", ["plain", "one-ifd", "strips"])
def test_contiguous_files_are_memory_mapped(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path / "movie.tif", PIXELS)
    assert isinstance(open_movie(tmp_path / "movie.tif").data, np.memmap)


def test_compressed_files_come_in_whole_frames(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", PIXELS, compression="zlib", rowsperstrip=1)
    data = open_movie(tmp_path / "movie.tif").data
    assert isinstance(data, da.Array)
    assert data.chunksize[1:] == PIXELS.shape[1:]


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "movie.npy", PIXELS)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(PIXELS))
    for name in ("movie.npy", "fortran.npy"):
        movie = open_movie(tmp_path / name)
        assert isinstance(movie.data, np.memmap)
        np.testing.assert_array_equal(movie.frames(1, 7), PIXELS[1:7])
        np.testing.assert_allclose(movie.mean_frame(), PIXELS.mean(0), rtol=1e-6)
        assert inspect_movie(tmp_path / name).n_frames == 12


def test_folder_and_list_are_in_natural_order(tmp_path: Path) -> None:
    for number, frames in enumerate(np.split(PIXELS, 12)):
        tifffile.imwrite(
            tmp_path / f"frame{number + 1}.tif", frames[0], compression="zlib" if number % 2 else None
        )
    (tmp_path / "notes.txt").write_text("not a movie")
    (tmp_path / "._frame1.tif").write_bytes(b"\0\5\x16\7")
    movie = open_movie(tmp_path)
    assert movie.name == tmp_path.name
    np.testing.assert_array_equal(movie.frames(0, 12), PIXELS)
    np.testing.assert_array_equal(np.asarray(movie.data), PIXELS)
    listed = sorted(str(p) for p in tmp_path.glob("frame*.tif"))
    assert listed[1].endswith("frame10.tif")
    np.testing.assert_array_equal(open_movie(listed).frames(0, 12), PIXELS)
    assert open_movie([str(tmp_path / "frame1.tif")] * 4).n_frames == 4


def test_folder_of_stacks(tmp_path: Path) -> None:
    for number, frames in enumerate(np.split(PIXELS, 3)):
        tifffile.imwrite(tmp_path / f"trial_{number}.tif", frames, photometric="minisblack")
    np.testing.assert_array_equal(open_movie(tmp_path).frames(2, 11), PIXELS[2:11])


@pytest.mark.parametrize("kind", ["imagej", "ome", "ome-zlib", "shaped"])
@pytest.mark.parametrize("axes", ["TZCYX", "TCYX", "TZYX", "CTYX", "ZCYX"])
def test_channel_and_plane(tmp_path: Path, kind: str, axes: str) -> None:
    if kind == "imagej" and axes == "CTYX":
        pytest.skip("ImageJ has one order of axes")
    lengths = {"T": 5, "Z": 3 if "T" in axes else 5, "C": 2, "Y": 16, "X": 18}
    shape = tuple(lengths[letter] for letter in axes)
    pixels = np.random.default_rng(1).integers(0, 999, shape).astype(np.uint16)
    path = tmp_path / "movie.tif"
    options: dict[str, Any] = {"metadata": {"axes": axes}, "photometric": "minisblack"}
    if kind == "imagej":
        options = {"imagej": True, "metadata": {"axes": axes}}
    elif kind.startswith("ome"):
        options |= {"ome": True, "compression": "zlib" if kind == "ome-zlib" else None}
    tifffile.imwrite(path, pixels, **options)

    time = "T" if "T" in axes else "Z"
    info = inspect_movie(path)
    planes = lengths["Z"] if "Z" in axes and time == "T" else 1
    assert (info.n_frames, info.planes, info.channels) == (5, planes, 2 if "C" in axes else 1)
    in_order = np.moveaxis(pixels, axes.index(time), 0)
    for channel in range(info.channels):
        for plane in range(info.planes):
            movie = open_movie(
                path,
                channel=channel if info.channels > 1 else None,
                plane=plane if info.planes > 1 else None,
            )
            expected = in_order
            rest = [letter for letter in axes if letter != time]
            for letter, index in (("C", channel), ("Z", plane)):
                if letter in rest:
                    expected = np.take(expected, index, axis=1 + rest.index(letter))
                    rest.remove(letter)
            np.testing.assert_array_equal(movie.frames(0, 5), expected)
            np.testing.assert_array_equal(np.asarray(movie.data), expected)


def test_calibration_from_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        PIXELS,
        imagej=True,
        resolution=(2, 4),
        metadata={"axes": "TYX", "finterval": 0.05, "unit": "um"},
    )
    movie = open_movie(path)
    assert movie.frame_rate == pytest.approx(20)
    assert movie.pixel_size == pytest.approx((0.25, 0.5))
    assert open_movie(path, frame_rate=7).frame_rate == 7
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(2, 4), metadata={"axes": "TYX", "fps": 8.0})
    assert open_movie(path).frame_rate == pytest.approx(8)
    assert open_movie(path).pixel_size is None

    ome = {"axes": "TYX", "TimeIncrement": 50.0, "TimeIncrementUnit": "ms"}
    ome |= {
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 250.0,
        "PhysicalSizeYUnit": "nm",
    }
    tifffile.imwrite(path, PIXELS, ome=True, metadata=ome)
    assert open_movie(path).frame_rate == pytest.approx(20)
    assert open_movie(path).pixel_size == pytest.approx((0.25, 0.5))

    deltas = {"axes": "TYX", "Plane": {"DeltaT": [0.1 * t for t in range(12)]}}
    tifffile.imwrite(path, PIXELS, ome=True, metadata=deltas)
    assert open_movie(path).frame_rate == pytest.approx(10)

    tifffile.imwrite(path, PIXELS, resolution=(1e4, 5e3), resolutionunit="CENTIMETER")
    assert open_movie(path).pixel_size == pytest.approx((2, 1))
    tifffile.imwrite(path, PIXELS, resolution=(72, 72), resolutionunit="INCH")
    assert open_movie(path).pixel_size is None


@pytest.mark.parametrize("channels", [1, 2])
def test_ome_in_several_files(tmp_path: Path, channels: int) -> None:
    """The first file names the second; opened by itself or in its folder, each page counts once."""
    uuids = ["urn:uuid:00000000-0000-0000-0000-00000000000" + digit for digit in "12"]
    data = "".join(
        f'<TiffData FirstT="{k // channels}" FirstC="{k % channels}" FirstZ="0" IFD="{k % 6}" PlaneCount="1">'
        f'<UUID FileName="part{k // 6}.ome.tif">{uuids[k // 6]}</UUID></TiffData>'
        for k in range(12)
    )
    for number in range(2):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuids[number]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="45" '
            f'SizeY="34" SizeZ="1" SizeC="{channels}" SizeT="{12 // channels}" TimeIncrement="0.1">{data}'
            "</Pixels></Image></OME>"
        )
        with tifffile.TiffWriter(tmp_path / f"part{number}.ome.tif") as writer:
            for frame in range(6):
                writer.write(
                    PIXELS[6 * number + frame],
                    description=xml if frame == 0 else None,
                    contiguous=False,
                    metadata=None,
                )
    for path in (tmp_path / "part0.ome.tif", tmp_path):
        for channel in range(channels):
            movie = open_movie(path, channel=channel)
            np.testing.assert_array_equal(movie.frames(0, 12), PIXELS[channel::channels])
            assert movie.frame_rate == pytest.approx(10)


def test_ome_trials_keep_their_channels_in_a_folder(tmp_path: Path) -> None:
    pixels = PIXELS.reshape(6, 2, 34, 45)
    for number in range(2):
        tifffile.imwrite(tmp_path / f"trial{number}.ome.tif", pixels, metadata={"axes": "TCYX"})
    movie = open_movie(tmp_path, channel=1)
    np.testing.assert_array_equal(movie.frames(0, 12), np.concatenate([pixels, pixels])[:, 1])


def test_imagej_hyperstack_beyond_the_pointers_of_its_header(tmp_path: Path) -> None:
    """ImageJ writes stacks over 4 GB with one page entry and the rest behind it."""
    path = tmp_path / "huge.tif"
    with tifffile.TiffWriter(path, byteorder=">") as writer:
        writer.write(PIXELS[0], description="ImageJ=1.54f\nimages=12\nframes=12\n", metadata=None)
    with path.open("ab") as file:
        file.write(PIXELS[1:].astype(">u2").tobytes())
    np.testing.assert_array_equal(open_movie(path).frames(0, 12), PIXELS)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 100)
    with pytest.raises(InputError, match="truncated, only 1 of its 12 frames"):
        open_movie(path)


def test_from_array_keeps_the_array() -> None:
    for array in (PIXELS, da.from_array(PIXELS, chunks=(5, -1, -1))):
        movie = Movie.from_array(array, frame_rate=3, pixel_size=(1, 2), name="layer")
        assert movie.data is array
        assert (movie.name, movie.frame_rate, movie.pixel_size, movie.path) == ("layer", 3, (1, 2), None)
        np.testing.assert_array_equal(movie.frames(3, 8), PIXELS[3:8])
        blocks = list(movie.blocks(max_bytes=5 * PIXELS[0].nbytes))
        assert [start for start, _ in blocks] == [0, 5, 10]
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), PIXELS)


def test_frames_are_the_callers_own() -> None:
    movie = Movie.from_array(PIXELS.copy())
    movie.frames(0, 12)[:] = 0
    for _, block in movie.blocks():
        block[:] = 0
    np.testing.assert_array_equal(movie.frames(0, 12), PIXELS)
