"""Movies in HDF5, NWB and MATLAB files, whole and damaged."""

from __future__ import annotations

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from bad_input import refuses

from damage import damaged, ends
from hdf5_files import Scene, caiman, extract, nwb, series
from napari_calcdyn.recording import InputError, Movie, inspect_movie, open_movie
from napari_calcdyn.recording.movies.readers.array_stack import ArrayStackSource

PIXELS = np.random.default_rng(0).integers(0, 4000, (50, 20, 30)).astype(np.uint16)


def write(path: Path, **data: Any) -> Path:
    """Write data sets, each an array or a mapping for ``create_dataset``."""
    with h5py.File(path, "w") as file:
        for name, value in data.items():
            file.create_dataset(name, **(value if isinstance(value, dict) else {"data": value}))
    return path


def check(movie: Movie, pixels: np.ndarray[Any, Any] = PIXELS) -> None:
    assert (movie.shape, movie.dtype) == (pixels.shape, pixels.dtype)
    for start, stop in ((0, len(pixels)), (3, 4), (5, 33), (48, 60)):
        np.testing.assert_array_equal(movie.frames(start, stop), pixels[start:stop])
    np.testing.assert_array_equal(np.asarray(movie.data[7:19, 2:5]), pixels[7:19, 2:5])
    np.testing.assert_allclose(movie.mean_frame(), pixels.mean(0, dtype=float), rtol=1e-6)


HOW = [
    {},
    {"chunks": (7, 20, 8), "compression": "gzip", "shuffle": True},
    {"chunks": (1, 20, 30)},
    {"chunks": (50, 4, 4), "compression": "lzf"},
]


@pytest.mark.parametrize("how", HOW)
def test_plain(tmp_path: Path, how: dict[str, Any]) -> None:
    path = write(tmp_path / "movie.h5", mov={"data": PIXELS, **how}, times=np.arange(50), mean=PIXELS[0])
    movie = open_movie(path)
    check(movie)
    assert (movie.path, movie.name, movie.files, movie.notes) == (path, "movie.h5", (path,), ())
    assert isinstance(movie.data, np.memmap) == (not how), "lies in the file as in memory"
    with ThreadPoolExecutor(8) as pool:
        for start, frames in pool.map(lambda at: (at, movie.frames(at, at + 5)), range(0, 45, 3)):
            np.testing.assert_array_equal(frames, PIXELS[start : start + 5])
    with h5py.File(path, "r+") as file:
        file["mov"].attrs["fr"] = 30
    assert open_movie(path).frame_rate == 30
    assert open_movie(path, frame_rate=3).frame_rate == 3


@pytest.mark.parametrize("dtype", [">u2", "<i4", "f4", "f8", "u1", "f2"])
def test_dtypes(tmp_path: Path, dtype: str) -> None:
    pixels = (PIXELS % 256).astype(dtype)
    path = write(tmp_path / "movie.hdf5", a=pixels)
    check(open_movie(path), pixels.astype(np.dtype(dtype).newbyteorder("=")))


@pytest.mark.parametrize("how", HOW)
def test_matlab_counts_axes_the_other_way(tmp_path: Path, how: dict[str, Any]) -> None:
    path = write(
        tmp_path / "movie.mat",
        Y={"data": PIXELS.swapaxes(1, 2), **how}
        if "chunks" not in how
        else {"data": PIXELS.swapaxes(1, 2), "compression": "gzip"},
    )
    with h5py.File(path, "r+") as file:
        file["Y"].attrs["MATLAB_class"] = np.bytes_("uint16")
    check(open_movie(path))
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200))
    refuses("MATLAB file of version 7 or earlier", open_movie, tmp_path / "old.mat")


