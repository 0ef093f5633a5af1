"""Full-size recordings: a whole run beside suite2p's whole pipeline, and beside an earlier version of this program.

Run ``python benchmarks/full_size.py --suite2p PYTHON --before CHECKOUT``, with an interpreter that has suite2p 1.1.0
and a checkout of an earlier version; without them, their rows are missing. Every run is a process of its own, start-up
included, and reads the same uint16 TIFF. A second table has training steps beside a copy of their frames. ``--long``
adds one of longer recordings, up to a file of 20 GB, which repeat the first one. ``--quick`` takes small files. Files
live in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import report
import tifffile
from numpy.typing import NDArray
from peers import STAND_INS

SOURCE = Path(__file__).parent.parent / "src"
RUN = "from napari_calcdyn.cli import main; main()"
SUITE2P = """
import pathlib
sys.modules["cellpose"].transforms = types.SimpleNamespace(normalize_img=lambda image, **_: image)  # for display
from suite2p import parameters
from suite2p.run_s2p import run_s2p

if __name__ == "__main__":
    movie, out = map(pathlib.Path, sys.argv[1:3])
    settings = parameters.default_settings()
    settings["torch_device"] = "cpu"
    settings["registration"]["nonrigid"] = False
    settings["diameter"] = [9.0, 9.0]
    db = parameters.default_db() | {"data_path": [str(movie.parent)], "file_list": [movie.name], "save_path0": str(out)}
    run_s2p(db=db, settings=settings)
"""


LONG = (4000, 12000, 38200)
STEPS = 90
REPEATS = 30


def timed(command: list[str], source: Path | None = None) -> tuple[float, float]:
    """Run a process; return seconds and the peak of its resident memory, with its children's, in GB."""
    environment = os.environ | ({} if source is None else {"PYTHONPATH": str(source)})
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, peak))
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        watcher.join()
        if code:
            said.seek(0)
            raise SystemExit(said.read().decode()[-3000:])
    return seconds, peak[0]


def _watch(pid: int, peak: list[float]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(it.memory_info().rss for it in family) / 1e9)
            time.sleep(0.05)
    except psutil.Error:
        pass


def areas(folder: Path, dynamic: NDArray[np.bool_], cells: NDArray[np.bool_]) -> dict[str, object]:
    """Return the AUROC of the explained map."""
    from sklearn.metrics import roc_auc_score

    image = tifffile.imread(folder / "contribution_explained.tif")
    return {
        "AUROC, all pixels": round(float(roc_auc_score(dynamic.ravel(), image.ravel())), 4),
        "AUROC, cells": round(float(roc_auc_score(dynamic[cells], image[cells])), 4),
    }


def repeated(movie: NDArray[np.uint16], frames: int, file: Path, compression: str | None = None) -> None:
    """Write a movie again and again, until there are so many frames."""
    file.parent.mkdir(parents=True)
    with tifffile.TiffWriter(file, bigtiff=True) as writer:
        for start in range(0, frames, len(movie)):
            for frame in movie[: frames - start]:
                writer.write(frame, compression=compression, contiguous=compression is None)


def long_runs(movie: NDArray[np.uint16], lengths: Sequence[int], folder: Path) -> list[dict[str, object]]:
    """Run the preset quick on longer and longer recordings, the shortest of them compressed, too."""
    rows: list[dict[str, object]] = []
    for frames, compression in ((len(movie), None), *((it, None) for it in lengths), (lengths[0], "zlib")):
        here = folder / "long"
        repeated(movie, frames, here / "movie.tif", compression)
        command = [sys.executable, "-c", RUN, "run", str(here / "movie.tif"), "--out", str(here / "out")]
        seconds, peak = timed([*command, "--preset", "quick"], SOURCE)
        rows.append(
            {
                "frames": f"{frames:,}" + (f", {compression}" if compression else ""),
                "file, GB": round((here / "movie.tif").stat().st_size / 1e9, 2),
                "seconds": round(seconds, 1),
                "seconds for 1,000 frames": round(1000 * seconds / frames, 1),
                "peak memory, GB": round(peak, 2),
            }
        )
        shutil.rmtree(here)
    return rows


