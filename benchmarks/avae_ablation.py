"""What of the AVAE's default settings matters: each taken away alone, on simulated cultures.

Middle of the grid of `calcdyn benchmark avae`: σ = 1, (D1, D2) = (128, 8), β = 0.5, the reduced number of neurons and
samples; test neurons that no model saw, once of cultures that were trained on and once of others. Mean ± standard
deviation over partitions. MSE is to the trace without noise, times 1,000, in units of the scaled trace; where the
scaling differs, so does that unit, and only the ratio to PCA of the same scaling can be compared.
"""

from __future__ import annotations

import argparse
import dataclasses
from functools import cache
from typing import Any

from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn.jobs.avae_benchmark.experiments import measure, simulated
from napari_calcdyn.jobs.avae_benchmark.grid import QUICK, Grid, Run
from napari_calcdyn.simulate import SimulatedCultures

GRID = Grid(neurons=150, frame_rate=20.0, partitions=3, epochs=40, seed=1)
SHIFTS = (0.1, 1.0, 10.0)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "PCA": ("pca", {}),
    "published network and schedule": ("paper", {}),
    "default": ("avae", {}),
    "without likeness": ("avae", {"likeness": 0.0}),
    "without refinement": ("avae", {"refinement": 0}),
    "error in scaled units, as published": ("avae", {"error_unit": "scaled"}),
    "mean trace through the network": ("avae", {"skip": False}),
    "no growth of β": ("avae", {"warm_up": 0.0}),
    "the published schedule": (
        "avae",
        {
            "decay": "exponential",
            "learning_rate": 5e-3,
            "batch": 32,
            "patience": 5,
            "least_improvement": 5e-3,
            "epochs": 200,
        },
    ),
    "the published network": ("avae", {"architecture": "paper"}),
    "the network sequence": ("avae", {"architecture": "sequence"}),
    **{f"shift tolerance {shift:g}": ("avae", {"pull": shift}) for shift in SHIFTS},
    **{
        f"shift tolerance {shift:g}, no likeness": ("avae", {"pull": shift, "likeness": 0.0})
        for shift in SHIFTS[1:]
    },
    "PCA, scaled by recording": ("pca", {"scaling": "recording"}),
    "default, scaled by recording": ("avae", {"scaling": "recording"}),
}


@cache
def data_of(grid: Grid) -> SimulatedCultures:
    return simulated(grid)


def measured(task: Row) -> Row:
    """Train and measure one variant."""
    grid = QUICK if task["quick"] else GRID
    method, changes = VARIANTS[str(task["variant"])]
    changes = dict(changes)
    graded = dataclasses.replace(grid, scaling=changes.pop("scaling", grid.scaling))
    run = Run(
        1.0, 128, 8, None if method == "pca" else 0.5, int(str(task["partition"])), method, str(task["split"])
    )
    score = measure(data_of(grid), run, graded, **changes)
    return dataclasses.asdict(score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few neurons, two partitions")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    file = RESULTS / f"avae_ablation{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    partitions = range(QUICK.partitions if quick else GRID.partitions)
    tasks: list[Row] = [
        {"variant": variant, "split": split, "partition": partition, "quick": quick}
        for partition in partitions
        for variant in VARIANTS
        for split in ("neurons", "cultures")
    ]
    rows = measure_all(file, tasks, measured, code=fingerprint("models"), jobs=options.jobs)
    lines: list[Row] = []
    for variant in VARIANTS:
        line: Row = {"variant": variant}
        for split, name in (("neurons", ""), ("cultures", ", cultures never seen")):
            chosen = [row for row in rows if row["variant"] == variant and row["split"] == split]
            if not name:
                line["MSE × 10³"] = mean_sd((1e3 * float(str(row["mse"])) for row in chosen), 2)
                line["ARI"] = mean_sd((row["ari"] for row in chosen), 3)
            line[f"10-NN accuracy{name}"] = mean_sd((row["neighbour_accuracy"] for row in chosen), 3)
        lines.append(line)
    notes = " ".join(__doc__.split("\n\n", 1)[1].split())
    save(f"avae_ablation{suffix}", lines, command=f"python benchmarks/avae_ablation.py{option}", notes=notes)


if __name__ == "__main__":
    main()
