"""How many lags connections should be looked for at, and whether frames of a fast recording should be averaged.

Simulated movies of 100 s at 10 and 30 frames a second, whose cells act on others one frame later, or up to 0.2 s later.
The true outlines are given. AUPR over all ordered pairs of different cells (chance 0.01) by the strength of `influence`
with 1 to 3 lags, and with one lag of which frames 3 or 5 are averaged. "Single lags": the largest partial correlation
at any of three lags, instead of all lags together. A run that was interrupted goes on where it was; rows are in
results/lags.jsonl. ``--first-seed 100`` takes movies that methods may be chosen on.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from connections import Matrix, aupr, connected
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all, movie_options

from napari_calcdyn import Movie
from napari_calcdyn.analysis.influence.debiased_var import DebiasedVAR, fit_debiased
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.simulate import simulate_movie

KINDS = [(10.0, 1), (30.0, 1), (30.0, 6)]
"""Frame rate, and largest true lag in frames."""


def measure(task: Row) -> Row:
    """Return the AUPR with some numbers of lags, and of frames that are averaged."""
    rate, lags, seed = float(str(task["rate"])), int(str(task["lags"])), int(str(task["seed"]))
    truth = simulate_movie(
        frames=round(100 * rate),
        noise=str(task["noise"]),
        frame_rate=rate,
        order=lags,
        seed=seed,
    )
    activity = roi_activity(Movie.from_array(truth.movie, frame_rate=rate), truth.rois).astype(np.float64)
    edges = connected(truth)
    row: Row = {}
    for order in (1, 2, 3):
        fit = fit_debiased(activity, order)
        row[f"{order} {'lag' if order == 1 else 'lags'}"] = aupr(fit.strength, edges)
    row["single lags, largest of 3"] = aupr(largest_of_single(fit), edges)
    for frames in (3, 5):
        whole = len(activity) // frames * frames
        mean = activity[:whole].reshape(-1, frames, activity.shape[1]).mean(1)
        row[f"1 lag of {frames} frames' mean"] = aupr(fit_debiased(mean, 1).strength, edges)
    return row


def largest_of_single(fit: DebiasedVAR) -> Matrix:
    """Return the largest of the t-values of a source's lags, which their partial correlations follow."""
    errors = np.sqrt(np.outer(np.square(fit.design).mean(0), fit.noise))
    return np.abs(fit.by_lag(fit.coefficients / errors)).max(0)


def main() -> None:
    options, seeds, flags = movie_options(__doc__)
    quick: bool = options.quick
    kinds, noises = (KINDS[:1], ["middle"]) if quick else (KINDS, ["middle", "high"])
    file = RESULTS / f"lags{'_quick' * quick}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [
        {"rate": rate, "lags": lags, "noise": noise, "seed": seed}
        for seed, (rate, lags), noise in product(seeds, kinds, noises)
    ]
    code = fingerprint("models", "analysis/influence", "simulate")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
    lines: list[Row] = []
    for (rate, lags), noise in product(kinds, noises):
        wanted = {"rate": rate, "lags": lags, "noise": noise}.items()
        chosen = [row for row in rows if wanted <= row.items()]
        line: Row = {
            "frames a second": f"{rate:g}",
            "true lags": "1 frame" if lags == 1 else f"1 to {lags} frames",
        }
        line["noise"] = noise
        methods = [key for key in chosen[0] if " lag" in key]
        lines.append(line | {key: mean_sd(row[key] for row in chosen) for key in methods})
    save(
        f"lags{'_quick' * quick}",
        lines,
        command=f"python benchmarks/lags.py{flags}",
        notes=f"AUPR, mean ± sd over {len(seeds)} movies of 100 s; the true outlines are given.",
    )


if __name__ == "__main__":
    main()
