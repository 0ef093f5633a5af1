"""Maps of small cells in a large picture: 512 × 512 pixels, 300 cells of about 8 pixels, by the number of latents.

A third of the cells is dynamic, a third bright and silent, a third flickers without memory. Area under the ROC curve
(AUROC) of the explained map, and of five maps that need no model, for pixels of dynamic cells against all other pixels,
and against pixels of other cells. A run that was interrupted goes on where it was; rows are in
results/resolution.jsonl.
"""

from __future__ import annotations

import argparse
import time
from unittest.mock import patch

from maps import AGAINST, CHEAP
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie
from napari_calcdyn.simulate import footprints, simulate_movie
from napari_calcdyn.simulate.movie import SimulatedMovie

RADIUS = (3.5, 4.5)  # px
LATENTS = (1024, 2704, 4096)


def simulate(task: Row) -> SimulatedMovie:
    with patch.object(footprints, "RADIUS", RADIUS):
        return simulate_movie(
            frames=task["frames"],
            height=task["size"],
            width=task["size"],
            dynamic=task["cells"],
            silent=task["cells"],
            flicker=task["cells"],
            seed=task["seed"],
        )


def measure(task: Row) -> Row:
    """Return the AUROC of the maps of one method on one movie."""
    from sklearn.metrics import roc_auc_score

    from napari_calcdyn import VARAutoencoder, contribution_maps
    from napari_calcdyn.analysis.maps import cheap_maps

    truth = simulate(task)
    movie = Movie.from_array(truth.movie)
    result: Row = {}
    if task["method"] == "cheap":
        found = cheap_maps(movie)
        maps = {name: getattr(found, attribute) for name, attribute in CHEAP.items()}
    else:
        start = time.perf_counter()
        model = VARAutoencoder(latents=task["method"]).fit(movie, device="cpu", seed=task["seed"])
        result["seconds"] = time.perf_counter() - start
        maps = {"explained": contribution_maps(model, movie, sources=False).explained}
    for name, image in maps.items():
        result[f"{name}, all"] = float(roc_auc_score(truth.dynamic_mask.ravel(), image.ravel()))
        cells = truth.cell_mask
        result[f"{name}, cells"] = float(roc_auc_score(truth.dynamic_mask[cells], image[cells]))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small movie")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread and 5 GB each")
    options = parser.parse_args()
    quick: bool = options.quick
    seeds = range(1 if quick else options.seeds)
    shared: Row = {"frames": 1000, "size": 512, "cells": 100}
    methods: list[object] = [*LATENTS, "cheap"]
    if quick:
        shared, methods = {"frames": 300, "size": 96, "cells": 4}, [64, 400, "cheap"]
    file = RESULTS / f"resolution{'_quick' * quick}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    tasks = [shared | {"seed": seed, "method": method} for seed in seeds for method in methods]
    code = fingerprint("models", "analysis", "simulate")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)

    lines: list[Row] = []
    for method in methods:
        chosen = [row for row in rows if row["method"] == method]
        maps = {name: name for name in CHEAP} if method == "cheap" else {"explained": f"{method:,} latents"}
        for name, title in maps.items():
            line: Row = {"map": title}
            for against, heading in AGAINST.items():
                found = [float(row[f"{name}, {against}"]) for row in chosen]  # type: ignore[arg-type]
                line |= {heading: mean_sd(found, 4), f"least {heading}": f"{min(found):.4f}"}
            if method != "cheap":
                line["fit, s"] = mean_sd(row["seconds"] for row in chosen)
            lines.append(line)
    size = shared["size"]
    save(
        f"resolution{'_quick' * quick}",
        lines,
        command="python benchmarks/resolution.py" + (" --quick" if quick else f" --seeds {len(seeds)}"),
        notes=f"AUROC of dynamic pixels, mean ± sd; movies: {len(seeds)}, {shared['frames']:,} frames of"
        f" {size} × {size}, {3 * int(str(shared['cells']))} cells of about 8 px, a third of each kind, preset standard;"
        " fits of one thread.",
    )


if __name__ == "__main__":
    main()
