"""End-to-end against two-stage training, with and without the mean-frame skip, on real recordings.

Recordings are looked for in the folder that CALCDYN_TEST_DATA names: mouse/mouse_2p.tif and
fissa/AVG_A01..03.tif. All variants of a seed see the same data, the same number of steps and the same rule
for λ. A run that was interrupted goes on where it was; rows are in results/comparison.jsonl.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import fmean

from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie, open_movie
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.simulate import simulate_movie

VARIANTS = [("end-to-end", True), ("two-stage", True), ("end-to-end", False), ("two-stage", False)]
ERRORS = ["latent_prediction_error", "reconstruction_error", "latent_snr", "nonzeros"]
CURVE = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
CURVE_SEEDS = 2
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "tradeoff.png"
SIMULATED = "simulated"


def recordings() -> dict[str, Path]:
    """Find the real recordings by name."""
    folder = os.environ.get("CALCDYN_TEST_DATA")
    if not folder:
        raise SystemExit("CALCDYN_TEST_DATA is not set: name the folder that holds mouse/ and fissa/.")
    paths = [Path(folder, "mouse", "mouse_2p.tif"), *sorted(Path(folder, "fissa").glob("AVG_A*.tif"))]
    return {path.stem: path for path in paths}


def open_recording(name: str) -> Movie:
    if name == SIMULATED:
        return Movie.from_array(simulate_movie(frames=300, height=48, width=48, seed=0).movie, name=name)
    return open_movie(recordings()[name])


def measure(task: Row) -> Row:
    """Fit one variant on one recording; return its metrics."""
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder

    names = ("mode", "skip", "prediction_weight", "steps")
    config = VARAutoencoderConfig.preset(
        task["preset"], **{name: task[name] for name in names if task[name] is not None}
    )
    run = VARAutoencoder(config).fit_steps(
        open_recording(str(task["recording"])), device="cpu", seed=task["seed"]
    )
    while True:
        try:
            next(run)
        except StopIteration as end:
            return {name: value for name, value in end.value.metrics.items() if name not in task}


def task_of(
    recording: str, seed: int, preset: str, steps: int | None, variant: tuple[str, bool], weight: float | None
) -> Row:
    mode, skip = variant
    return {
        "recording": recording,
        "seed": seed,
        "preset": preset,
        "steps": steps,
        "mode": mode,
        "skip": skip,
        "prediction_weight": weight,
    }


def measured_numbers(rows: Sequence[Row]) -> list[str]:
    """Return the errors, and what else the metrics hold that is an error."""
    return ERRORS + [name for name in rows[0] if name.endswith("_error") and name not in ERRORS]


def summary(rows: Sequence[Row]) -> list[Row]:
    """One line per recording and variant."""
    lines: list[Row] = []
    for recording, (mode, skip) in product(dict.fromkeys(row["recording"] for row in rows), VARIANTS):
        chosen = select(rows, recording=recording, mode=mode, skip=skip)
        line: Row = {"recording": recording, "training": mode, "skip": "on" if skip else "off"}
        line |= {
            name.replace("_", " "): mean_sd(row[name] for row in chosen) for name in measured_numbers(rows)
        }
        lines.append(line | {"seconds": fmean(float(row["seconds"]) for row in chosen)})  # type: ignore[arg-type]
    return lines


def changes(rows: Sequence[Row], first: Row, second: Row, numbers: Sequence[str] = ()) -> Row:
    """Relative changes in % from `second` to `first`, paired by seed: mean (least to most)."""
    line: Row = {}
    pairs = list(zip(select(rows, **first), select(rows, **second), strict=True))
    assert all(one["seed"] == other["seed"] for one, other in pairs)
    for name in numbers or measured_numbers(rows):
        found = [100 * (float(one[name]) / float(other[name]) - 1) for one, other in pairs]  # type: ignore[arg-type]
        line[f"{name.replace('_', ' ')} %"] = f"{fmean(found):+.1f} ({min(found):+.1f} to {max(found):+.1f})"
    return line


def select(rows: Sequence[Row], **wanted: object) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def draw_curve(rows: Sequence[Row], file: Path) -> None:
    """Held-out prediction error against the price in reconstruction, one panel per recording."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(str(row["recording"]) for row in rows))
    figure, axes = plt.subplots(
        1, len(names), figsize=(5 * len(names), 4), squeeze=False, layout="constrained"
    )
    for name, axis in zip(names, axes[0], strict=True):
        base = select(rows, recording=name, prediction_weight=None)
        weights = (None, *sorted({row["prediction_weight"] for row in rows} - {None}))  # type: ignore[type-var]
        runs = [select(rows, recording=name, prediction_weight=weight) for weight in weights]
        cost = [
            fmean(
                100 * (float(one["reconstruction_error"]) / float(other["reconstruction_error"]) - 1)  # type: ignore[arg-type]
                for one, other in zip(chosen, base, strict=True)
            )
            for chosen in runs
        ]
        for key, where, colour in (
            ("latent_prediction_error", "between latents", "tab:blue"),
            ("picture_prediction_error", "in the picture", "tab:orange"),
        ):
            error = [[float(row[key]) for row in chosen] for chosen in runs]  # type: ignore[arg-type]
            axis.plot(cost, [fmean(seeds) for seeds in error], "-", color=colour, label=where)
            for at, seeds in zip(cost, error, strict=True):
                axis.plot([at] * len(seeds), seeds, "o", color=colour, markersize=3)
        top = axis.get_ylim()[1]
        for weight, at in zip(weights, cost, strict=True):
            # Small weights change nothing and would only write over each other.
            if weight is None or weight >= 1:  # type: ignore[operator]
                label = "two-stage" if weight is None else f"γ = {weight:g}"
                axis.annotate(label, (at, top), rotation=90, va="top", ha="left", fontsize=8)
        axis.axvline(5, color="0.7", linestyle="--", linewidth=1)
        axis.set(title=name, xlabel="reconstruction error, change in %", ylabel="held-out prediction error")
        axis.legend(frameon=False, loc="center right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
    plt.close(figure)
    print(f"Wrote {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small simulated movie, two seeds, few steps")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", choices=["quick", "standard", "thorough"], default="standard")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    parser.add_argument("--curve", action="store_true", help="the trade-off over γ instead of the table")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix = "_quick" if quick else ""
    seeds = range(2 if quick else options.seeds)
    preset, steps = ("quick", 40) if quick else (options.preset, None)
    names = [SIMULATED] if quick else list(recordings())
    file = RESULTS / f"comparison{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    code = fingerprint("models")
    flags = " --quick" if quick else f" --seeds {len(seeds)} --preset {preset}"
    flags += " --curve" if options.curve else ""
    command = f"python benchmarks/comparison.py{flags}"

    if options.curve:
        names = names if quick else [names[0], names[1]]
        weights = CURVE[1::2] if quick else CURVE
        kinds = [(("two-stage", True), None), *((("end-to-end", True), weight) for weight in weights)]
        tasks = [
            task_of(name, seed, preset, steps, variant, weight)
            for name, (variant, weight), seed in product(names, kinds, range(CURVE_SEEDS))
        ]
        rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
        lines = []
        for name, (variant, weight) in product(names, kinds):
            chosen = select(rows, recording=name, prediction_weight=weight)
            head: Row = {"recording": name, "γ": variant[0] if weight is None else weight}
            lines.append(head | {e.replace("_", " "): mean_sd(r[e] for r in chosen) for e in ERRORS})
        note = f"Mean ± sd over {CURVE_SEEDS} seeds; skip on, preset {preset}."
        save(f"comparison_curve{suffix}", lines, command=command, notes=note)
        draw_curve(rows, RESULTS / "tradeoff_quick.png" if quick else PICTURE)
        return

    tasks = [
        task_of(name, seed, preset, steps, variant, None)
        for name, seed, variant in product(names, seeds, VARIANTS)
    ]
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
    note = f"On held-out frames; {len(seeds)} seeds, preset {preset}"
    save(f"comparison{suffix}", summary(rows), command=command, notes=f"{note}; mean ± sd.")
    paired = f"{note}; relative change paired by seed, mean (least to most)."
    end_to_end: list[Row] = []
    skip: list[Row] = []
    for name in names:
        for on in (True, False):
            one, other = (
                {"recording": name, "skip": on, "mode": mode} for mode in ("end-to-end", "two-stage")
            )
            end_to_end.append({"recording": name, "skip": "on" if on else "off"} | changes(rows, one, other))
        for mode in ("end-to-end", "two-stage"):
            one, other = ({"recording": name, "skip": on, "mode": mode} for on in (True, False))
            skip.append({"recording": name, "training": mode} | changes(rows, one, other))
    save(
        f"comparison_training{suffix}",
        end_to_end,
        command=command,
        notes=f"End-to-end from two-stage. {paired}",
    )
    save(f"comparison_skip{suffix}", skip, command=command, notes=f"Skip on from skip off. {paired}")


if __name__ == "__main__":
    main()
