"""Which ROI drives which, on simulated movies whose connections are known, against other ways to find out.

Area under the precision-recall curve (AUPR) over all ordered pairs of different cells: 20 dynamic ones, which follow a
sparse VAR, 15 bright silent ones and 15 that flicker without memory. All methods get the true outlines, but for "cells
found", which gets nothing: cells that it misses lose their connections, and what is none counts as a cell without
any. Mean ± standard deviation over 10 seeds (5 of the long movies), none of which was looked at while the method was
made. Chance is the share of pairs that are connected, 0.01. The LassoLars VAR chooses its penalty by BIC; "neuropil
subtracted" takes 0.7 of a ring off each trace.

Found and false: connections at a family-wise p ≤ 0.05 that are there, as a share of all that are, and that are not,
per movie; "false, unrelated" are those between cells that no chain of connections links in either direction.
"""

from __future__ import annotations

import argparse
import itertools
import warnings

import numpy as np
from connections import Matrix, agreement, aupr, cells_of, connected
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all
from sklearn.linear_model import LassoLarsIC

from napari_calcdyn import Movie, RoiSet, extract_traces
from napari_calcdyn.analysis.blocks import automatic_block_length
from napari_calcdyn.analysis.influence.debiased_var import fit_debiased
from napari_calcdyn.analysis.influence.edge_test import family_wise
from napari_calcdyn.analysis.influence.influence import influence_of
from napari_calcdyn.models.roi_var import encoded_footprints, fit_activity_var
from napari_calcdyn.models.sources import find_sources, roi_activity
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.simulate import simulate_movie
from napari_calcdyn.simulate.activity import simulate_activity

NOISES = ("low", "middle", "high")
SEEDS = {1000: 10, 3000: 5}  # movies of each length
PENALTIES = (0.0, 1.0, 4.0)
TRAINED = 5  # movies of 1,000 frames at middle noise that a model is trained on
SILENCE_RUNS = 200


def cross_correlation(traces: Matrix) -> Matrix:
    """Correlation of each trace with the frame before of each other one, [target, source]."""
    z = standardised(traces)
    return z[:, 1:] @ z[:, :-1].T / (z.shape[1] - 1)


def lasso_lars(traces: Matrix) -> Matrix:
    """Coefficients of scikit-learn's lasso, one target after the other, with the penalty by BIC."""
    z = standardised(traces)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a few targets the path is cut short
        return np.stack([LassoLarsIC("bic").fit(z[:, :-1].T, target[1:]).coef_ for target in z])


def least_squares(traces: Matrix) -> Matrix:
    """t-values of the least-squares VAR."""
    z = standardised(traces)
    past, present = z[:, :-1], z[:, 1:]
    inverse = np.linalg.inv(past @ past.T)
    coefficients = present @ past.T @ inverse
    noise = np.square(present - coefficients @ past).mean(1)
    return coefficients / np.sqrt(noise[:, None] * np.diag(inverse))


def standardised(traces: Matrix) -> Matrix:
    """Traces of mean 0 and standard deviation 1."""
    centred = traces - traces.mean(1, keepdims=True, dtype=np.float64)
    return centred / centred.std(1, keepdims=True)


def seen_from_rois(model: VARAutoencoder, latents: Matrix, rois: RoiSet) -> Matrix:
    """Take the latents' own VAR to ROIs and back: what an ROI does to the latents, they to the next ROI."""
    readout = encoded_footprints(model, rois.footprints).astype(np.float64)
    covariance = np.cov(latents.T)
    shared = readout @ covariance @ readout.T
    spread = np.sqrt(np.diag(shared))
    belonging = covariance @ readout.T @ np.linalg.pinv(shared, hermitian=True)
    effect = np.abs(readout @ model.var.coefficients @ belonging).max(0)
    return effect * spread[None, :] / spread[:, None]