def steps(file: Path) -> list[dict[str, object]]:
    """Time training steps that predict, and a copy of the frames of one step within memory."""
    from napari_calcdyn import VARAutoencoder, open_movie

    model = VARAutoencoder(steps=STEPS, warm_up=0)  # first, so that torch is loaded as the program loads it
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    ends: list[float] = []
    hook = register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    took: list[float] = []
    begun = time.perf_counter()
    for _ in model.fit_steps(open_movie(file), device="cpu"):
        took += np.diff([begun, *ends]).tolist()  # checks and reports are left out
        ends.clear()
        begun = time.perf_counter()
    hook.remove()
    height, width = model.frame_shape
    frames = torch.randn(model.config.windows * model.config.window_length, height, width)
    copy, copied = torch.empty_like(frames), []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        copy.copy_(frames)
        copied.append(time.perf_counter() - begun)
    step, bound = 1e3 * float(np.median(took[STEPS // 3 :])), 1e3 * float(np.median(copied))
    return [
        {
            "latents": model.metrics["latents"],
            "step, ms": round(step, 1),
            "copy of its frames, ms": round(bound, 1),
            "times": round(step / bound, 1),
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small file, and the preset quick only")
    parser.add_argument("--suite2p", help="Python interpreter with suite2p 1.1.0")
    parser.add_argument("--before", type=Path, help="checkout of an earlier version")
    parser.add_argument("--long", action="store_true", help="longer recordings, too")
    parser.add_argument("--step", action="store_true", help="the table of training steps only")
    options = parser.parse_args()
    frames, size, cells = (150, 96, 4) if options.quick else (1000, 512, 50)

    from napari_calcdyn.simulate import simulate_movie

    truth = simulate_movie(
        frames=frames, height=size, width=size, dynamic=cells, silent=cells, flicker=cells, seed=0
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movie = folder / "movie" / "movie.tif"
        movie.parent.mkdir()
        tifffile.imwrite(movie, truth.movie.astype(np.uint16))

        if options.step:
            save_steps(steps(movie), "_quick" * options.quick, "python benchmarks/full_size.py --step")
            return
        runs = {
            f"calcdyn run --preset {it}": (it, SOURCE) for it in ("quick", "standard")[: 2 - options.quick]
        }
        if options.before:
            runs["the version before, quick"] = ("quick", options.before / "src")
        rows: list[dict[str, object]] = []
        for what, (preset, source) in runs.items():
            out = folder / what.replace(" ", "_")
            command = [sys.executable, "-c", RUN, "run", str(movie), "--out", str(out), "--preset", preset]
            seconds, peak = timed(command, source)
            stored = sum(it.stat().st_size for it in out.rglob("*") if it.is_file())
            rows.append(
                {
                    "what": what,
                    "seconds": round(seconds, 1),
                    "peak memory, GB": round(peak, 2),
                    "results, MB": round(stored / 1e6, 1),
                    **areas(out, truth.dynamic_mask, truth.cell_mask),
                }
            )
        if options.suite2p:
            script = folder / "suite2p_run.py"
            script.write_text(STAND_INS + SUITE2P, encoding="utf-8")
            seconds, peak = timed([options.suite2p, str(script), str(movie), str(folder / "suite2p_out")])
            rows.append(
                {
                    "what": "suite2p 1.1.0: rigid registration, detection, extraction, deconvolution",
                    "seconds": round(seconds, 1),
                    "peak memory, GB": round(peak, 2),
                }
            )
        longer: list[dict[str, object]] = []
        if options.long or options.quick:
            longer = long_runs(truth.movie.astype(np.uint16), [2 * frames] if options.quick else LONG, folder)
        trained = steps(movie)
    suffix = "_quick" if options.quick else ""
    flags = " --quick" * options.quick + " --suite2p PYTHON" * bool(options.suite2p)
    flags += " --before CHECKOUT" * bool(options.before) + " --long" * options.long
    notes = (
        f"Simulated movie of {size} × {size} pixels and {frames:,} frames, {3 * cells} cells, a third of them dynamic,"
        " a third bright and silent, a third flickering without memory. Start-up included; one run each, the file in"
        " the system's cache."
    )
    command = f"python benchmarks/full_size.py{flags}"
    report.save(f"full_size{suffix}", rows, command=command, notes=notes)
    if longer:
        notes = "Preset quick, start-up included; the recordings repeat the movie of the first table."
        report.save(f"full_size_long{suffix}", longer, command=command, notes=notes)
    save_steps(trained, suffix, command)


def save_steps(rows: list[dict[str, object]], suffix: str, command: str) -> None:
    notes = (
        "A step reads its frames twice, for the latents and for the gradient; a copy reads and writes them once."
        f" Medians of {STEPS - STEPS // 3} steps with the prediction term, and of {REPEATS} copies, in one process."
    )
    report.save(f"full_size_step{suffix}", rows, command=command, notes=notes)


if __name__ == "__main__":
    main()
