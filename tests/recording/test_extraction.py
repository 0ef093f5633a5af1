"""Traces from a movie: right, in one pass, in little memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from bad_input import refuses
from scipy import sparse

from napari_calcdyn.recording import Cancelled, Movie, RoiSet, extract_traces, open_movie, open_rois

SHAPE = (61, 47)


def weighted_rois(number: int = 23, seed: int = 0) -> RoiSet:
    """Overlapping patches of uneven weights."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    rows = []
    for centre in random.uniform(4, 40, (number, 2)):
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < random.uniform(1.5, 5) ** 2
        rows.append((inside * random.uniform(0.2, 1, SHAPE)).ravel())
    return RoiSet(sparse.csr_array(np.array(rows)), np.arange(number) + 100, SHAPE, "patches")


def direct(rois: RoiSet, pixels: np.ndarray) -> np.ndarray:
    """The same in double precision, written down plainly."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    found: np.ndarray = rois.footprints.toarray().astype(np.float64) @ flat.T
    return found


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2", "uint64", "float16", "float32", "float64"])
@pytest.mark.parametrize("frames", [5, 347])
def test_equals_the_direct_product(dtype: str, frames: int) -> None:
    random = np.random.default_rng(1)
    top = 250 if dtype == "uint8" else 3000
    pixels = random.uniform(0, top, (frames, *SHAPE)).astype(dtype)
    rois = weighted_rois()
    movie = Movie.from_array(pixels, frame_rate=12, name="a movie")
    traces = extract_traces(movie, rois)
    np.testing.assert_allclose(traces.values, direct(rois, pixels), rtol=1e-5)
    assert traces.ids.tolist() == rois.ids.tolist()
    assert (traces.frame_rate, traces.unit, traces.name) == (12, "fluorescence", "traces of a movie")
    assert traces.provenance == {"movie": "a movie", "rois": "patches", "neuropil": None}


def test_a_bright_background_costs_no_digits() -> None:
    """Fluctuations of one on 60,000: single precision sums would lose them."""
    random = np.random.default_rng(2)
    pixels = (60_000 + random.integers(0, 3, (80, *SHAPE))).astype(np.float32)
    rois = RoiSet.from_labels(np.ones(SHAPE, int))
    found = extract_traces(Movie.from_array(pixels), rois).values[0]
    # A float32 of this size has steps of 1/256.
    np.testing.assert_allclose(found, pixels.astype(np.float64).mean((1, 2)), atol=1 / 256)


def test_neuropil_is_subtracted_in_the_same_pass() -> None:
    random = np.random.default_rng(3)
    pixels = random.integers(0, 4000, (70, *SHAPE)).astype(np.uint16)
    rois = weighted_rois(8)
    traces = extract_traces(Movie.from_array(pixels), rois, neuropil=0.7)
    expected = direct(rois, pixels) - 0.7 * direct(rois.neuropil(), pixels)
    np.testing.assert_allclose(traces.values, expected, atol=1e-5 * 4000)
    assert traces.provenance["neuropil"] == {"coefficient": 0.7}


def test_neuropil_takes_out_what_ring_and_cell_share() -> None:
    random = np.random.default_rng(4)
    image = np.zeros(SHAPE, int)
    image[25:32, 20:27] = 1
    shared, own = random.uniform(0, 500, 200), random.uniform(0, 500, 200)
    pixels = 100 + shared[:, None, None] * np.ones(SHAPE) + own[:, None, None] * (image == 1)
    traces = extract_traces(Movie.from_array(pixels), RoiSet.from_labels(image), neuropil=1.0)
    np.testing.assert_allclose(traces.values[0], own, atol=1e-2)


def test_pixels_that_are_no_numbers_are_missing_samples() -> None:
    pixels = np.random.default_rng(5).normal(size=(30, *SHAPE)).astype(np.float32)
    rois = weighted_rois()
    weights = rois.footprints.toarray().reshape(-1, *SHAPE) > 0
    (ya, xa), (yb, xb) = rois.centres[[0, 1]].round().astype(int)
    pixels[4, ya, xa], pixels[6, yb, xb], pixels[9] = np.nan, -np.inf, np.nan
    traces = extract_traces(Movie.from_array(pixels), rois)
    missing = np.zeros((len(rois), 30), bool)
    missing[:, 4], missing[:, 6], missing[:, 9] = weights[:, ya, xa], weights[:, yb, xb], True
    assert missing[0, 4]
    assert missing[1, 6]
    np.testing.assert_array_equal(~traces.mask, missing)


def test_every_frame_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    movie = Movie.from_array(np.ones((4000, *SHAPE), np.uint16))
    read: list[tuple[int, int]] = []
    frames = movie.frames

    def counted(start: int, stop: int) -> np.ndarray:
        read.append((start, min(stop, 4000)))
        return frames(start, stop)

    monkeypatch.setattr(movie, "frames", counted)
    traces = extract_traces(movie, weighted_rois(), neuropil=0.7)
    assert len(read) > 2
    starts, stops = zip(*sorted(read), strict=True)
    assert starts == (0, *stops[:-1])
    assert stops[-1] == 4000
    np.testing.assert_allclose(traces.values, 0.3, rtol=1e-5)


def test_progress_and_cancel() -> None:
    movie = Movie.from_array(np.ones((4000, *SHAPE), np.uint16))
    seen: list[tuple[int, int]] = []
    extract_traces(movie, weighted_rois(), progress=lambda *state: seen.append(state))
    assert seen[0] == (0, 4000)
    assert seen[-1] == (4000, 4000)
    assert len(seen) > 3
    with pytest.raises(Cancelled):
        extract_traces(movie, weighted_rois(), progress=lambda done, total: done > 0)
    assert not [t for t in threading.enumerate() if t.name.startswith(("read ahead", "traces"))]


def test_other_frames_are_refused() -> None:
    movie = Movie.from_array(np.ones((5, *SHAPE[::-1]), np.uint16))
    refuses(
        "belong to frames of 61 × 47 pixels but the movie has 47 × 61", extract_traces, movie, weighted_rois()
    )


def test_fewer_rois_than_threads() -> None:
    pixels = np.arange(5 * 61 * 47, dtype=np.float64).reshape(5, *SHAPE)
    rois = weighted_rois(1)
    np.testing.assert_allclose(
        extract_traces(Movie.from_array(pixels), rois).values, direct(rois, pixels), rtol=1e-5
    )


MEASURE = """
import sys
from pathlib import Path
import numpy as np
from napari_calcdyn.recording import Movie, RoiSet, extract_traces, open_movie

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

