"""Comparing stretches of real recordings, and the same blocks dealt out at random, which must not differ.

Recordings are looked for in the folder that CALCDYN_TEST_DATA names: mouse/mouse_2p.tif with behaviour.csv, and
fissa/AVG_A01..03.tif. A model is trained for each seed, on the recording or on both that are compared. Running is
where the speed, as a moving average over 15 frames, is above 12; frames between short changes are left out. For the
control, blocks of both conditions are dealt out to A and B anew, many times for each model.
"""

from __future__ import annotations

import argparse
import os
from itertools import combinations
from pathlib import Path
from statistics import fmean, median

import numpy as np
import torch
from report import RESULTS, save
from resumable import CORES, Row, measure_all
from sequences import code_of_comparison

from napari_calcdyn import Movie, open_movie
from napari_calcdyn.recording import open_behaviour
from napari_calcdyn.recording.ranges import stretches

FISSA = ("AVG_A01", "AVG_A02", "AVG_A03")
SMOOTH, FAST = 15, 12.0
FOLDER = os.environ.get("CALCDYN_TEST_DATA", "")
Conditions = tuple[list[range], list[range]]


def conditions(task: Row, movies: list[Movie]) -> Conditions:
    """Say what is A and what is B, in frames of their recordings."""
    frames = movies[0].n_frames
    if len(movies) == 2:
        return [range(frames)], [range(movies[1].n_frames)]
    if task["what"] == "mouse, first half and second":
        return [range(frames // 2)], [range(frames // 2, frames)]
    table = open_behaviour(Path(FOLDER, "mouse", "behaviour.csv"), frames)
    speed = table.columns["runningSpeed"]
    padded = np.pad(speed, SMOOTH // 2, mode="edge")
    running = np.convolve(padded, np.full(SMOOTH, 1 / SMOOTH), "valid") > FAST
    return stretches(running, 6), stretches(~running, 6)


def measure(task: Row) -> Row:
    """Train, compare, and compare what was dealt out at random."""
    from napari_calcdyn.analysis.sequences import compare_sequences
    from napari_calcdyn.jobs.comparison import compare
    from napari_calcdyn.models.training import drive
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
    from napari_calcdyn.models.var_autoencoder.objective import configured_weights
    from napari_calcdyn.recording.movies import join

    movies = [open_movie(Path(FOLDER, name)) for name in task["movies"]]  # type: ignore[attr-defined]
    whole = movies[0] if len(movies) == 1 else join(movies)
    config = VARAutoencoderConfig.preset(task["preset"])
    fit = VARAutoencoder(config).fit_steps(whole, device="cpu", seed=task["seed"])
    model, _ = drive(fit, lambda progress: None)
    latents = [model.encode(movie) for movie in movies]
    a, b = conditions(task, movies)
    found, _ = compare(model, movies, a, b, columns=latents, permutations=task["permutations"])

    joint = len(latents[0]) if len(movies) == 2 else 0
    in_b = [range(it.start + joint, it.stop + joint) for it in b]
    length = found.block_length
    pieces = [
        [range(at, at + length) for it in condition for at in range(it.start, it.stop - length + 1, length)]
        for condition in (a, in_b)
    ]
    rng = np.random.default_rng(int(task["seed"]))
    values = np.concatenate(latents)
    # The conditions' own means: else a piece would carry the brightness of its condition to the other side.
    for condition in pieces:
        at = np.concatenate([np.arange(it.start, it.stop) for it in condition])
        values[at] -= values[at].mean(0)
    everything = pieces[0] + pieces[1]
    near = model.var.neighbourhoods
    shuffled = []
    for _ in range(int(task["shuffles"])):
        dealt = [everything[i] for i in rng.permutation(len(everything))]
        cut = len(pieces[0])
        again = compare_sequences(
            values,
            dealt[:cut],
            dealt[cut:],
            order=config.order,
            weights=configured_weights(model.network, model.config, near).cpu(),
            neighbourhoods=near,
            permutations=199,
            block=length - config.order,
        )
        shuffled.append(again.p_value)
    return {
        "p_value": found.p_value,
        "effect": found.effect,
        "edges": len(found.edges()),
        "block": length,
        "samples": found.samples,
        "prediction": model.metrics["latent_prediction_error"],
        "shuffled": shuffled,
    }


def line(what: str, rows: list[Row]) -> Row:
    p = [float(row["p_value"]) for row in rows]  # type: ignore[arg-type]
    shuffled = [value for row in rows for value in row["shuffled"]]  # type: ignore[attr-defined]
    return {
        "comparison": what,
        "frames in A and B": " and ".join(map(str, rows[0]["samples"])),  # type: ignore[call-overload]
        "block": median(row["block"] for row in rows),  # type: ignore[type-var]
        "p, mean": fmean(p),
        "p of each model": ", ".join(f"{value:.3f}" for value in p),
        "effect, %": 100 * fmean(row["effect"] for row in rows),  # type: ignore[misc]
        "changed edges": ", ".join(str(row["edges"]) for row in rows),
        "dealt out at random: p, median": median(shuffled),
        "of those p ≤ 0.05, %": 100 * fmean(value <= 0.05 for value in shuffled),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, preset quick, few permutations")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()

    if not FOLDER:
        print("CALCDYN_TEST_DATA is not set: there is no real recording to compare.")
        return
    quick: bool = options.quick
    suffix = "_quick" if quick else ""
    seeds = 1 if quick else options.seeds
    shared: Row = {
        "preset": "quick" if quick else "standard",
        "permutations": 99 if quick else 999,
        "shuffles": 4 if quick else 20,
    }
    whats: dict[str, list[str]] = {
        "mouse, first half and second": ["mouse/mouse_2p.tif"],
        "mouse, running and resting": ["mouse/mouse_2p.tif"],
    }
    if not quick:
        for one, other in combinations(FISSA, 2):
            whats[f"fissa, {one} and {other}"] = [f"fissa/{name}.tif" for name in (one, other)]
    tasks = [
        shared | {"what": what, "movies": movies, "seed": seed}
        for what, movies in whats.items()
        for seed in range(seeds)
    ]
    torch.set_num_threads(1)
    file = RESULTS / f"sequences_real{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    rows = measure_all(file, tasks, measure, code=code_of_comparison(), jobs=options.jobs)
    save(
        f"sequences_real{suffix}",
        [line(what, [row for row in rows if row["what"] == what]) for what in whats],
        command=f"python benchmarks/sequences_real.py{' --quick' if quick else f' --seeds {seeds}'}",
        notes=" ".join(__doc__.split("\n\n", 1)[1].split())
        + f" {shared['permutations']} permutations, {shared['shuffles']} deals for each of {seeds} models, preset"
        f" {shared['preset']}.",
    )


if __name__ == "__main__":
    main()
