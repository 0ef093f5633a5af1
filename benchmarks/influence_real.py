"""Which of four ROIs drives which in three real trials of one field of view, tested several times each.

Recordings and outlines are looked for in the folder that CALCDYN_TEST_DATA names: fissa/AVG_A01..03.tif and
fissa/rois.zip. Seeds are those of the surrogates. For the control, the activity of each ROI is cut into
blocks, which are dealt out anew, those of each ROI in another order: then nobody can drive anybody. To shift whole
activities in time would not do here: the activity comes back every 28.8 frames, ten times in a trial, and two shifted
copies of a rhythm still tell each other's future.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, measure_all

from napari_calcdyn import open_movie, open_rois
from napari_calcdyn.analysis.blocks import automatic_block_length
from napari_calcdyn.analysis.influence import influence_test
from napari_calcdyn.analysis.influence.debiased_var import fit_debiased
from napari_calcdyn.analysis.influence.edge_test import family_wise
from napari_calcdyn.models.sources import roi_activity

TRIALS = ("AVG_A01", "AVG_A02", "AVG_A03")
DEALS = 20
FOLDER = Path(os.environ.get("CALCDYN_TEST_DATA", ""), "fissa")


def measure(task: Row) -> Row:
    """Test, and test what was dealt out anew."""
    movie = open_movie(FOLDER / f"{task['trial']}.tif")
    rois = open_rois(FOLDER / "rois.zip", frame_shape=movie.frame_shape)
    seed = int(str(task["seed"]))
    edges = influence_test(movie, rois, seed=seed).edges()
    activity = roi_activity(movie, rois)
    draw = np.random.default_rng(seed)
    length = automatic_block_length(activity, 1)
    smallest = []
    for _ in range(DEALS):
        dealt = np.column_stack([deal(it, length, draw) for it in activity.T])
        fit = fit_debiased(dealt, 1)
        smallest.append(float(np.nanmin(family_wise(fit, len(rois), block_length=length, seed=seed))))
    return {"edges": [list(edge) for edge in edges.tolist()], "dealt": smallest}


def deal(values: NDArray[np.float64], length: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Put blocks of a series into another order, cut at a random phase."""
    turned = np.roll(values, draw.integers(len(values)))
    blocks = np.array_split(turned, round(len(turned) / length))
    return np.concatenate([blocks[at] for at in draw.permutation(len(blocks))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    if not FOLDER.is_dir():
        print("CALCDYN_TEST_DATA is not set: there is no real recording to look at.")
        return
    suffix = "_quick" if options.quick else ""
    seeds = 1 if options.quick else 3
    tasks: list[Row] = [{"trial": trial, "seed": seed} for trial in TRIALS for seed in range(seeds)]
    file = RESULTS / f"influence_real{suffix}.jsonl"
    rows = measure_all(
        file, tasks, measure, code=fingerprint("models", "analysis/influence"), jobs=options.jobs
    )
    found: dict[tuple[int, int], Row] = {}
    for row in rows:
        for source, target, _, strength, _, p_value in row["edges"]:  # type: ignore[attr-defined]
            line = found.setdefault((source, target), {"ROIs": f"{source} → {target}"})
            line.setdefault(str(row["trial"]), []).append((strength, p_value))  # type: ignore[attr-defined]
    lines: list[Row] = []
    for key in sorted(found):
        line = found[key]
        for trial in TRIALS:
            values = line[trial]
            mean = fmean(strength for strength, _ in values)  # type: ignore[attr-defined]
            p_values = ", ".join(f"{p:.3f}" for _, p in values)  # type: ignore[attr-defined]
            line[trial] = f"{mean:+.2f} (p {p_values})"
        lines.append(line)
    dealt = [value for row in rows for value in row["dealt"]]  # type: ignore[attr-defined]
    share = 100 * fmean(value <= 0.05 for value in dealt)
    save(
        f"influence_real{suffix}",
        lines,
        command=f"python benchmarks/influence_real.py{' --quick' if options.quick else ''}",
        notes=f"Strength, and the family-wise p with each seed of the surrogates. Dealt out anew, {share:.0f} % of"
        f" {len(dealt)} tests find an edge at p ≤ 0.05.",
    )


if __name__ == "__main__":
    main()
