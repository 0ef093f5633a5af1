"""Maps and tables of what comes from elsewhere, as a run without ROIs makes them: cells are found, nothing is given.

Driven cells get at least 2 % of their variance from others, autonomous ones nothing at all: of both, as the true
coefficients and traces have it, `mean_t d[t] (x[t] − m) / var x` with d what the past of other cells adds; a movie
without autonomous cells counts only where dynamic cells are told from others. Areas under the ROC curve (AUROC), pixel
by pixel. "Painted" maps have one number for each found cell, on the pixels above half of
its footprint: from the traces of these cells (mean in the footprint), the sum over other cells of the absolute
correlation with their last frame, and what the other cells explain in scikit-learn's LassoLars with the penalty by BIC.

Areas under the precision-recall curve (AUPR) of the connections between all pairs of cells; a found cell is a true one
if they share 0.3 of their united area above half of their maxima. Connections of cells that were not found count as
missed, found cells that are none as cells without connections. Passing: family-wise p ≤ 0.05. "Given": the true
outlines of all cells are given.

Held-out errors of predicted latents, relative to their variance: by the VAR between found cells (and five frames of own
past), by each cell's own past in it, by the model's own sparse VAR, by least squares of each latent on 1, 2 and 3 of
its own last frames, and as it was a frame ago. What others add is the part of the own past's error that goes away.

Without connections: movies of the same cells, each of which lives on its own. In brackets the 95 % interval of a share.

Real and semi-real recordings need the folder that CALCDYN_TEST_DATA names. ``--first-seed 100`` takes movies that
methods may be chosen on. A run that was interrupted goes on where it was; rows are in results/driven.jsonl.
"""

from __future__ import annotations

import argparse
import os
from itertools import product
from typing import Any

import numpy as np
from connections import Matrix, above_half, agreement, cells_of, connected
from driven_tables import of_errors, of_maps, of_null, of_tables
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, measure_all

from napari_calcdyn import Movie, RoiSet, contribution_maps, extract_traces
from napari_calcdyn.analysis.influence import Influence, influence_test
from napari_calcdyn.analysis.influence.influence import influence_of
from napari_calcdyn.jobs.between_rois import look_between_rois
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.models.sources import find_sources
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.simulate import movie_of_traces, simulate_movie
from napari_calcdyn.simulate.activity import simulate_activity
from napari_calcdyn.simulate.footprints import place_cells
from napari_calcdyn.simulate.movie import SimulatedMovie

NOISES = ("low", "middle", "high")
REAL_SEEDS = 5
LEAST_DELIVERED = 0.02
FRAME_RATE = 10.0  # Hz


def measured(task: Row) -> Row:
    """Measure what a task asks for."""
    if task["what"] == "alone":
        return alone(task)
    truth = simulated(task) if task["what"] == "simulated" else None
    movie = recording(task) if truth is None else Movie.from_array(truth.movie, frame_rate=truth.frame_rate)
    seed = int(str(task["seed"]))
    model = VARAutoencoder(VARAutoencoderConfig.preset("quick")).fit(movie, device="cpu", seed=seed)
    latents = model.encode(movie)
    run = look_between_rois(movie, model, latents, None, seed, lambda progress: None)
    result: Row = dict(run.metrics) | {"sparse": model.metrics["latent_prediction_error"]}
    known = len(latents) - round(len(latents) * model.config.held_out)
    result |= {f"AR({order})": own_past_error(latents, order, known) for order in (1, 2, 3)}
    if truth is None or run.influence is None or run.fitted is None:
        return result
    rois, edges = run.fitted.rois, connected(truth)
    assert run.maps.driven is not None
    images = {"driven": run.maps.driven, "explained": run.maps.explained}
    images["passing"] = np.where(reached(run.influence, rois), run.maps.driven, 0)
    images["latents"] = contribution_maps(model, movie, sources=False).explained
    images |= painted(movie, rois)
    given = influence_test(movie, truth.rois, seed=seed)
    return (
        result
        | aurocs(truth, images)
        | agreement(run.influence, cells_of(rois, truth), edges)
        | {f"{name}, given": it for name, it in agreement(given, np.arange(len(edges)), edges).items()}
    )


def simulated(task: Row) -> SimulatedMovie:
    size = int(str(task["size"]))
    frames, seed = int(str(task["frames"])), int(str(task["seed"]))
    return simulate_movie(frames=frames, height=size, width=size, noise=str(task["noise"]), seed=seed)