tiles = np.arange(512 * 512).reshape(512, 512) // 512 // 16
rois = RoiSet.from_labels(np.where(np.arange(512) % 20 > 5, tiles + 1 + 100 * (np.arange(512) // 20), 0))
extract_traces(Movie.from_array(np.ones((4, 512, 512), np.uint16)), rois, neuropil=0.7)  # compiles
before = peak()
traces = extract_traces(open_movie(sys.argv[1]), rois, neuropil=0.7)
assert len(traces) > 500
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
def test_memory_stays_bounded(tmp_path: Path) -> None:
    """A 400 MB movie is streamed with a growth of less than 100 MB."""
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.zeros((800, 512, 512), np.uint16))
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100


def test_real_recording(data_folder: Path, fissa_movie_paths: list[Path]) -> None:
    movie = open_movie(fissa_movie_paths[0])
    rois = open_rois(data_folder / "fissa" / "rois.zip", frame_shape=movie.frame_shape)
    traces = extract_traces(movie, rois)
    pixels = tifffile.imread(fissa_movie_paths[0])
    for position in range(4):
        inside = rois.footprints[[position]].toarray().reshape(movie.frame_shape) > 0
        np.testing.assert_allclose(traces.values[position], pixels[:, inside].mean(1), rtol=1e-5)
    assert traces.usable.all()
    assert traces.frame_rate == movie.frame_rate