@pytest.mark.parametrize("how", [{}, {"compression": "gzip"}])
def test_four_axes(tmp_path: Path, how: dict[str, Any]) -> None:
    path, two = tmp_path / "movie.h5", [PIXELS, PIXELS + 1]
    for axis in (0, 1, 3):
        check(open_movie(write(path, a={"data": np.expand_dims(PIXELS, axis), **how})))
        write(path, a={"data": np.stack(two, axis), **how})
        refuses("movie.h5 has 2 channels: choose one with channel=0", open_movie, path)
        assert inspect_movie(path).channels == 2
        check(open_movie(path, channel=1), PIXELS + 1)
    write(path, a=np.stack(two * 4, 2))
    refuses("holds no movie", open_movie, path)
    refuses("time and channel cannot be told apart", open_movie, path, dataset="a")


def test_which_data_set(tmp_path: Path) -> None:
    path = write(tmp_path / "movie.h5", a=PIXELS, b=PIXELS + 1, c=PIXELS[0], d=PIXELS > 9, e=PIXELS[:2])
    with h5py.File(path, "r+") as file:
        file["deep/raw"] = PIXELS + 2
        file["again"] = h5py.SoftLink("/deep/raw")
    refuses(
        'holds several movies: choose one with dataset="/a", dataset="/b", dataset="/deep/raw"',
        open_movie,
        path,
    )
    check(open_movie(path, dataset="/b"), PIXELS + 1)
    check(open_movie(path, dataset="deep/raw"), PIXELS + 2)
    check(open_movie(path, dataset="again"), PIXELS + 2)
    assert inspect_movie(path, dataset="b").n_frames == 50
    refuses('holds no movie z: choose dataset="/a"', open_movie, path, dataset="z")
    refuses("holds no movie deep: choose", open_movie, path, dataset="deep")
    refuses("single 2-D image", open_movie, path, dataset="c")
    refuses("true/false", open_movie, path, dataset="d")
    refuses("only 2 frames", open_movie, path, dataset="e")
    refuses("holds no movie", open_movie, write(path, a=np.arange(3)))
    tifffile.imwrite(tmp_path / "movie.tif", PIXELS)
    refuses("movie.tif is no HDF5 file", open_movie, tmp_path / "movie.tif", dataset="a")
    refuses("holds ROIs that CaImAn found", open_movie, caiman(path, Scene(20, 30)))
    refuses("holds ROIs that EXTRACT found", open_movie, extract(path, Scene(20, 30)))


@pytest.mark.parametrize("kind", ["TwoPhotonSeries", "OnePhotonSeries"])
@pytest.mark.parametrize("how", [{}, {"compression": "gzip"}])
def test_nwb(tmp_path: Path, kind: str, how: dict[str, Any]) -> None:
    path = tmp_path / "day 1.nwb"
    with nwb(path) as file:
        series(file, "acquisition/whatever", PIXELS.swapaxes(1, 2), kind, **how)
        file["processing/masks"] = PIXELS
    movie = open_movie(path)
    check(movie)
    assert (movie.frame_rate, movie.axes) == (12, "TXY")
    np.testing.assert_allclose(movie.pixel_size, (1, 2))
    info = inspect_movie(path)
    assert (info.n_frames, info.frame_shape, info.frame_rate, info.channels) == (50, (20, 30), 12, 1)
    with h5py.File(path, "r+") as file:
        del file["acquisition/whatever/starting_time"]
        file["general/optophysiology/ImagingPlane/grid_spacing"].attrs["unit"] = "furlongs"
    assert (open_movie(path).frame_rate, open_movie(path).pixel_size) == (7.5, None), "of the imaging plane"
    with h5py.File(path, "r+") as file:
        file["acquisition/whatever/timestamps"] = np.arange(50) / 20
        series(file, "acquisition/other", PIXELS.swapaxes(1, 2) + 1, kind)
    refuses('choose one with dataset="/acquisition/other", dataset="/acquisition/whatever"', open_movie, path)
    assert open_movie(path, dataset="/acquisition/whatever").frame_rate == pytest.approx(20)
    check(open_movie(path, dataset="acquisition/other/data"), PIXELS + 1)


