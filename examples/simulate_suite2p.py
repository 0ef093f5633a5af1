"""Simulate a recording of three kinds of neurons, and the folder that suite2p would write for it.

Run: python examples/simulate_suite2p.py [FOLDER]
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

import napari_calcdyn as cd
from napari_calcdyn.simulate.fluorescence import BASELINE
from napari_calcdyn.simulate.movie import movie_of_traces

SIZE, SPACING = 192, 11.0  # of the frame and between cells, px


def simulate(folder: str | Path, seconds: float = 80.0, frame_rate: float = 10.0) -> Path:
    """Write ``movie.tif``, ``suite2p/plane0`` and ``types.csv``, and return the folder ``suite2p``."""
    folder = Path(folder)
    random = np.random.default_rng(0)
    cultures = cd.simulate_cultures(cultures=1, neurons=64, seconds=seconds, frame_rate=frame_rate)
    grid = np.stack(np.meshgrid(*[np.arange(SPACING, SIZE - SPACING, SPACING)] * 2), axis=-1).reshape(-1, 2)
    places = random.permutation(grid)[: len(cultures.clean)] + random.uniform(
        -1.5, 1.5, (len(cultures.clean), 2)
    )
    simulated = movie_of_traces(
        cultures.clean,
        places,
        rest=BASELINE,
        height=SIZE,
        width=SIZE,
        frame_rate=frame_rate,
        radius=(3.0, 4.2),
        kind=cultures.table["type"].tolist(),
    )
    simulated.save(folder)
    movie, rois = cd.Movie.from_array(simulated.movie, frame_rate=frame_rate), simulated.rois

    plane = folder / "suite2p" / "plane0"
    plane.mkdir(parents=True, exist_ok=True)
    stat = np.empty(len(rois), object)
    for cell, row in enumerate(simulated.weights):
        weight = row.toarray().reshape(SIZE, SIZE)
        y, x = np.nonzero(weight > 0.2 * weight.max())
        stat[cell] = {"ypix": y, "xpix": x, "lam": weight[y, x].astype(np.float32)}
    np.save(plane / "stat.npy", stat)
    np.save(plane / "F.npy", cd.extract_traces(movie, rois).values)
    np.save(plane / "Fneu.npy", cd.extract_traces(movie, rois.neuropil()).values)
    np.save(plane / "iscell.npy", np.ones((len(rois), 2)))
    np.save(plane / "ops.npy", np.array({"Ly": SIZE, "Lx": SIZE, "fs": frame_rate}, object))
    with (folder / "types.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["type"], *([kind] for kind in simulated.kind)])
    return plane.parent


if __name__ == "__main__":
    print(f"suite2p's folder is {simulate(sys.argv[1] if len(sys.argv) > 1 else 'simulated')}.")