def measured(task: Row) -> Row:
    """Simulate, and measure what a task asks for."""
    if task["what"] == "silence":
        return silence(int(str(task["seed"])))
    noise, frames, seed = str(task["noise"]), int(str(task["frames"])), int(str(task["seed"]))
    simulated = simulate_movie(frames=frames, noise=noise, seed=seed)
    movie = Movie.from_array(simulated.movie, frame_rate=simulated.frame_rate)
    truth, rois = connected(simulated), simulated.rois
    if task["what"] == "traces":
        return of_traces(movie, rois, truth)
    if task["what"] == "latents":
        return of_latents(task, movie, rois, truth)
    sources = find_sources(movie)
    activity = roi_activity(movie, rois)
    var = fit_activity_var(activity, 1)
    given = influence_of(var, activity, rois, 1)
    fitted = fit_activity_var(sources.roi_activity, 1)
    found = influence_of(fitted, sources.roi_activity, sources.rois, 1)
    return {
        "given": agreement(given, np.arange(len(rois)), truth),
        "found": agreement(found, cells_of(sources.rois, simulated), truth),
        "effects": aupr(given.effects[0], truth),
        "sparse": aupr(var.standardised[0], truth),
    }


def of_latents(task: Row, movie: Movie, rois: RoiSet, truth: NDArray[np.bool_]) -> Row:
    """Train, and measure what the latents' own VAR says of the cells."""
    config = VARAutoencoderConfig.model_validate({"distance_penalty": task["distance_penalty"]})
    model = VARAutoencoder(config).fit(movie, device="cpu", seed=int(str(task["seed"])))
    return {
        "latents": aupr(seen_from_rois(model, model.encode(movie), rois), truth),
        "prediction": model.metrics["latent_prediction_error"],
        "nonzeros": model.metrics["nonzeros"],
    }


def of_traces(movie: Movie, rois: RoiSet, truth: NDArray[np.bool_]) -> Row:
    """Measure the methods that need no model."""
    raw = extract_traces(movie, rois).values
    clean = extract_traces(movie, rois, neuropil=0.7).values
    methods = {
        "cross-correlation": cross_correlation,
        "LassoLars": lasso_lars,
        "least squares": least_squares,
    }
    return {
        f"{name}{suffix}": aupr(method(traces), truth)
        for name, method in methods.items()
        for suffix, traces in (("", raw), (", neuropil subtracted", clean))
    }


def silence(seed: int) -> Row:
    """Test 20 cells that live each on its own, by their activity."""
    draw = np.random.default_rng(seed)
    alone = np.diag(draw.uniform(0.70, 0.93, 20))[None]
    columns = simulate_activity(alone, 1000, 10.0, draw).values.T
    fit = fit_debiased(columns, 1)
    length = automatic_block_length(columns, 1)
    smallest = float(np.nanmin(family_wise(fit, 20, block_length=length, seed=seed)))
    return {"smallest": smallest}


NAMES = {
    "given": "**influence**",
    "found": "**influence, cells found**",
    "cross-correlation": "lagged cross-correlation",
    "cross-correlation, neuropil subtracted": "lagged cross-correlation, neuropil subtracted",
    "LassoLars": "LassoLars VAR",
    "LassoLars, neuropil subtracted": "LassoLars VAR, neuropil subtracted",
    "least squares": "least squares, t-values",
    "least squares, neuropil subtracted": "least squares, t-values, neuropil subtracted",
    "effects": "influence ranked by effect in standard deviations",
    "sparse": "influence by the lasso's coefficients, not debiased",
    "latents": "the latents' own VAR, seen from the ROIs (5 movies)",
}


def where(rows: list[Row], **values: object) -> list[Row]:
    """Rows that say so."""
    return [row for row in rows if values.items() <= row.items()]


