"""Streamed statistics agree with numpy, can be watched and stopped, and need little memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_calcdyn.recording import Cancelled, Movie, open_movie
from napari_calcdyn.recording.movies import movie as movie_module

random = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many blocks, of which the last is not full."""
    monkeypatch.setattr(Movie.blocks, "__defaults__", (70 * 31 * 23 * 2,))


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
def test_like_numpy(dtype: str) -> None:
    top = min(float(np.iinfo(dtype).max) if dtype[0] in "ui" else 1000.0, 1e6)
    pixels = (random.random((347, 31, 23)) * top).astype(dtype)
    if dtype[0] in "if":
        pixels -= pixels[::-1]
    movie = Movie.from_array(pixels)
    exact = pixels.astype(np.float64)
    np.testing.assert_allclose(movie.mean_frame(), exact.mean(0), rtol=1e-6, atol=1e-6)
    found = movie.statistics()
    np.testing.assert_allclose(found.mean, exact.mean(0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.std, exact.std(0), rtol=1e-6)
    assert (found.minimum, found.maximum) == (exact.min(), exact.max())
    assert found.mean.dtype == found.std.dtype == np.float32
    assert found.mean.shape == found.std.shape == (31, 23)


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "f8"])
def test_a_large_offset_costs_no_digits(dtype: str) -> None:
    level = {"u2": 65000, "i2": -32000, "u4": 4_000_000_000, "f8": 1e9}[dtype]
    pixels = (level + random.integers(0, 3, (347, 31, 23))).astype(dtype)
    std = (pixels - np.array(level, dtype)).astype(np.int64).astype(float).std(0)
    np.testing.assert_allclose(Movie.from_array(pixels).statistics().std, std, rtol=1e-6)


def test_drift_between_blocks_counts() -> None:
    pixels = np.linspace(0, 60000, 347).astype(np.uint16)[:, None, None] * np.ones((1, 31, 23), np.uint16)
    np.testing.assert_allclose(
        Movie.from_array(pixels).statistics().std, pixels.astype(float).std(0), rtol=1e-6
    )


def test_full_scale_sums_do_not_wrap() -> None:
    """More frames in one block than 32 bits can add up."""
    pixels = np.full((70_000, 2, 2), 65535, np.uint16)
    pixels[::2, 0, 0] = 0
    np.testing.assert_allclose(Movie.from_array(pixels).mean_frame(), pixels.mean(0), rtol=1e-6)


def test_progress_and_cancel() -> None:
    movie = Movie.from_array(random.integers(0, 9, (347, 31, 23)).astype(np.uint16))
    for compute in (movie.mean_frame, movie.statistics):
        seen: list[tuple[int, int]] = []

        def stop(done: int, total: int, seen: list[tuple[int, int]] = seen) -> bool:
            seen.append((done, total))
            return len(seen) == 3

        with pytest.raises(Cancelled):
            compute(stop)
        assert seen == [(0, 347), (70, 347), (140, 347)]
        assert not [t for t in threading.enumerate() if t.name.startswith(("read ahead", "statistics"))]
        compute(lambda *state, seen=seen: seen.append(state))
        assert seen[-1] == (347, 347)


def test_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    movie = Movie.from_array(random.integers(0, 9, (347, 31, 23)).astype(np.uint16))
    mean = movie.mean_frame()
    assert movie.mean_frame() is mean
    found = movie.statistics()
    monkeypatch.setattr(movie_module, "stream_mean", None)
    monkeypatch.setattr(movie_module, "stream_statistics", None)
    assert movie.statistics() is found
    assert movie.mean_frame() is found.mean


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_many_threads_may_read(tmp_path: Path, compression: str | None) -> None:
    pixels = random.integers(0, 4000, (60, 31, 23)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", pixels, compression=compression)
    movie = open_movie(tmp_path / "movie.tif")
    with ThreadPoolExecutor(8) as pool:
        for start, frames in zip(
            range(50), pool.map(lambda k: movie.frames(k, k + 9), range(50)), strict=True
        ):
            np.testing.assert_array_equal(frames, pixels[start : start + 9])


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_mapped_arrays_keep_what_was_written_into_them(tmp_path: Path, mode: str) -> None:
    """Handing pages back to the system must not throw changes away."""
    pixels = random.integers(0, 4000, (347, 31, 23)).astype(np.uint16)
    np.save(tmp_path / "movie.npy", pixels)
    mapped = np.load(tmp_path / "movie.npy", mmap_mode=mode)
    if mode != "r":
        mapped[5:300] += 7
        pixels[5:300] += 7
    np.testing.assert_allclose(Movie.from_array(mapped).mean_frame(), pixels.mean(0), rtol=1e-6)
    np.testing.assert_array_equal(mapped, pixels)


MEASURE = """
import sys
from pathlib import Path
import numpy as np
from napari_calcdyn.recording import Movie, open_movie

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

movie = open_movie(sys.argv[1])
before = peak()
movie.mean_frame()
movie.statistics()
if movie.path.suffix == ".npy":
    mapped = Movie.from_array(np.load(sys.argv[1], mmap_mode="r"))
    mapped.mean_frame()
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
@pytest.mark.parametrize("form", ["tif", "zlib.tif", "npy"])
def test_memory_stays_bounded(tmp_path: Path, form: str) -> None:
    """A 400 MB movie is streamed with a growth of less than 100 MB."""
    path = tmp_path / f"movie.{form}"
    pixels = np.zeros((800, 512, 512), np.uint16)
    pixels[:, ::2] = np.arange(800, dtype=np.uint16)[:, None, None]
    if form == "npy":
        np.save(path, pixels)
    else:
        tifffile.imwrite(path, pixels, compression="zlib" if "zlib" in form else None)
    del pixels
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100
