"""One model for three trials of one field of view, against a model for each trial.

Recordings are looked for in the folder that CALCDYN_TEST_DATA names: fissa/AVG_A01..03.tif. All models see the trials
as `calcdyn run --together` corrects them. Errors are measured on the last fifth of each trial, on which no model was
trained. A run that was interrupted goes on where it was; rows are in results/together.jsonl.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all

TRIALS = ("AVG_A01", "AVG_A02", "AVG_A03")
METHODS = ("a model for each", "one, mean frame of each", "one, mean frame in common")
ERRORS = {
    "reconstruction": "reconstruction_error",
    "prediction, frames": "frame_prediction_error",
    "prediction, latents": "latent_prediction_error",
    "prediction, picture": "picture_prediction_error",
}
FOLDER = os.environ.get("CALCDYN_TEST_DATA", "")


def measure(task: Row) -> Row:
    """Return the errors of one method on each trial."""
    from napari_calcdyn import VARAutoencoder, correct_movies, join, open_movie
    from napari_calcdyn.models.var_autoencoder.held_out import guess_by, held_out_errors
    from napari_calcdyn.models.var_autoencoder.split import held_out_stretches
    from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames

    trials = correct_movies([open_movie(Path(FOLDER, "fissa", f"{it}.tif")) for it in TRIALS])
    settings, seed, method = {"preset": task["preset"]}, task["seed"], task["method"]
    if method == METHODS[0]:
        found = [VARAutoencoder(**settings).fit(it, device="cpu", seed=seed).metrics for it in trials]
        return {f"{name} {k}": errors[key] for k, errors in enumerate(found) for name, key in ERRORS.items()}
    movie = join(trials, levelled=method != METHODS[2])
    model = VARAutoencoder(**settings).fit(movie, device="cpu", seed=seed)
    latents = model.encode(movie)
    frames = TiledFrames(model.normalised(movie), model.network)
    row: Row = {}
    order = model.var.order
    for k, late in enumerate(held_out_stretches(movie, model.config.held_out)):
        last = latents[late.start - order : late.stop]
        errors = held_out_errors(
            model.network, frames, last, late.start, model.scale, order, guess_by(model.var, last)
        )
        row |= {f"{name} {k}": errors[key] for name, key in ERRORS.items()}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, few steps")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    if not FOLDER:
        print("CALCDYN_TEST_DATA is not set: nothing is measured.")
        return
    name = "together" + "_quick" * quick
    seeds = range(options.first, options.first + (1 if quick else options.seeds))
    file = RESULTS / f"{name}.jsonl"
    preset = "quick" if quick else "standard"
    tasks: list[Row] = [
        {"method": method, "seed": seed, "preset": preset} for seed in seeds for method in METHODS
    ]
    rows = measure_all(
        file, tasks, measure, code=fingerprint("models", "recording/movies"), jobs=options.jobs
    )
    by_task = {(row["method"], row["seed"]): row for row in rows}
    lines: list[Row] = []
    for k, trial in enumerate(TRIALS):
        for method in METHODS:
            line: Row = {"trial": trial, "method": method}
            for error in ERRORS:
                own = [float(str(by_task[METHODS[0], seed][f"{error} {k}"])) for seed in seeds]
                its = [float(str(by_task[method, seed][f"{error} {k}"])) for seed in seeds]
                line[error] = mean_sd(its, 2 if "latents" not in error and "picture" not in error else 3)
                if method != METHODS[0]:
                    ratios = [100 * (a / b - 1) for a, b in zip(its, own, strict=True)]
                    line[f"{error}, %"] = f"{mean_sd(ratios, 1)} (most {max(ratios):+.1f})"
            lines.append(line)
    save(
        name,
        lines,
        command="python benchmarks/together.py" + (" --quick" if quick else f" --seeds {len(seeds)}"),
        notes=f"Mean ± sd over {len(seeds)} seeds, preset {preset}, on the last fifth of each trial; % against the"
        " model of that trial alone, with the same seed. Errors of reconstruction and of frames are mean squares, in"
        " squared counts; those of latents and pictures are parts of their variance.",
    )


if __name__ == "__main__":
    main()