def test_nwb_volumes_and_files_without_a_movie(tmp_path: Path) -> None:
    path = tmp_path / "a.nwb"
    with nwb(path) as file:
        series(file, "acquisition/a", np.stack([PIXELS, PIXELS + 1], 3).swapaxes(1, 2))
    refuses("a.nwb has 2 planes: choose one with plane=0", open_movie, path)
    check(open_movie(path, plane=1), PIXELS + 1)
    with nwb(path) as file:
        file["processing/masks"] = PIXELS
    refuses("a.nwb holds no TwoPhotonSeries or OnePhotonSeries", open_movie, path)


def test_nwb_with_the_movie_in_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.nwb"

    def names(*files: str) -> Path:
        with nwb(path) as file:
            series(file, "acquisition/a", None)["external_file"] = np.array(files, object)
        return path

    (tmp_path / "raw").mkdir()
    for name, part in (("raw/2.tif", PIXELS[:30]), ("raw/10.tif", PIXELS[30:]), ("all.tif", PIXELS)):
        tifffile.imwrite(tmp_path / name, part)
    for movie in (
        open_movie(names("raw/2.tif", "raw/10.tif")),
        open_movie(names("D:\\mice\\all.tif")),
        open_movie(names("/mice/all.tif")),
    ):
        check(movie)
        assert (movie.frame_rate, movie.path) == (12, path)
        np.testing.assert_allclose(movie.pixel_size, (1, 2))
    for name in ("none.tif", "\\\\elsewhere\\share\\none.tif", "/etc/passwd"):
        refuses("which is not there: put that file beside it", open_movie, names(name))
    (tmp_path / "a.avi").write_bytes(b"RIFF")
    refuses("keeps its movie in a.avi, which cannot be read", open_movie, names("a.avi"))
    refuses("keeps its movie in a.nwb, which cannot be read", open_movie, names("a.nwb"))


def test_nothing_leads_out_of_the_file(tmp_path: Path) -> None:
    secret, path = write(tmp_path / "secret.h5", a=PIXELS), tmp_path / "movie.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(secret, "/a")
        file["soft"] = h5py.SoftLink("/link")
        file["round"] = h5py.SoftLink("/round")
        file.create_group("circle")["back"] = file["/"]
    refuses("holds no movie", open_movie, path)
    for name in ("link", "soft"):
        refuses("keeps .* in another file, .*secret.h5: open that file", open_movie, path, dataset=name)
    refuses("holds no movie", open_movie, path, dataset="round")
    PIXELS.tofile(tmp_path / "raw.bin")
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "a", PIXELS.shape, PIXELS.dtype, external=[(str(tmp_path / "raw.bin"), 0, PIXELS.nbytes)]
        )
    refuses("The numbers of /a in movie.h5 lie in other files", open_movie, path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(PIXELS.shape, PIXELS.dtype)
        layout[:] = h5py.VirtualSource(secret, "a", PIXELS.shape)
        file.create_virtual_dataset("a", layout)
    refuses("lie in other files", open_movie, path)
    with h5py.File(path, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 20, 30))
        plist.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (2,))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple(PIXELS.shape), plist)
        file["a"].id.write_direct_chunk((0, 0, 0), b"123")
    refuses("/a in movie.h5 is compressed with .*, which cannot be read: save it again", open_movie, path)


