"""Recordings and commands of the tests of batches."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from napari_calcdyn.simulate import simulate_movie


def recordings(folder: Path, names: str = "abcdefgh", frames: int = 60) -> list[Path]:
    """Write small movies that differ, one of a few pixels for each letter."""
    folder.mkdir(parents=True)
    for seed, name in enumerate(names):
        simulate_movie(frames=frames, height=24, width=24, seed=seed).save(folder / "new")
        shutil.move(folder / "new" / "movie.tif", folder / f"{name}.tif")
        shutil.rmtree(folder / "new")
    return [folder / f"{name}.tif" for name in names]


def summary(out: Path) -> dict[str, dict[str, str]]:
    """Return the rows of ``summary.csv`` by recording and, with a slash, settings and job."""
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {
            "/".join(filter(None, (row["recording"], row["settings"], row["job"]))): row
            for row in csv.DictReader(file)
        }
