"""Mean frame of a uint16 TIFF: time against two peers, and peak memory, each measured in its own process.

Run ``python benchmarks/stream.py``; ``--quick`` takes a smaller file. The files live in a temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import report

SIZE = 512
FRAME_BYTES = SIZE * SIZE * 2


def ours(path: str) -> Any:
    from napari_calcdyn import open_movie

    return open_movie(path).mean_frame()


def ours_statistics(path: str) -> Any:
    from napari_calcdyn import open_movie

    return open_movie(path).statistics().mean


def whole_file(path: str) -> Any:
    import tifffile

    return tifffile.imread(path).mean(0)


def dask_zarr(path: str) -> Any:
    import dask.array as da
    import tifffile
    import zarr

    with tifffile.imread(path, aszarr=True) as store:
        return da.from_zarr(zarr.open(store, mode="r")).mean(axis=0).compute()


METHODS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "ours": ("Movie.mean_frame", ours),
    "statistics": ("Movie.statistics (mean, std, min, max)", ours_statistics),
    "whole": ("tifffile.imread(f).mean(0)", whole_file),
    "dask": ("dask over tifffile.imread(aszarr=True)", dask_zarr),
}


def write_movie(path: Path, frames: int, compression: str | None = None) -> None:
    """Write noise on a bright picture, frame by frame: contiguous, or compressed in one strip a frame."""
    import tifffile

    random = np.random.default_rng(0)
    picture = random.gamma(2.0, 200.0, (SIZE, SIZE))
    noise = [random.poisson(picture).astype(np.uint16) for _ in range(16)]
    tifffile.imwrite(
        path,
        (np.roll(noise[t % 16], t // 16, axis=1) for t in range(frames)),
        shape=(frames, SIZE, SIZE),
        dtype=np.uint16,
        bigtiff=frames * FRAME_BYTES > 2**32 - 2**25,
        compression=compression,
        photometric="minisblack",
    )


def child(method: str, path: str, repeats: int) -> None:
    """Time one method in this process; print seconds, growth of peak memory in MB, and the mean's mean.

    The libraries are imported first and nothing else is, so that their memory is not counted but all that the
    first call allocates is. The peak is sampled every 2 ms: resident pages of a mapped file count too.
    """
    import threading

    import dask.array  # noqa: F401
    import tifffile  # noqa: F401
    import zarr  # noqa: F401

    import napari_calcdyn.recording  # noqa: F401

    process = psutil.Process()
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        mean = METHODS[method][1](path)
        times.append(time.perf_counter() - start)
    done.set()
    watcher.join()
    print(min(times), (peak - before) / 1e6, float(mean.mean()))


def measure(method: str, path: Path, repeats: int) -> tuple[float, float, float]:
    command = [sys.executable, __file__, "--child", method, str(path), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, memory, mean = map(float, done.stdout.split())
    return seconds, memory, mean


def warm(path: Path) -> None:
    """Read a file once, so that all methods find it in the system's cache."""
    with path.open("rb") as file:
        while file.read(2**24):
            pass


def compare(path: Path, what: str, methods: list[str], repeats: int) -> list[dict[str, object]]:
    warm(path)
    gigabytes = movie_gigabytes(path)
    found = {method: measure(method, path, repeats) for method in methods}
    means = {round(mean, 3) for _, _, mean in found.values()}
    if len(means) > 1:
        raise SystemExit(f"the methods disagree: {means}")
    base = found["ours"][0]
    return [
        {
            "file": what,
            "method": METHODS[method][0],
            "seconds": round(seconds, 3),
            "GB/s": round(gigabytes / seconds, 2),
            "times ours": round(seconds / base, 2),
            "peak memory growth (MB)": round(memory),
        }
        for method, (seconds, memory, _) in found.items()
    ]


def movie_gigabytes(path: Path) -> float:
    import tifffile

    with tifffile.TiffFile(path) as tif:
        return len(tif.pages) * FRAME_BYTES / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="0.5 GB instead of 4 GB")
    parser.add_argument("--gigabytes", type=float, help="size of the large file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], arguments.child[1], int(arguments.child[2]))
        return
    gigabytes = arguments.gigabytes or (0.5 if arguments.quick else 4.0)
    small = min(1.0, gigabytes)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.tif"
        write_movie(path, int(small * 1e9 / FRAME_BYTES))
        rows += compare(path, f"{small:g} GB, fits in memory", ["ours", "whole", "dask", "statistics"], 3)
        path.unlink()
        write_movie(path, int(small * 0.25e9 / FRAME_BYTES), "zlib")
        rows += compare(path, f"{small * 0.25:g} GB, zlib", ["ours", "whole", "dask"], 3)
        path.unlink()
        path = Path(folder) / "large.tif"
        write_movie(path, int(gigabytes * 1e9 / FRAME_BYTES))
        rows += compare(path, f"{gigabytes:g} GB", ["ours", "dask", "statistics"], 1)
    command = "python benchmarks/stream.py" + (" --quick" if arguments.quick else "")
    command += f" --gigabytes {arguments.gigabytes:g}" if arguments.gigabytes else ""
    notes = (
        f"uint16, frames of {SIZE} × {SIZE}, one strip a frame; files in the system's cache; best of three "
        "runs for files that fit, one run for the large one; imports not counted."
    )
    report.save("stream_quick" if arguments.quick else "stream", rows, command=command, notes=notes)


if __name__ == "__main__":
    main()
