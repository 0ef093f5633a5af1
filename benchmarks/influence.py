"""Which ROI drives which, on simulated movies whose connections are known, against other ways to find out.

Area under the precision-recall curve (AUPR) over all ordered pairs of different cells: 20 dynamic ones, which follow a
sparse VAR, 15 bright silent ones and 15 that flicker without memory. All methods get the true outlines. Mean ± standard
deviation over 10 seeds (5 of the long movies), none of which was looked at while the method was made. Chance is the
share of pairs that are connected, 0.01. The LassoLars VAR chooses its penalty by BIC; "neuropil subtracted" takes 0.7
of a ring off each trace. Two-stage training is an autoencoder that was trained without the dynamics.

Found and false: connections at a family-wise p ≤ 0.05 that are there, as a share of all that are, and that are not,
per movie; "false, unrelated" are those between cells that no chain of connections links in either direction.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from typing import Any

import numpy as np
from napari_calcdyn.analysis.influence.roi_activity import roi_activity
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all
from sklearn.linear_model import LassoLarsIC
from sklearn.metrics import average_precision_score

from napari_calcdyn import Movie, RoiSet, extract_traces
from napari_calcdyn.analysis.blocks import automatic_block_length
from napari_calcdyn.analysis.influence import influence_test
from napari_calcdyn.analysis.influence.debiased_var import fit_debiased
from napari_calcdyn.analysis.influence.edge_test import family_wise
from napari_calcdyn.models.roi_var import encoded_footprints
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.simulate import simulate_movie
from napari_calcdyn.simulate.activity import simulate_activity
from napari_calcdyn.simulate.movie import SimulatedMovie

NOISES = ("low", "middle", "high")
SEEDS = {1000: 10, 3000: 5}  # movies of each length
PENALTIES = (0.0, 1.0, 4.0)
SILENCE_RUNS = 200
Matrix = NDArray[Any]


def connected(movie: SimulatedMovie) -> NDArray[np.bool_]:
    """Which cell drives which, (N, N) as [target, source], without the own past."""
    found = np.zeros((len(movie.kind),) * 2, bool)
    known = movie.coefficients.any(0)
    found[: len(known), : len(known)] = known
    np.fill_diagonal(found, False)
    return found


def related(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pairs that a chain of connections links, in either direction."""
    reached = edges | np.eye(len(edges), dtype=bool)
    for _ in range(len(edges).bit_length()):
        reached = reached @ reached
    return reached | reached.T


def aupr(scores: Matrix, truth: NDArray[np.bool_]) -> float:
    """Area under the precision-recall curve, over pairs of different cells."""
    pairs = ~np.eye(len(truth), dtype=bool)
    return float(average_precision_score(truth[pairs], np.abs(scores)[pairs]))


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
    """Simulate, train, and measure what a task asks for."""
    if task["what"] == "silence":
        return silence(int(str(task["seed"])))
    noise, frames, seed = str(task["noise"]), int(str(task["frames"])), int(str(task["seed"]))
    simulated = simulate_movie(frames=frames, noise=noise, seed=seed)
    movie = Movie.from_array(simulated.movie, frame_rate=simulated.frame_rate)
    truth, rois = connected(simulated), simulated.rois
    if task["what"] == "traces":
        return of_traces(movie, rois, truth)
    config = VARAutoencoderConfig.model_validate(
        {"mode": task["training"], "distance_penalty": task["distance_penalty"]}
    )
    model = VARAutoencoder(config).fit(movie, device="cpu", seed=seed)
    latents = model.encode(movie)
    found = influence_test(movie, rois)
    assert found.p_values is not None
    real = np.nan_to_num(found.p_values, nan=1.0) <= 0.05
    activity, surroundings = roi_activity(model, latents, rois)
    alone = fit_debiased(activity, 1)
    sparse = alone.by_lag(fit_debiased(np.hstack([activity, surroundings]), 1).sparse)[0]
    n = len(rois)
    return {
        "influence": aupr(found.strength, truth),
        "effects": aupr(found.effects[0], truth),
        "sparse": aupr(sparse[:n, :n], truth),
        "without surroundings": aupr(alone.by_lag(alone.t_values)[0], truth),
        "latents": aupr(seen_from_rois(model, latents, rois), truth),
        "found": float((real & truth).sum() / truth.sum()),
        "false": int((real & ~truth).sum()),
        "unrelated": int((real & ~truth & ~related(truth)).sum()),
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
    "influence": ("**influence** (end-to-end)", "end-to-end"),
    "two-stage influence": ("two-stage training, then the same estimate", "two-stage"),
    "cross-correlation": ("lagged cross-correlation", ""),
    "cross-correlation, neuropil subtracted": ("lagged cross-correlation, neuropil subtracted", ""),
    "LassoLars": ("LassoLars VAR", ""),
    "LassoLars, neuropil subtracted": ("LassoLars VAR, neuropil subtracted", ""),
    "least squares": ("least squares, t-values", ""),
    "least squares, neuropil subtracted": ("least squares, t-values, neuropil subtracted", ""),
    "without surroundings": ("influence without the surroundings as predictors", "end-to-end"),
    "effects": ("influence ranked by effect in standard deviations", "end-to-end"),
    "sparse": ("influence by the lasso's coefficients, not debiased", "end-to-end"),
    "latents": ("the latents' own VAR, seen from the ROIs", "end-to-end"),
    "two-stage latents": ("two-stage training, the latents' own VAR, seen from the ROIs", "two-stage"),
}


