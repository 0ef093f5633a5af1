"""Check of a recording: time beside the mean frame, memory, and registration beside suite2p's.

Run ``python benchmarks/quality.py --suite2p PYTHON``, with an interpreter that has suite2p 1.1.0; without it, its rows
are missing. ``--quick`` takes smaller files. Files live in a temporary folder. Every measurement has its own process.
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
from peers import STAND_INS
from stream import FRAME_BYTES, SIZE, warm, write_movie

REPEATS = 3
CHECKS: dict[str, str] = {
    "mean": "Movie.mean_frame",
    "check": "check_quality, motion=False",
    "motion": "check_quality",
}
SUITE2P = """
import time
import numpy as np
import torch
from suite2p.registration import register

movie = np.load(sys.argv[1], mmap_mode="r").astype(np.int16)
cpu = torch.device("cpu")
settings = register.default_settings()
some = movie[np.linspace(0, len(movie) - 1, 200).astype(int)]
reference = register.compute_reference(some, settings=settings.get("registration", settings), device=cpu)
prepared = register.compute_filters_and_norm(reference, block_size=None, device=cpu)
shifts = []
for again in range(2):
    shifts.clear()
    start = time.perf_counter()
    for first in range(0, len(movie), 100):
        frames = torch.from_numpy(movie[first : first + 100])
        found = register.compute_shifts(prepared, frames, maxregshift=0.1)
        y, x = found[0], found[1]
        register.shift_frames(frames, y, x, device=cpu)
        shifts.append(np.stack([np.asarray(y), np.asarray(x)], 1))
    seconds = time.perf_counter() - start
np.save(sys.argv[2], np.concatenate(shifts).astype(np.float32))
print(1e3 * seconds / len(movie))
"""


def child(method: str, path: str) -> None:
    """Time one method in this process; print seconds and growth of peak memory in MB."""
    from napari_calcdyn import Movie, check_quality, open_movie

    run: dict[str, Callable[[Any], object]] = {
        "mean": lambda movie: movie.mean_frame(),
        "check": lambda movie: check_quality(movie, motion=False),
        "motion": check_quality,
    }
    process = psutil.Process()
    small = np.random.default_rng(0).poisson(30, (16, SIZE, SIZE)).astype(np.uint16)
    run[method](Movie.from_array(small))
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    movie = open_movie(path)
    start = time.perf_counter()
    run[method](movie)
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    print(seconds, (peak - before) / 1e6)


def register(path: str, out: str) -> None:
    """Register a movie as the check and the corrections do; print milliseconds per frame."""
    from napari_calcdyn.recording.movies.warping import shifted
    from napari_calcdyn.recording.quality.motion import Registrar, sharpened

    movie = np.load(path, mmap_mode="r").astype(np.int16)
    weight = np.ones(movie.shape[1:], np.float32)
    some = movie[np.linspace(0, len(movie) - 1, 200).astype(int)]
    registrar = Registrar(sharpened(some, weight), weight)
    for _ in range(2):
        found = []
        start = time.perf_counter()
        for first in range(0, len(movie), 100):
            frames = movie[first : first + 100]
            found.append(registrar.find(frames)[0])
            for frame, shift in zip(frames, found[-1], strict=True):
                shifted(frame.astype(np.float32), shift)
        seconds = time.perf_counter() - start
    np.save(out, np.concatenate(found))
    print(1e3 * seconds / len(movie))


def call(*command: str) -> list[float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(number) for number in done.stdout.split("\n")[-2].split()]


def costs(gigabytes: float, folder: Path, suffix: str) -> None:
    runs: dict[str, list[list[float]]] = {method: [] for method in CHECKS}
    path = folder / "movie.tif"
    write_movie(path, int(gigabytes * 1e9 / FRAME_BYTES))
    warm(path)
    for _ in range(REPEATS):  # in turn, so that whatever else the machine does meets all of them
        for method in CHECKS:
            runs[method].append(call(sys.executable, __file__, "--child", method, str(path)))
    path.unlink()
    found = {method: min(results) for method, results in runs.items()}
    rows: list[dict[str, object]] = [
        {
            "method": CHECKS[method],
            "seconds": round(seconds, 2),
            "times the mean frame": round(seconds / found["mean"][0], 2),
            "peak memory growth (MB)": round(memory),
        }
        for method, (seconds, memory) in found.items()
    ]
    notes = f"{gigabytes:g} GB, uint16, frames of {SIZE} × {SIZE}; file in the system's cache; fastest of three runs."
    report.save(f"quality_cost{suffix}", rows, command=_command(suffix), notes=notes)


def registrations(frames: int, folder: Path, suffix: str, suite2p: str | None) -> None:
    from napari_calcdyn.simulate import simulate_movie
    from napari_calcdyn.simulate.artefacts import smooth_motion

    rows: list[dict[str, object]] = []
    script = folder / "suite2p_registration.py"
    script.write_text(STAND_INS + SUITE2P, encoding="utf-8")
    for noise in ("low", "high"):
        truth = simulate_movie(frames=frames, height=SIZE, width=SIZE, noise=noise, motion=1.5, seed=0)
        path = smooth_motion(frames, 1.5, np.random.default_rng([0, 1]))
        np.save(folder / "moving.npy", truth.movie)
        methods = {"this program": [sys.executable, __file__, "--register"]}
        if suite2p:
            methods["suite2p 1.1.0, rigid"] = [suite2p, str(script)]
        for name, command in methods.items():
            out = folder / "shifts.npy"
            milliseconds = [call(*command, str(folder / "moving.npy"), str(out))[0] for _ in range(2)]
            error = np.load(out) - path
            error -= error.mean(0)
            rows.append(
                {
                    "noise": noise,
                    "method": name,
                    "ms per frame": round(min(milliseconds), 2),
                    "error of a shift (px, root mean square)": round(float(np.sqrt((error**2).mean())), 3),
                }
            )
    notes = (
        f"{frames} frames of {SIZE} × {SIZE}, smooth motion of 1.5 px in each direction; shifts are found and frames"
        " shifted; suite2p finds whole pixels in this step. Reading the file is not timed; the faster of two runs each."
    )
    report.save(f"quality_registration{suffix}", rows, command=_command(suffix), notes=notes)


def _command(suffix: str) -> str:
    return "python benchmarks/quality.py" + (" --quick" if suffix else " --suite2p PYTHON")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files")
    parser.add_argument("--suite2p", help="Python interpreter with suite2p 1.1.0")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--register", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    if options.register:
        register(*options.register)
        return
    suffix = "_quick" if options.quick else ""
    with tempfile.TemporaryDirectory() as folder:
        registrations(100 if options.quick else 600, Path(folder), suffix, options.suite2p)
        costs(0.3 if options.quick else 4.0, Path(folder), suffix)


if __name__ == "__main__":
    main()