def comparison(rows: list[Row], frames: int, noises: tuple[str, ...]) -> list[Row]:
    """One line for each method, one column for each level of noise."""
    lines: list[Row] = []
    for key, name in NAMES.items():
        line: Row = {f"AUPR, {frames:,} frames": name}
        for noise in noises:
            chosen = [row for row in where(rows, frames=frames, noise=noise) if key in row]
            if key == "latents":
                chosen = where(chosen, distance_penalty=1.0)
            values = [row[key]["AUPR"] if key in ("given", "found") else row[key] for row in chosen]  # type: ignore[index]
            if values:
                line[f"{noise} noise"] = mean_sd(values, 3)
        lines += [line] if len(line) > 1 else []
    return lines


def tested(rows: list[Row], lengths: tuple[int, ...], noises: tuple[str, ...]) -> list[Row]:
    """What the test finds, and what it finds that is not there."""
    lines: list[Row] = []
    for frames, noise, cells in itertools.product(lengths, noises, ("given", "found")):
        some: list[Row] = [row[cells] for row in where(rows, what="cells", frames=frames, noise=noise)]  # type: ignore[misc]
        lines.append(
            {"frames": frames, "noise": noise, "cells": cells}
            | {"found": mean_sd((row["found"] for row in some), 2)}
            | {name: mean_sd((row[name] for row in some), 1) for name in ("false", "unrelated")}
            | {"movies with a false one": f"{sum(row['false'] != 0 for row in some)} of {len(some)}"}
        )
    return lines


def by_distance(rows: list[Row]) -> list[Row]:
    """Tell what the distance penalty of the latents' VAR changes."""
    chosen = where(rows, what="latents", noise="middle")
    fields = {
        "prediction": "held-out prediction error",
        "nonzeros": "connections of latents",
        "latents": "AUPR, the latents' own VAR",
    }
    return [
        {"distance penalty": penalty}
        | {
            name: mean_sd(row[field] for row in where(chosen, distance_penalty=penalty))
            for field, name in fields.items()
        }
        for penalty in PENALTIES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, 1,000 frames, middle noise")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix = "_quick" if quick else ""
    lengths, noises, runs = ({1000: 2}, ("middle",), 10) if quick else (SEEDS, NOISES, SILENCE_RUNS)
    file = RESULTS / f"influence{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = []
    cases = ((frames, seed) for frames, seeds in lengths.items() for seed in range(seeds))
    for (frames, seed), noise in itertools.product(cases, noises):
        about: Row = {"noise": noise, "frames": frames, "seed": seed}
        tasks += [{"what": "traces", **about}, {"what": "cells", **about}]
        penalties = PENALTIES if (frames, noise) == (1000, "middle") and seed < TRAINED else ()
        tasks += [{"what": "latents", "distance_penalty": it, **about} for it in penalties]
    tasks += [{"what": "silence", "seed": seed} for seed in range(runs)]
    code = fingerprint("models", "analysis/influence", "simulate")
    rows = measure_all(file, tasks, measured, code=code, jobs=options.jobs)
    write(rows, tuple(lengths), noises, suffix)


def write(rows: list[Row], lengths: tuple[int, ...], noises: tuple[str, ...], suffix: str) -> None:
    """Write the tables."""
    command = f"python benchmarks/influence.py{' --quick' if suffix else ''}"
    notes = __doc__.split("\n\n")
    for frames in lengths:
        name = f"influence_{frames}{suffix}"
        save(name, comparison(rows, frames, noises), command=command, notes=" ".join(notes[1].split()))
    lines = tested(rows, lengths, noises)
    save(f"influence_test{suffix}", lines, command=command, notes=" ".join(notes[2].split()))
    save(
        f"influence_distance{suffix}",
        by_distance(rows),
        command=command,
        notes=f"Middle noise, 1,000 frames, {TRAINED} movies. The simulated connections do not care about distance.",
    )
    alone = where(rows, what="silence")
    false = sum(float(str(row["smallest"])) <= 0.05 for row in alone)
    save(
        f"influence_silence{suffix}",
        [{"simulations": len(alone), "with an edge at p ≤ 0.05": false, "share": false / len(alone)}],
        command=command,
        notes="20 cells without connections, 1,000 frames of activity each.",
    )


if __name__ == "__main__":
    main()
