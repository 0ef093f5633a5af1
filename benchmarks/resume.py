"""Runs that are killed at random moments, and whether ``--resume`` gives the result of one that was left alone."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tifffile
from report import save
from safetensors.numpy import load_file

from napari_calcdyn.jobs.result_folder import RESULTS, unfinished_folder
from napari_calcdyn.models.checkpoint import load_numbers
from napari_calcdyn.simulate import simulate_movie

SECONDS_BETWEEN_SAVES = 2.0
CALCDYN = f"""
from napari_calcdyn.cli import main
from napari_calcdyn.models import training
training._SECONDS_BETWEEN_SAVES = {SECONDS_BETWEEN_SAVES}
main()
"""
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def run(movie: Path, out: Path, *options: str, kill_after: float | None = None) -> float:
    """Run the command, to its end or until it is killed; return the seconds that the processor worked for it."""
    worked = 0.0
    command = [
        sys.executable,
        "-c",
        CALCDYN,
        "run",
        str(movie),
        "--out",
        str(out),
        "--device",
        "cpu",
        *options,
    ]
    with subprocess.Popen(command, env=ONE_THREAD, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            worked = max(worked, sum(watched.cpu_times()[:2]))  # a process that has ended says 0
            if kill_after is not None and worked >= kill_after:
                process.kill()
            time.sleep(0.01)
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"The run ended with code {process.returncode}.")
    return worked


def numbers(folder: Path) -> dict[str, np.ndarray]:
    """All arrays of a result folder."""
    found = {path.name: tifffile.imread(path) for path in folder.glob("*.tif")}
    found |= load_file(folder / "model" / "model.safetensors")
    with np.load(folder / "var.npz") as var:
        return (
            found | {f"var.{name}": var[name] for name in var} | {"latents": np.load(folder / "latents.npy")}
        )


def largest_difference(folder: Path, whole: Path) -> float:
    """Largest difference of any array, relative to its largest value."""
    mine, theirs = numbers(folder), numbers(whole)
    assert mine.keys() == theirs.keys()
    largest = 0.0
    for name, values in theirs.items():
        if not np.array_equal(mine[name], values, equal_nan=values.dtype.kind == "f"):
            difference = np.abs(mine[name].astype(float) - values.astype(float))
            largest = max(largest, float(np.nanmax(difference) / np.nanmax(np.abs(values))))
    return largest


def measure(
    movie: Path, whole: Path, out: Path, moment: float, options: tuple[str, ...]
) -> dict[str, object]:
    """Kill a run at a moment, go on with it, and compare the results."""
    run(movie, out, *options, kill_after=moment)
    complete = [name for name in RESULTS["run"] if (out / name).exists()]
    training = unfinished_folder(out, "run") / "training.safetensors"
    check = training.with_name("corrections.safetensors")
    kept = f"step {load_numbers(training)[1]['training']['step']}" if training.exists() else "nothing"
    row = {
        "killed after s": round(moment, 1),
        "results then": f"{len(complete)} of {len(RESULTS['run'])}",
        "kept": "check" if kept == "nothing" and check.exists() else kept,
        "seconds to go on": round(run(movie, out, "--resume", *options), 1),
        "largest difference": largest_difference(out, whole),
        "left besides results": len({path.name for path in out.iterdir()} - set(RESULTS["run"])),
    }
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a small movie, and two moments instead of twenty"
    )
    quick = parser.parse_args().quick
    frames, size, moments, steps = (200, 48, 2, 30) if quick else (1000, 128, 20, 600)
    options = ("--preset", "thorough", "--steps", str(steps))
    with tempfile.TemporaryDirectory() as folder:
        movie, whole = Path(folder, "movie.tif"), Path(folder, "whole")
        pixels = simulate_movie(frames=frames, height=size, width=size, motion=1.0, seed=0).movie
        tifffile.imwrite(movie, pixels, photometric="minisblack")
        seconds = run(movie, whole, *options)
        # one at random in each of as many parts of the run
        drawn = (np.arange(moments) + np.random.default_rng(0).random(moments)) / moments * seconds
        rows = [
            measure(movie, whole, Path(folder, f"killed{at}"), moment, options)
            for at, moment in enumerate(drawn.tolist())
        ]
    save(
        "resume_quick" if quick else "resume",
        rows,
        command="python benchmarks/resume.py" + (" --quick" if quick else ""),
        notes=f"Simulated movie of {frames} frames, {size} × {size} pixels, that moves; {steps} steps, one thread."
        f" The run that was left alone took {seconds:.0f} s, the start of the program included; times are those of the"
        f" processor. The state was kept every {SECONDS_BETWEEN_SAVES:g} s, not every 20 s. A difference is relative to"
        " the largest value of an array; all arrays of the result folder and of the model are compared.",
    )


if __name__ == "__main__":
    main()