def test_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "movie.h5"
    with h5py.File(path, "w") as file:
        claimed = file.create_dataset(
            "a", (2**40, 20, 30), "u2", chunks=(10, 20, 15), maxshape=(None, 20, 30), compression="gzip"
        )
        claimed[:37] = PIXELS[:37]
    movie = open_movie(path)
    check(movie, np.concatenate([PIXELS[:37], np.zeros((3, 20, 30), np.uint16)]))
    assert movie.notes == (
        f"movie.h5 is incomplete, only 40 of its {2**40:,} frames are there: copy it again.",
    )
    for shape, chunks in (
        ((50, 2**20, 2**20), (1, 20, 30)),
        ((2**50, 20, 30), None),
        ((9, 20, 30), None),
        ((2**50, 20, 30), (9, 9, 9)),
    ):
        with h5py.File(path, "w") as file:
            file.create_dataset("a", shape, "u2", chunks=chunks)
        tracemalloc.start()
        refuses("only 0 frames|holds no movie", open_movie, path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "a", (2**20, 2**10, 2**10), "u2", chunks=(2**10, 2**10, 2**10), compression="gzip"
        )
    refuses("/a in movie.h5 is compressed in one piece", open_movie, path)


def test_mislabelled(tmp_path: Path) -> None:
    path = tmp_path / "movie.h5"
    whole = write(tmp_path / "whole.h5", a=PIXELS).read_bytes()
    for content in (b"", b"hello", os.urandom(1000), whole[: len(whole) // 2], whole[:8], whole[8:]):
        path.write_bytes(content)
        refuses("movie.h5 is no HDF5 file, or it is truncated or damaged", open_movie, path)
    path.write_bytes(whole)
    movie = open_movie(path, dataset="a")
    path.write_bytes(whole[:1000])
    with pytest.raises(InputError, match=r"movie.h5"):
        movie.frames(0, 50)


@pytest.mark.parametrize("length", [0, 2**64 - 16])
def test_texts_in_which_the_library_would_go_round_for_ever(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.nwb"
    with nwb(path) as file:
        series(file, "acquisition/a", PIXELS)
    content = bytearray(path.read_bytes())
    block = content.index(b"GCOL")
    if not length:
        content[block + 16 : block + 18] = bytes(2)
    content[block + 24 : block + 32] = length.to_bytes(8, "little")
    path.write_bytes(content)
    refuses("a.nwb is no HDF5 file, or it is truncated or damaged", open_movie, path)


def test_large_chunks_are_decoded_once_or_said_to_be_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "movie.h5", a={"data": PIXELS, "chunks": (40, 20, 30), "compression": "gzip"})
    monkeypatch.setattr("napari_calcdyn.recording.movies.readers.array_stack._READ_BYTES", 1)
    movie, decoded, decode = open_movie(path), [], ArrayStackSource._decode
    monkeypatch.setattr(
        ArrayStackSource, "_decode", lambda self, *it: decoded.append(it[1:]) or decode(self, *it)
    )
    for start in range(0, 50, 5):
        np.testing.assert_array_equal(movie.frames(start, start + 5), PIXELS[start : start + 5])
    assert decoded == [(0, 40), (40, 50)]
    monkeypatch.setattr("napari_calcdyn.recording.movies.readers.array_stack.KEPT_BYTES", 2**10)
    movie = open_movie(path)
    check(movie)
    [note] = movie.notes
    assert note.startswith(
        "movie.h5 stores 40 frames in each chunk, so that reading it is slow: save it again"
    )


def nwb_movie(path: Path, scene: Scene) -> Path:
    with nwb(path) as file:
        series(file, "acquisition/a", scene.movie.swapaxes(1, 2), compression="gzip")
    return path


def plain_movie(path: Path, scene: Scene) -> Path:
    return write(path, a={"data": scene.movie, "chunks": (10, 16, 8), "compression": "gzip"})


def contiguous_movie(path: Path, scene: Scene) -> Path:
    return write(path, a=scene.movie)


@pytest.mark.parametrize("writer", [nwb_movie, plain_movie, contiguous_movie])
def test_damaged_files_are_refused_or_opened(tmp_path: Path, writer: Any) -> None:
    path = writer(tmp_path / "movie.h5", Scene(16, 16, 40, cells=3))
    damaged([path], lambda: ends(open_movie(path)))
