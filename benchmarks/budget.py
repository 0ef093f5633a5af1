"""γ from a budget, against a γ that is the same for all recordings.

Recordings as in comparison.py. Every line is compared with two-stage training (γ = 0) of the same recording and seed.
A run that was interrupted goes on where it was; rows are in results/budget.jsonl.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from statistics import fmean

from comparison import SIMULATED, open_recording, recordings, select
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, measure_all

BUDGET = 0.04
USUAL = 1.5
KINDS: dict[str, Row] = {
    "two-stage": {"mode": "two-stage"},
    "γ = 1.5": {"prediction_weight": USUAL},
    "γ = 3": {"prediction_weight": 3.0},
    "γ = 1.5, three times the steps": {"prediction_weight": USUAL, "steps": 150},
    "budget of 4 %": {"gamma_budget": BUDGET},
}
ERRORS = {
    "reconstruction_error": "reconstruction error %",
    "latent_prediction_error": "latent prediction error %",
    "picture_prediction_error": "picture prediction error %",
    "frame_prediction_error": "frame prediction error %",
}


def measure(task: Row) -> Row:
    """Train in one way on one recording; return the errors and the γ."""
    from napari_calcdyn.models.training import drive
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig

    changes = dict(KINDS[str(task["kind"])])
    if task["steps"] is not None:
        changes["steps"] = task["steps"]
    config = VARAutoencoderConfig(**changes)
    movie = open_recording(str(task["recording"]))
    fit = VARAutoencoder(config).fit_steps(movie, device="cpu", seed=int(str(task["seed"])))
    model, _ = drive(fit, lambda _: None)
    found: Row = {name: model.metrics[name] for name in (*ERRORS, "seconds")}
    return found | {"gamma": model.metrics.get("gamma", config.prediction_weight)}


def line(rows: Sequence[Row], recording: str, kind: str) -> Row:
    """Compare one way of training with two-stage training, paired by seed: mean (least to most)."""
    chosen, base = (select(rows, recording=recording, kind=it) for it in (kind, "two-stage"))
    found: Row = {"recording": recording, "training": kind}
    found["γ"] = fmean(float(str(row["gamma"])) for row in chosen)
    for name, title in ERRORS.items():
        changes = [
            100 * (float(str(one[name])) / float(str(other[name])) - 1)
            for one, other in zip(chosen, base, strict=True)
        ]
        found[title] = f"{fmean(changes):+.1f} ({min(changes):+.1f} to {max(changes):+.1f})"
    return found | {"seconds": fmean(float(str(row["seconds"])) for row in chosen)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small simulated movie, one seed, few steps")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    suffix = "_quick" if options.quick else ""
    names = [SIMULATED] if options.quick else list(recordings())
    seeds = range(1 if options.quick else options.seeds)
    file = RESULTS / f"budget{suffix}.jsonl"
    if options.quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [
        {"recording": name, "seed": seed, "kind": kind, "steps": 15 if options.quick else None}
        for seed, name, kind in product(seeds, names, KINDS)
    ]
    rows = measure_all(file, tasks, measure, code=fingerprint("models"), jobs=options.jobs)
    kinds = [kind for kind in KINDS if kind != "two-stage"]
    save(
        f"budget{suffix}",
        [line(rows, name, kind) for name, kind in product(names, kinds)],
        command=f"python benchmarks/budget.py{' --quick' if options.quick else f' --seeds {len(seeds)}'}",
        notes=(
            f"On held-out frames; {len(seeds)} seeds, preset standard; relative change from two-stage training,"
            " paired by seed, mean (least to most). The budget is kept on validation frames."
        ),
    )


if __name__ == "__main__":
    main()
