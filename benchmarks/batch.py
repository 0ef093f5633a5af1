"""`calcdyn batch` on small recordings against a loop that runs one after the other, each with all cores.

The jobs are the same: `calcdyn run` with the quick preset. Both start from nothing, interpreters included. The order of
the two alternates from repeat to repeat.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from report import save
from resumable import CORES, Row, mean_sd

from napari_calcdyn.simulate import simulate_movie

CALCDYN = [sys.executable, "-m", "napari_calcdyn"]
ALONE = {name: it for name, it in os.environ.items() if not name.endswith("_NUM_THREADS")}


def seconds(folder: Path, *commands: list[str]) -> float:
    """Run commands one after the other; return the time that they took."""
    start = time.perf_counter()
    for command in commands:
        subprocess.run([*CALCDYN, *command], cwd=folder, env=ALONE, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two tiny recordings, once")
    parser.add_argument("--recordings", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    quick: bool = options.quick
    count, repeats, size = (2, 1, 32) if quick else (options.recordings, options.repeats, 64)
    few = ["--steps", "20", "--latents", "8"] if quick else []
    taken: dict[str, list[float]] = {"loop": [], "batch": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movies = [folder / f"movie{number}.tif" for number in range(count)]
        for seed, file in enumerate(movies):
            movie = simulate_movie(frames=300, height=size, width=size, seed=seed).movie
            tifffile.imwrite(file, movie, photometric="minisblack")
        lines = {"preset": "quick", "seed": 1} | dict(zip(("steps", "latents"), few[1::2], strict=False))
        jobs = "\n".join(
            f"{key} = {value if str(value).isdigit() else repr(value)}" for key, value in lines.items()
        )
        (folder / "all.toml").write_text(f'movies = "movie*.tif"\nout = "batch"\n[jobs.run]\n{jobs}\n')
        loop = [
            ["run", it.name, "--out", f"loop/{it.stem}", "--preset", "quick", "--seed", "1", *few]
            for it in movies
        ]
        calls = {"loop": loop, "batch": [["batch", "all.toml"]]}
        for repeat in range(repeats):
            for way in list(calls)[:: -1 if repeat % 2 else 1]:
                shutil.rmtree(folder / way, ignore_errors=True)
                taken[way].append(seconds(folder, *calls[way]))
                print(f"{way}: {taken[way][-1]:.1f} s", flush=True)
        apart = max(
            float(np.abs(np.load(one) - np.load(other)).max() / np.load(one).std())
            for one, other in zip(
                sorted((folder / "loop").rglob("latents.npy")),
                sorted((folder / "batch").rglob("latents.npy")),
                strict=True,
            )
        )
    row: Row = {"recordings": count, "cores": CORES}
    row |= {f"{way}, s": mean_sd(its, 1) for way, its in taken.items()}
    row["ratio"] = mean_sd((a / b for a, b in zip(taken["batch"], taken["loop"], strict=True)), 2)
    row["latents differ by, sd"] = f"{apart:.0e}"  # rounding: sums of one thread or several
    save(
        f"batch{'_quick' * quick}",
        [row],
        command="python benchmarks/batch.py"
        + (" --quick" if quick else f" --recordings {count} --repeats {repeats}"),
        notes=f"`calcdyn run --preset quick` on {count} movies of {size} × {size} × 300; mean ± sd over {repeats}"
        " pairs.",
    )


if __name__ == "__main__":
    main()
