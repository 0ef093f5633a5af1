"""Comparing two conditions between ROIs: does it see on a movie that connections changed, and only then.

Movies of 20 dynamic, 15 bright silent and 15 flickering cells at middle noise, 1,000 frames at 10 Hz for each of two
conditions. In the second, a tenth of the connections are weaker, gone, or have the other sign ("change" 0.25, 0.5, 1).
The same movie is compared between the true outlines, between the cells that are found, by latents of a model of the
quick preset, and by the true activity, as if there were neither noise nor pixels. Found and false connections: of those
that changed, and of all others, at a family-wise p ≤ 0.05. A run that was interrupted goes on where it was; rows are in
results/compare_rois.jsonl.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from connections import cells_of
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all, movie_options
from sequences import RATE, change_links, cut, run

from napari_calcdyn import Movie
from napari_calcdyn.analysis.sequences import compare_sequences
from napari_calcdyn.jobs.compared_columns import order_of_comparison, rules_of
from napari_calcdyn.models.sources import find_sources, roi_activity
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.simulate import movie_of_traces
from napari_calcdyn.simulate.activity import sparse_coefficients
from napari_calcdyn.simulate.footprints import place_cells

CHANGES = (0.0, 0.25, 0.5, 1.0)
DYNAMIC, SILENT, FLICKER, SIZE = 20, 15, 15, 128


def measure(task: Row) -> Row:
    """Simulate a movie, and compare its conditions in four ways."""
    seed, frames = int(str(task["seed"])), int(str(task["frames"]))
    rng = np.random.default_rng([seed, 5])
    first = sparse_coefficients(DYNAMIC, 1, RATE, rng)
    second = change_links(first, float(str(task["change"])), rng) if task["change"] else first
    a, b = cut([frames, frames], 1)
    owner = np.repeat([0, 1], frames)
    values = run(np.stack([first, second]), owner, np.ones((2, DYNAMIC)), rng).astype(np.float64)
    truth = movie_of_traces(
        traces_of(values, rng),
        place_cells(DYNAMIC + SILENT + FLICKER, SIZE, SIZE, rng)[0],
        rest=1.0,
        height=SIZE,
        width=SIZE,
        frame_rate=RATE,
        seed=seed,
    )
    movie = Movie.from_array(truth.movie, frame_rate=RATE)
    model = VARAutoencoder(VARAutoencoderConfig.preset("quick")).fit(movie, device="cpu", seed=seed)
    sources = find_sources(movie)
    changed = np.zeros((len(truth.kind),) * 2, bool)
    changed[:DYNAMIC, :DYNAMIC] = (first != second).any(0)
    row: Row = {"changed": int(changed.sum())}
    order = order_of_comparison(model.config, True)
    for name, columns, rois, cells in (
        ("true activity", values, truth.rois.select(np.arange(DYNAMIC)), np.arange(DYNAMIC)),
        ("true outlines", roi_activity(movie, truth.rois), truth.rois, np.arange(len(truth.kind))),
        ("cells found", sources.roi_activity, sources.rois, cells_of(sources.rois, truth)),
    ):
        found = compare_sequences(
            columns, a, b, order=order, permutations=199, seed=seed, **rules_of(model, rois)
        )
        passing = (np.nan_to_num(found.edge_p, nan=1.0) <= 0.05).any(0)
        true = np.zeros_like(passing)
        known = cells < len(changed)
        true[np.ix_(known, known)] = changed[np.ix_(cells[known], cells[known])]
        row |= {f"{name}: p": found.p_value, f"{name}: found": int((passing & true).sum())}
        row[f"{name}: false"] = int((passing & ~true).sum())
    latents = compare_sequences(
        model.encode(movie),
        a,
        b,
        order=model.config.order,
        permutations=199,
        seed=seed,
        **rules_of(model, None),
    )
    return row | {"latents: p": latents.p_value}


def traces_of(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return fluorescence of dynamic, silent and flickering cells, (N, T), as `simulate_movie` makes it."""
    activity = (values - values.min(0)).T / values.std(0)[:, None]
    change = np.exp(rng.uniform(np.log(0.1), np.log(0.8), DYNAMIC))[:, None]
    active = rng.lognormal(0.0, 0.25, DYNAMIC)[:, None] * (1 + change * activity)
    constant = np.repeat(rng.uniform(1.2, 1.8, SILENT)[:, None], active.shape[1], 1)
    shuffled = np.stack([rng.permutation(active[it % DYNAMIC]) for it in range(FLICKER)])
    return np.concatenate([active, constant, shuffled])


def main() -> None:
    options, seeds, flags = movie_options(__doc__)
    quick: bool = options.quick
    changes, frames = ((1.0,), 300) if quick else (CHANGES, 1000)
    file = RESULTS / f"compare_rois{'_quick' * quick}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [
        {"seed": seed, "change": change, "frames": frames} for seed, change in product(seeds, changes)
    ]
    code = fingerprint("models", "analysis/sequences", "jobs/compared_columns.py", "simulate")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
    lines: list[Row] = []
    for change, name in product(changes, ("true activity", "true outlines", "cells found", "latents")):
        some = [row for row in rows if row["change"] == change]
        p = np.array([row[f"{name}: p"] for row in some], float)
        line: Row = {"change": change, "compared": name, "p ≤ 0.05": f"{(p <= 0.05).sum()} of {len(p)}"}
        if name != "latents":
            changed = sum(int(str(row["changed"])) for row in some)
            found = sum(int(str(row[f"{name}: found"])) for row in some)
            line["found"] = f"{found} of {changed}" if changed else ""
            line["false, a movie"] = mean_sd((row[f"{name}: false"] for row in some), 1)
        lines.append(line)
    save(
        f"compare_rois{'_quick' * quick}",
        lines,
        command=f"python benchmarks/compare_rois.py{flags}",
        notes=f"{len(seeds)} movies a line, {frames:,} frames for each of two conditions; 199 draws.",
    )


if __name__ == "__main__":
    main()
