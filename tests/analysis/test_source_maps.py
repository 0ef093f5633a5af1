"""Maps of sources behave like the dense stack that they stand for, in memory and in their file."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.analysis.maps import ContributionMaps, SourceMaps
from napari_calcdyn.recording import InputError, sparse_stack
from napari_calcdyn.recording.movies.readers.pages import Decoder

SHAPE = (9, 70, 133)  # no multiple of the tiles in the file


@pytest.fixture(params=["all pixels", "some left out"])
def dense(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    """Windows of values; the first and the last source reach nothing."""
    rng = np.random.default_rng(0)
    stack = np.zeros(SHAPE, np.float32)
    for source in range(1, 8):
        y, x = rng.integers(0, 40), rng.integers(0, 100)
        stack[source, y : y + 30, x : x + 33] = rng.normal(size=(30, 33))
    if request.param == "some left out":
        stack[:, :3] = stack[:, 20:24, 60:70] = np.nan
    return stack


@pytest.fixture(params=["in memory", "in a file"])
def maps(request: pytest.FixtureRequest, dense: NDArray[np.float32], tmp_path: Path) -> SourceMaps:
    found = in_memory(dense)
    if request.param == "in memory":
        return found
    found.save(tmp_path / "maps.tif")
    return SourceMaps.open(tmp_path / "maps.tif")


def in_memory(dense: NDArray[np.float32]) -> SourceMaps:
    return SourceMaps(dense.shape, Copies(dense))


@dataclass
class Copies:
    stack: NDArray[np.float32]

    def __call__(self, source: int) -> NDArray[np.float32]:
        return self.stack[source].copy()


@pytest.mark.parametrize(
    "index",
    [
        0,
        3,
        -1,
        np.int64(4),
        slice(None),
        slice(2, 7, 2),
        slice(5, 5),
        [7, 3, 3],
        [],
        np.array([1, -2]),
        np.arange(9) % 2 == 1,
        (2,),
        (2, 5, 6),
        (slice(None), 21, 64),
        (slice(1, 4), slice(10, 30), slice(None, None, 3)),
        ([4, 2], slice(None), 5),
        (slice(0, 0), 3),
        (-3, slice(1, 4), slice(60, 65)),
    ],
    ids=str,
)
def test_it_is_indexed_like_an_array(maps: SourceMaps, dense: NDArray[np.float32], index: object) -> None:
    found = maps[index]
    np.testing.assert_array_equal(found, dense[index])  # type: ignore[call-overload]
    assert np.asarray(found).dtype == np.float32


def test_it_looks_like_an_array(maps: SourceMaps, dense: NDArray[np.float32]) -> None:
    assert (maps.shape, maps.ndim, maps.dtype, len(maps)) == (SHAPE, 3, np.float32, 9)
    np.testing.assert_array_equal(np.asarray(maps), dense)
    assert np.asarray(maps, np.float64).dtype == np.float64
    np.testing.assert_array_equal(list(maps), dense)
    for source in (9, -10):
        with pytest.raises(IndexError):
            maps[source]
    with pytest.raises(IndexError, match="one list of numbers"):
        maps[[[1, 2], [3, 4]]]
    with pytest.raises(ValueError, match="copied"):
        maps.__array__(copy=False)


def test_sums_are_those_of_the_stack(maps: SourceMaps, dense: NDArray[np.float32]) -> None:
    exact = dense.sum(0, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(maps.sum(axis=0), exact)
    np.testing.assert_array_equal(maps.sum(sources=[5, 2]), dense[[5, 2]].sum(0))
    np.testing.assert_array_equal(maps.sum(sources=[]), np.zeros(SHAPE[1:]))
    with pytest.raises(ValueError, match="over axis 0"):
        maps.sum(1)


def test_what_is_returned_can_be_changed_without_changing_the_maps(
    maps: SourceMaps, dense: NDArray[np.float32]
) -> None:
    maps[3][...] = 7
    np.testing.assert_array_equal(maps[3], dense[3])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_file_is_the_stack_for_other_programs(
    dense: NDArray[np.float32], tmp_path: Path, count: int
) -> None:
    file = tmp_path / "maps.tif"
    in_memory(dense[:count]).save(file, pixel_size=(1.25, 0.5))
    written = tifffile.imread(file)
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, dense[:count])
    np.testing.assert_array_equal(SourceMaps.open(file), dense[:count])
    with tifffile.TiffFile(file) as tif:
        assert len(tif.pages) == count
        page = tif.pages.first
        assert page.get_resolution("micrometer") == (2, 0.8)
        assert page.is_tiled
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        if not np.isnan(dense).any():
            assert not any(page.databytecounts)  # the first source reaches nothing


def test_a_file_as_earlier_versions_wrote_it(dense: NDArray[np.float32], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "maps.tif", dense, photometric="minisblack")
    np.testing.assert_array_equal(SourceMaps.open(tmp_path / "maps.tif"), dense)


def test_only_the_maps_that_are_asked_for_are_read(
    dense: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory(dense).save(tmp_path / "maps.tif")
    read: list[int] = []
    monkeypatch.setattr(Decoder, "read", lambda self, file, page, out: read.append(page))
    maps = SourceMaps.open(tmp_path / "maps.tif")
    assert read == []
    _ = maps[5], maps[[2, 7], 3, 4]
    assert read == [5, 2, 7]


def test_neither_sums_nor_the_file_take_the_memory_of_the_stack(tmp_path: Path) -> None:
    d, size, window = 400, 256, 20
    at = np.arange(window)[:, None] * size + np.arange(window)

    def image(source: int) -> NDArray[np.float32]:
        picture = np.zeros((size, size), np.float32)
        picture.flat[at + 100 * source] = 1
        return picture

    maps = SourceMaps((d, size, size), image)
    tracemalloc.start()
    try:
        maps.save(tmp_path / "maps.tif")
        np.testing.assert_array_equal(SourceMaps.open(tmp_path / "maps.tif").sum(), maps.sum())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * d * size**2 / 5
    assert (tmp_path / "maps.tif").stat().st_size < 4 * d * size**2 / 50


@pytest.mark.parametrize("most", [4 * 9 * 70 * 133, 4 * 9 * 70 * 133 + 1])
def test_a_large_stack_is_a_bigtiff(
    dense: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(sparse_stack, "_ORDINARY_BYTES", most)
    in_memory(dense).save(tmp_path / "maps.tif")
    with tifffile.TiffFile(tmp_path / "maps.tif") as tif:
        assert tif.is_bigtiff == (dense.nbytes >= most)
    np.testing.assert_array_equal(SourceMaps.open(tmp_path / "maps.tif"), dense)


def test_maps_in_memory_go_to_other_processes(dense: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(in_memory(dense))), dense)


def test_files_that_are_missing_damaged_or_something_else(dense: NDArray[np.float32], tmp_path: Path) -> None:
    file = tmp_path / "contribution_sources.tif"
    maps = ContributionMaps(dense[0], dense[0], in_memory(dense))
    maps.save(tmp_path)
    opened = ContributionMaps.load(tmp_path)
    with tifffile.TiffFile(file) as tif:
        page = tif.pages[4]
        start = next(at for at, size in zip(page.dataoffsets, page.databytecounts, strict=True) if size)
    whole = file.read_bytes()
    file.write_bytes(whole[: start + 2] + b"!" * 20 + whole[start + 22 :])
    with pytest.raises(InputError, match=r"^The map of source 4 cannot be read \(.*\): compute .*\.$"):
        opened.sources[4]
    np.testing.assert_array_equal(opened.sources[3], dense[3])
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"no maps that can be read .*: run `calcdyn run` again\.$"):
        ContributionMaps.load(tmp_path)
    file.unlink()
    with pytest.raises(InputError, match=r"source 1 cannot be read \(contribution_sources.tif could not be"):
        opened.sources[1]
    with pytest.raises(InputError, match="no maps that can be read"):
        ContributionMaps.load(tmp_path)
    tifffile.imwrite(file, np.zeros((5, 8, 9), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match="holds uint16 and no maps: choose"):
        SourceMaps.open(file)


def test_maps_of_no_source_have_no_file(tmp_path: Path) -> None:
    none = SourceMaps((0, 3, 4), Copies(np.zeros((0, 3, 4), np.float32)))
    assert none.shape == np.asarray(none).shape == (0, 3, 4)
    np.testing.assert_array_equal(none.sum(), np.zeros((3, 4)))
    with pytest.raises(InputError, match="no maps of sources to save"):
        none.save(tmp_path / "maps.tif")
    ContributionMaps(np.zeros((3, 4)), np.zeros((3, 4)), none).save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "contribution_explained.tif",
        "contribution_amplitude.tif",
    }
