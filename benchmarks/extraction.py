"""Traces of 500 ROIs from a uint16 TIFF: time beside the mean frame, and peak memory, each in its own process.

Run ``python benchmarks/extraction.py``; ``--quick`` takes a smaller file. The file lives in a temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import report
from stream import FRAME_BYTES, SIZE, warm, write_movie

ROIS = 500
REPEATS = 3
RADIUS = 6.5  # px; a soma of 13 µm at 1 µm per pixel


def discs() -> Any:
    """Draw ROIs of uneven weights, as suite2p's are, all over the frame."""
    from scipy.sparse import csr_array

    from napari_calcdyn import RoiSet

    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    pixels, rows = [], []
    for number, centre in enumerate(random.uniform(RADIUS, SIZE - 1 - RADIUS, (ROIS, 2))):
        inside = np.flatnonzero((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < RADIUS**2)
        pixels.append(inside)
        rows.append(np.full(len(inside), number))
    table = (np.concatenate(rows), np.concatenate(pixels))
    weights = csr_array((random.uniform(0.2, 1, len(table[0])), table), shape=(ROIS, SIZE * SIZE))
    return RoiSet(weights, np.arange(ROIS), (SIZE, SIZE))


def mean_frame(movie: Any, rois: Any) -> float:
    mean = movie.mean_frame().ravel()
    return float((rois.footprints @ mean).mean())


def ours(movie: Any, rois: Any) -> float:
    from napari_calcdyn import extract_traces

    return float(extract_traces(movie, rois).values.mean(dtype=np.float64))


def ours_neuropil(movie: Any, rois: Any) -> float:
    from napari_calcdyn import extract_traces

    return float(extract_traces(movie, rois, neuropil=0.7).values.mean(dtype=np.float64))


def scipy_product(movie: Any, rois: Any) -> float:
    values = np.empty((len(rois), movie.n_frames), np.float32)
    for start, block in movie.blocks():
        pixels = block.reshape(len(block), -1).T.astype(np.float32)
        values[:, start : start + len(block)] = rois.footprints @ pixels
    return float(values.mean(dtype=np.float64))


METHODS: dict[str, tuple[str, Callable[[Any, Any], float]]] = {
    "mean": ("Movie.mean_frame", mean_frame),
    "ours": ("extract_traces", ours),
    "neuropil": ("extract_traces, neuropil=0.7", ours_neuropil),
    "scipy": ("scipy: footprints @ float32 frames, block by block", scipy_product),
}


def child(method: str, path: str) -> None:
    """Time one method in this process; print seconds, growth of peak memory in MB, and the mean of its result.

    A run on four frames comes first: it loads the libraries and the compiled kernel, so neither is timed, but
    the memory of both is counted. The peak is sampled every 2 ms.
    """
    import tifffile  # noqa: F401

    from napari_calcdyn import Movie, open_movie

    rois = discs()
    process = psutil.Process()
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    METHODS[method][1](Movie.from_array(np.ones((4, SIZE, SIZE), np.uint16)), rois)
    movie = open_movie(path)
    start = time.perf_counter()
    mean = METHODS[method][1](movie, rois)
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    print(seconds, (peak - before) / 1e6, mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="0.5 GB instead of 4 GB")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child)
        return
    gigabytes = 0.5 if arguments.quick else 4.0
    runs: dict[str, list[list[float]]] = {method: [] for method in METHODS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.tif"
        write_movie(path, int(gigabytes * 1e9 / FRAME_BYTES))
        warm(path)
        for _ in range(REPEATS):  # in turn, so that whatever else the machine does meets all of them
            for method in METHODS:
                command = [sys.executable, __file__, "--child", method, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(done.stderr)
                runs[method].append([float(number) for number in done.stdout.split()])
    found = {method: min(results) for method, results in runs.items()}
    means = [found[method][2] for method in ("mean", "ours", "scipy")]
    if np.ptp(means) > 1e-5 * means[0]:
        raise SystemExit(f"the methods disagree: {means}")
    base = found["mean"][0]
    rows: list[dict[str, object]] = [
        {
            "method": METHODS[method][0],
            "seconds": round(seconds, 3),
            "GB/s": round(gigabytes / seconds, 2),
            "times the mean frame": round(seconds / base, 2),
            "peak memory growth (MB)": round(memory),
        }
        for method, (seconds, memory, _) in found.items()
    ]
    notes = (
        f"{gigabytes:g} GB, uint16, frames of {SIZE} × {SIZE}, {ROIS} ROIs of {np.pi * RADIUS**2:.0f} pixels, rings "
        "of 350; the file in the system's cache; fastest of three runs. Compiling, once per installation, is not timed."
    )
    name = "extraction_quick" if arguments.quick else "extraction"
    command = "python benchmarks/extraction.py" + (" --quick" if arguments.quick else "")
    report.save(name, rows, command=command, notes=notes)


if __name__ == "__main__":
    main()
