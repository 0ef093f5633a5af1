"""Full-size recordings: a whole run beside suite2p's whole pipeline, and beside an earlier version of this program.

Run ``python benchmarks/full_size.py --suite2p PYTHON --before CHECKOUT``, with an interpreter that has suite2p 1.1.0
and a checkout of an earlier version; without them, their rows are missing. ``--quick`` takes a small file. Every run is
a process of its own, start-up included, and reads the same uint16 TIFF. Files live in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small file, and the preset quick only")
    parser.add_argument("--suite2p", help="Python interpreter with suite2p 1.1.0")
    parser.add_argument("--before", type=Path, help="checkout of an earlier version")
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
    suffix = "_quick" if options.quick else ""
    flags = " --quick" * options.quick + " --suite2p PYTHON" * bool(options.suite2p)
    flags += " --before CHECKOUT" * bool(options.before)
    notes = (
        f"Simulated movie of {size} × {size} pixels and {frames:,} frames, {3 * cells} cells, a third of them dynamic,"
        " a third bright and silent, a third flickering without memory. Start-up included; one run each, the file in"
        " the system's cache."
    )
    report.save(f"full_size{suffix}", rows, command=f"python benchmarks/full_size.py{flags}", notes=notes)


if __name__ == "__main__":
    main()