def where(rows: list[Row], **values: object) -> list[Row]:
    """Rows that say so."""
    return [row for row in rows if values.items() <= row.items()]


def comparison(rows: list[Row], frames: int, noises: tuple[str, ...]) -> list[Row]:
    """One line for each method, one column for each level of noise."""
    lines: list[Row] = []
    for key, (name, training) in NAMES.items():
        about: Row = {"what": "model", "training": training, "distance_penalty": 1.0}
        chosen = where(rows, frames=frames, **(about if training else {"what": "traces"}))
        field = key.removeprefix("two-stage ")
        aupr_at = {
            f"{it} noise": mean_sd((row[field] for row in where(chosen, noise=it)), 3) for it in noises
        }
        lines.append({f"AUPR, {frames:,} frames": name} | aupr_at)
    return lines


def tested(rows: list[Row], lengths: tuple[int, ...], noises: tuple[str, ...]) -> list[Row]:
    """What the test finds, and what it finds that is not there."""
    lines: list[Row] = []
    for frames in lengths:
        for noise in noises:
            chosen = where(
                rows, what="model", training="end-to-end", distance_penalty=1.0, frames=frames, noise=noise
            )
            lines.append(
                {"frames": frames, "noise": noise}
                | {"found": mean_sd((row["found"] for row in chosen), 2)}
                | {name: mean_sd((row[name] for row in chosen), 1) for name in ("false", "unrelated")}
                | {"movies with a false one": f"{sum(row['false'] != 0 for row in chosen)} of {len(chosen)}"}
            )
    return lines


def by_distance(rows: list[Row]) -> list[Row]:
    """Tell what the distance penalty of the latents' VAR changes."""
    chosen = where(rows, what="model", training="end-to-end", frames=1000, noise="middle")
    fields = {
        "prediction": "held-out prediction error",
        "nonzeros": "connections of latents",
        "latents": "AUPR, the latents' own VAR",
        "influence": "AUPR, influence",
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
        trained: Row = {"what": "model", "training": "end-to-end", "distance_penalty": 1.0, **about}
        tasks += [{"what": "traces", **about}, trained, trained | {"training": "two-stage"}]
        if frames == 1000 and noise == "middle":
            tasks += [trained | {"distance_penalty": it} for it in PENALTIES if it != 1.0]
    tasks += [{"what": "silence", "seed": seed} for seed in range(runs)]
    code = fingerprint("models", "simulate")
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
        notes="Middle noise, 1,000 frames. The simulated connections do not care about distance.",
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
