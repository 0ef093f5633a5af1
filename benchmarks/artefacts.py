"""What artefacts of the microscope do to maps, arrows and p-values, and what is left after the corrections.

Simulated movies of known truth, each artefact alone and some together, with ``correct="auto"`` and ``"none"``; and
pairs of halves without a change of dynamics. A run that was interrupted goes on where it was; rows are in
results/artefacts.jsonl.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie
from napari_calcdyn.simulate import artefacts, simulate_movie
from napari_calcdyn.simulate.simulated_movie import SimulatedMovie

LIGHT: dict[str, dict[str, float]] = {
    "clean": {},
    "motion, 0.86 px": {"motion": 0.86},
    "motion, 0.2 px": {"motion": 0.2},
    "bleaching, 25 %": {"bleaching": 0.25},
    "flicker, 4 %": {"lamp": 0.04},
    "9 blank frames": {},
    "empty borders": {},
    "a twelfth saturated": {},
    "motion and bleaching": {"motion": 0.86, "bleaching": 0.25},
    "motion and blank frames": {"motion": 0.86},
    "bleaching and flicker": {"bleaching": 0.25, "lamp": 0.04},
    "borders and bleaching": {"bleaching": 0.25},
}
ALONE = list(LIGHT)[:8]
TOGETHER = list(LIGHT)[8:]
HALVES = ["clean", "motion, 0.86 px", "bleaching, 25 %", "flicker, 4 %", "9 blank frames"]
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "artefacts.png"
_SHINE = 0.1  # of a footprint's maximum; where no dynamic cell has more, it does not count as its light


def simulate(name: str, seed: int, **size: int) -> SimulatedMovie:
    """Simulate a movie and spoil it."""
    truth = simulate_movie(seed=seed, **size, **LIGHT[name])
    draw = np.random.default_rng([seed, 7])
    movie = truth.movie
    if "blank" in name:
        movie = artefacts.blank_frames(movie, 9, draw)
    if "borders" in name:
        movie = artefacts.empty_borders(movie, 1.5, draw)
    if "saturated" in name:
        movie = artefacts.saturated(movie, 1 / 12)
    truth.movie[:] = movie
    return truth


def explained(truth: SimulatedMovie, task: Row):  # type: ignore[no-untyped-def]
    """Correct a movie, train a model and map it."""
    import torch

    from napari_calcdyn import VARAutoencoder, contribution_maps, correct_movie

    torch.set_num_threads(1)
    movie = correct_movie(Movie.from_array(truth.movie), task["correct"])
    model = VARAutoencoder(preset=task["preset"]).fit(movie, device="cpu", seed=int(task["seed"]))
    return movie, model, contribution_maps(model, movie, sources=False).explained


def scores(image: NDArray[np.float32], truth: SimulatedMovie, valid: NDArray[np.bool_]) -> Row:
    """AUROC on valid pixels, and the part of what is explained that lies outside dynamic cells."""
    from sklearn.metrics import roc_auc_score

    dynamic, cells = truth.dynamic_mask, truth.cell_mask & valid
    light = truth.footprints[truth.kind == "dynamic"].max(0) > _SHINE
    power = np.maximum(image[valid], 0)
    return {
        "all": float(roc_auc_score(dynamic[valid], image[valid])),
        "cells": float(roc_auc_score(dynamic[cells], image[cells])),
        "outside": float(power[~light[valid]].sum() / power.sum()),
    }


def clean_map(task: Row) -> NDArray[np.float32]:
    """Return the map of the movie without artefacts, computed once for each seed."""
    file = Path(tempfile.gettempdir()) / f"calcdyn_clean_{task['code']}_{task['preset']}_{task['seed']}.npy"
    if not file.exists():
        image = explained(simulate("clean", int(task["seed"])), task | {"correct": "auto"})[2]
        np.save(file, image)
    image: NDArray[np.float32] = np.load(file)
    return image


def measure(task: Row) -> Row:
    """Measure one movie, or one pair of halves."""
    if task["kind"] == "halves":
        return halves(task)
    from napari_calcdyn import influence_test

    truth = simulate(str(task["artefact"]), int(task["seed"]))
    movie, model, image = explained(truth, task)
    valid = np.isfinite(image)
    found = scores(image, truth, valid)
    found |= {f"clean {name}": value for name, value in scores(clean_map(task), truth, valid).items()}
    latents = model.encode(movie)
    edges = influence_test(movie, truth.rois).edges(alpha=0.05)
    _, target, source = np.nonzero(truth.coefficients)
    true = {(s + 1, t + 1) for s, t in zip(source.tolist(), target.tolist(), strict=True) if s != t}
    hits = sum((int(edge["source"]), int(edge["target"])) in true for edge in edges)
    return found | {
        "true arrows": hits,
        "false arrows": len(edges) - hits,
        "halves p": compare_halves(model, movie, latents).p_value,
        **movie.corrections.record(),
    }


def compare_halves(model, movie: Movie, latents: NDArray[np.float32]):  # type: ignore[no-untyped-def]
    from napari_calcdyn import compare_sequences
    from napari_calcdyn.models.var_autoencoder.objective import configured_weights

    middle = movie.n_frames // 2
    near = model.var.neighbourhoods
    weights = configured_weights(model.network, model.config, near).cpu()
    a, b = [range(middle)], [range(middle, movie.n_frames)]
    return compare_sequences(
        latents, a, b, order=model.config.order, weights=weights, neighbourhoods=near, permutations=199
    )


def halves(task: Row) -> Row:
    """Compare the halves of a small movie without a change of dynamics."""
    truth = simulate(str(task["artefact"]), int(task["seed"]), frames=600, height=64, width=64)
    movie, model, _ = explained(truth, task)
    compared = compare_halves(model, movie, model.encode(movie))
    return {"p_value": compared.p_value, "edges": len(compared.edges()), **movie.corrections.record()}


def number(row: Row, name: str) -> float:
    return float(row[name])  # type: ignore[arg-type]


def line(name: str, correct: str, rows: list[Row]) -> Row:
    """One line of the table of maps and arrows: means over seeds, and the difference to the clean movie."""
    result: Row = {"recording": name, "corrected": correct}
    for title, key in (("AUROC, all pixels", "all"), ("AUROC, cells", "cells")):
        values = [number(row, key) for row in rows]
        change = fmean(number(row, key) - number(row, f"clean {key}") for row in rows)
        result[title] = f"{mean_sd(values, 3)} ({change:+.3f})"
    for title, key in (
        ("explained outside dynamic cells, %", "outside"),
        ("the same, clean, %", "clean outside"),
    ):
        result[title] = f"{100 * fmean(number(row, key) for row in rows):.1f}"
    for key in ("true arrows", "false arrows"):
        result[key] = f"{fmean(number(row, key) for row in rows):.1f}"
    result["halves, median p"] = f"{np.median([number(row, 'halves p') for row in rows]):.2f}"
    return result


def draw(file: Path, preset: str) -> None:
    """Show the map of each artefact as it is left and as it is mended."""
    import matplotlib.pyplot as plt

    shown = ["clean", "motion, 0.86 px", "bleaching, 25 %", "flicker, 4 %", "9 blank frames", "empty borders"]
    figure, axes = plt.subplots(2, len(shown), figsize=(2.5 * len(shown), 5.4), layout="constrained")
    for column, name in enumerate(shown):
        truth = simulate(name, 0)
        for row, correct in enumerate(("none", "auto")):
            task: Row = {"correct": correct, "preset": preset, "seed": 0}
            image = explained(truth, task)[2]
            axis = axes[row, column]
            axis.set_facecolor("0.6")
            top = np.nanpercentile(image, 99.5)
            axis.imshow(np.sqrt(np.maximum(image, 0)), cmap="inferno", vmin=0, vmax=np.sqrt(top))
            axis.set(xticks=[], yticks=[])
            if row == 0:
                axis.set_title(name)
        axes[0, 0].set_ylabel("as recorded")
        axes[1, 0].set_ylabel("corrected")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)
    print(f"Wrote {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, preset quick, four pairs of halves")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    parser.add_argument("--only", choices=["maps", "halves", "picture"], help="one part")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix, preset = ("_quick", "quick") if quick else ("", "standard")
    file = RESULTS / f"artefacts{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    code = fingerprint("recording", "models", "analysis", "simulate")
    command = "python benchmarks/artefacts.py" + (" --quick" if quick else "")
    if options.only in (None, "maps"):
        tasks: list[Row] = [
            {
                "kind": "maps",
                "artefact": name,
                "seed": seed,
                "correct": correct,
                "preset": preset,
                "code": code,
            }
            for correct, names, seeds in (("auto", ALONE, 5), ("auto", TOGETHER, 3), ("none", ALONE, 2))
            for name in names
            for seed in range(1 if quick else seeds)
        ]
        rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
        lines = [
            line(name, correct, found)
            for correct in ("none", "auto")
            for name in LIGHT
            if (found := [row for row in rows if (row["artefact"], row["correct"]) == (name, correct)])
        ]
        notes = (
            "Simulated movies of 128 × 128 pixels and 1,000 frames, middle noise, default settings. Means over 5 seeds"
            " alone, 3 together, 2 uncorrected; in brackets the change from the map of the clean movie on the same"
            " pixels. Light of a dynamic cell: where its footprint has more than a tenth of its maximum."
        )
        save(f"artefacts{suffix}", lines, command=command, notes=notes)
    if options.only in (None, "halves"):
        from scipy.stats import binom

        pairs = 4 if quick else 100
        tasks = [
            {
                "kind": "halves",
                "artefact": name,
                "seed": seed,
                "correct": "auto",
                "preset": "quick",
                "code": code,
            }
            for name in HALVES
            for seed in range(1000, 1000 + pairs)
        ]
        rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
        low, high = binom.interval(0.95, pairs, 0.05)
        lines = []
        for name in HALVES:
            p = [number(row, "p_value") for row in rows if row["artefact"] == name]
            lines.append(
                {
                    "halves of": name,
                    "p ≤ 0.05, %": f"{100 * np.mean(np.array(p) <= 0.05):.0f}",
                    "95 % of such runs": f"{100 * low / pairs:.0f} to {100 * high / pairs:.0f}",
                    "median p": f"{np.median(p):.2f}",
                }
            )
        notes = (
            f"{pairs} movies each of 64 × 64 pixels and 600 frames without a change, preset quick, corrected."
        )
        save(f"artefacts_halves{suffix}", lines, command=command, notes=notes)
    if options.only in (None, "picture"):
        draw(RESULTS / "artefacts_quick.png" if quick else PICTURE, preset)


if __name__ == "__main__":
    main()