def recording(task: Row) -> Movie:
    """Return a real recording, or a semi-real one."""
    from comparison import open_recording
    from semireal import semireal_movie

    if task["what"] == "real":
        return open_recording(str(task["movie"]))
    truth = semireal_movie(task["diameter"], task["neuropil"], task["photons"], task["seed"])  # type: ignore[arg-type]
    return Movie.from_array(truth.movie, frame_rate=truth.frame_rate)


def delivered(truth: SimulatedMovie) -> NDArray[np.float64]:
    """Part of the variance of each dynamic cell that comes from others."""
    order, cells, _ = truth.coefficients.shape
    x = truth.traces[:cells].astype(np.float64)
    x -= x.mean(1, keepdims=True)
    others = truth.coefficients * ~np.eye(cells, dtype=bool)
    added = sum(table @ x[:, order - lag : x.shape[1] - lag] for lag, table in enumerate(others, 1))
    share: NDArray[np.float64] = (added * x[:, order:]).mean(1) / x[:, order:].var(1)
    return share


def aurocs(truth: SimulatedMovie, images: dict[str, Any]) -> Row:
    """AUROC of each map: driven against autonomous cells, dynamic cells against all other pixels, and other cells'."""
    from sklearn.metrics import roc_auc_score

    share, undriven = delivered(truth), ~connected(truth)[: truth.coefficients.shape[1]].any(1)
    driven, autonomous = (
        np.isin(truth.labels, 1 + np.flatnonzero(it)) for it in (share >= LEAST_DELIVERED, undriven)
    )
    some, dynamic, cells = driven | autonomous, truth.dynamic_mask, truth.cell_mask
    result: Row = {"driven cells": int((share >= LEAST_DELIVERED).sum()), "autonomous": int(undriven.sum())}
    for name, image in images.items():
        if driven.any() and autonomous.any():
            result[f"{name}, driven"] = float(roc_auc_score(driven[some], image[some]))
        result[f"{name}, all"] = float(roc_auc_score(dynamic.ravel(), image.ravel()))
        result[f"{name}, cells"] = float(roc_auc_score(dynamic[cells], image[cells]))
    return result


def painted(movie: Movie, rois: RoiSet) -> dict[str, Matrix]:
    """Return maps of what traces tell."""
    from influence import cross_correlation, lasso_lars, standardised

    traces = extract_traces(movie, rois).values
    z, others = standardised(traces), ~np.eye(len(traces), dtype=bool)
    added = (lasso_lars(traces) * others) @ z[:, :-1]
    scores = {
        "LassoLars": (added * z[:, 1:]).mean(1),
        "cross-correlation": (np.abs(cross_correlation(traces)) * others).sum(1),
    }
    masks = above_half(rois.footprints)
    return {name: (score @ masks).reshape(movie.frame_shape) for name, score in scores.items()}


def reached(found: Influence, rois: RoiSet) -> NDArray[np.bool_]:
    """Pixels of the ROIs that a connection leads to whose family-wise p is at most 0.05, (Y, X)."""
    assert found.p_values is not None
    driven = (np.nan_to_num(found.p_values, nan=1.0) <= 0.05).any(1)
    pixels: NDArray[np.bool_] = (driven @ (rois.footprints > 0).astype(np.float64)).reshape(
        rois.frame_shape
    ) > 0
    return pixels


def own_past_error(latents: Matrix, order: int, known: int) -> float:
    """Return the held-out error of each latent's own past, by least squares."""
    z = latents - latents[:known].mean(0, dtype=np.float64)
    past = np.stack([z[3 - lag : len(z) - lag] for lag in range(1, order + 1)], -1)  # (T − 3, d, order)
    now, first = z[3:], known - 3
    gram = np.einsum("tdp,tdq->dpq", past[:first], past[:first])
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(order) + 1e-30 * np.eye(order)
    weights = np.linalg.solve(gram, np.einsum("tdp,td->dp", past[:first], now[:first])[..., None])[..., 0]
    late = now[first:]
    missed = late - np.einsum("tdp,dp->td", past[first:], weights)
    return float(np.square(missed).sum() / np.square(late - late.mean(0)).sum())


def alone(task: Row) -> Row:
    """Simulate cells that live each on its own, find them, and test what drives them."""
    truth = independent_cells(task)
    sources = find_sources(Movie.from_array(truth.movie, frame_rate=truth.frame_rate))
    if (sources.kind == "cell").sum() < 2:
        return {"rois": 0, "smallest": 1.0, "drawn": 0}
    var = fit_activity_var(sources.roi_activity, 1)
    tested = influence_of(var, sources.roi_activity, sources.rois, 1, seed=int(str(task["seed"])))
    drawn = int(np.count_nonzero(var.standardised[0]) - np.count_nonzero(np.diag(var.standardised[0])))
    smallest = float(np.nanmin(tested.p_values))  # type: ignore[arg-type]
    return {"rois": len(sources.rois), "smallest": smallest, "drawn": drawn}


def independent_cells(task: Row) -> SimulatedMovie:
    """Simulate what `simulate_movie` does, but for the connections."""
    size, frames, seed = (int(str(task[it])) for it in ("size", "frames", "seed"))
    dynamic, silent, flicker = (max(2, round(it * size**2 / 128**2)) for it in (20, 15, 15))
    rng = np.random.default_rng([seed, 2])
    own = np.diag(rng.uniform(0.70, 0.93, dynamic))[None]
    activity = simulate_activity(own, frames, FRAME_RATE, rng).values
    resting = rng.lognormal(0.0, 0.25, dynamic)
    active = resting[:, None] * (
        1 + np.exp(rng.uniform(np.log(0.1), np.log(0.8), dynamic))[:, None] * activity
    )
    constant = np.repeat(rng.uniform(1.2, 1.8, silent)[:, None], frames, 1)
    shuffled = np.stack([rng.permutation(active[it % dynamic]) for it in range(flicker)])
    traces = np.maximum(np.concatenate([active, constant, shuffled]), 0)
    return movie_of_traces(
        traces,
        place_cells(len(traces), size, size, rng)[0],
        rest=1.0,
        height=size,
        width=size,
        frame_rate=FRAME_RATE,
        noise=str(task["noise"]),
        seed=seed,
    )


def tasks_of(quick: bool, seeds: range, runs: int) -> list[Row]:
    """List what is measured."""
    frames, size, noises = (300, 64, ("middle",)) if quick else (1000, 128, NOISES)
    shared: Row = {"frames": frames, "size": size}
    tasks: list[Row] = [
        shared | {"what": "simulated", "noise": noise, "seed": seed} for seed, noise in product(seeds, noises)
    ]
    tasks += [shared | {"what": "alone", "noise": "middle", "seed": seeds.start + it} for it in range(runs)]
    if quick or not os.environ.get("CALCDYN_TEST_DATA"):
        return tasks
    from comparison import recordings

    few = range(seeds.start, seeds.start + REAL_SEEDS)
    tasks += [{"what": "real", "movie": name, "seed": seed} for name, seed in product(recordings(), few)]
    kinds = ({"diameter": 8, "neuropil": True, "photons": it} for it in (25, 6))
    return tasks + [{"what": "semi-real", "seed": seed} | kind for kind, seed in product(kinds, few)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two small simulated movies, and no recordings")
    parser.add_argument("--seeds", type=int, default=10, help="simulated movies of each noise")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--null", type=int, default=200, help="movies without connections")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    first = options.first_seed
    suffix = "_quick" if quick else f"_{first}" if first else ""
    seeds, runs = (range(2), 4) if quick else (range(first, first + options.seeds), options.null)
    file = RESULTS / f"driven{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    code = fingerprint("models", "analysis", "simulate", "jobs/between_rois.py", "recording/traces")
    rows = measure_all(file, tasks_of(quick, seeds, runs), measured, code=code, jobs=options.jobs)
    command = f"python benchmarks/driven.py{' --quick' * quick}{f' --first-seed {first}' * bool(first)}"
    notes = [" ".join(it.split()) for it in __doc__.split("\n\n")[1:5]]
    kinds = {
        kind: [row for row in rows if row["what"] == kind]
        for kind in dict.fromkeys(it["what"] for it in rows)
    }
    movies = kinds["simulated"]
    per = f" Movies of each noise: {len(seeds)}, {movies[0]['frames']} frames; mean ± sd."
    seen = [row for row in movies if row["rois"]]
    save(f"driven_maps{suffix}", of_maps(seen), command=command, notes=notes[0] + per)
    save(f"driven_connections{suffix}", of_tables(seen), command=command, notes=notes[1] + per)
    others = [row for row in rows if row["what"] != "alone"]
    save(f"driven_errors{suffix}", of_errors(others), command=command, notes=notes[2])
    save(f"driven_null{suffix}", of_null(kinds["alone"]), command=command, notes=notes[3])


if __name__ == "__main__":
    main()
