"""Test of two conditions: how often it rejects where there is no difference, and how often where there is one.

Simulated dishes of 100 RS neurons, of which 25 are recorded for 30 s at 20 Hz with noise of σ = 1. An experiment draws
its dishes from 100 controls and, for a difference, 30 diseased ones, without taking one twice. Statistics of rises of
the recorded traces, not denoised, so that hundreds of dishes can be measured; eight latents, fitted in each experiment
to its own dishes without their conditions. Rejected: p ≤ 0.05. Neurons: the same test with each neuron as a dish of
its own, 99 permutations. In brackets the 95 % interval of the share (Clopper and Pearson).
"""

from __future__ import annotations

import argparse
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import Row, fingerprint, measure_all
from scipy.stats import binomtest

from napari_calcdyn import compare_conditions, simulate_cultures
from napari_calcdyn.models.kinds.model import WINDOWS, latent_layer
from napari_calcdyn.models.kinds.statistics import trace_statistics

RATE, NEURONS, RECORDED, LATENTS = 20.0, 100, 25, 8
CONTROLS, DISEASED = 100, 30
NONE = "none"
DIFFERENCES: dict[str, dict[str, Any]] = {
    NONE: {},
    "IB in place of RS": {"kinds": ("IB",)},
    "inhibitory 40 %, not 20 %": {"excitatory_share": 0.6},
    "inhibitory 0 %, not 20 %": {"excitatory_share": 1.0},
    "synapses 25 % fewer": {"contact_kept": 0.375},
    "synapses 50 % fewer": {"contact_kept": 0.25},
}
_TO_SD = 1.4826 / np.sqrt(2)


@cache
def dish(difference: str, number: int) -> NDArray[np.float64]:
    """Return the statistics (1 + WINDOWS, RECORDED, …) of the neurons of one dish, whole and of its parts."""
    place = list(DIFFERENCES).index(difference)
    change = {"kinds": ("RS",)} | DIFFERENCES[difference]
    seed = 10_000 * place + number
    data = simulate_cultures(cultures=1, neurons=NEURONS, frame_rate=RATE, seed=seed, **change)
    traces = data.noisy(1.0, seed=seed)[:RECORDED].astype(np.float64)
    standard = traces / (_TO_SD * np.median(np.abs(np.diff(traces, axis=1)), axis=1, keepdims=True))
    parts = (trace_statistics(standard, RATE, windows=count) for count in (1, WINDOWS))
    return np.concatenate(list(parts)).astype(np.float64)


def measured(task: Row) -> Row:
    """Make one experiment and test it."""
    difference, count = str(task["difference"]), int(str(task["dishes"]))
    rng = np.random.default_rng([int(str(task["experiment"])), list(DIFFERENCES).index(difference), count])
    controls = rng.permutation(CONTROLS)
    others = (
        [(NONE, number) for number in controls[count : 2 * count]]
        if difference == NONE
        else [(difference, number) for number in rng.permutation(DISEASED)[:count]]
    )
    drawn = [*((NONE, number) for number in controls[:count]), *others]
    parts = np.concatenate([dish(which, int(number)) for which, number in drawn], axis=1)
    layer = latent_layer(parts[1:].swapaxes(0, 1), LATENTS)
    latents = parts[0] @ layer.weight.double().numpy().T + layer.bias.double().numpy()
    of_dish = np.repeat(np.arange(2 * count), RECORDED)
    condition = np.where(of_dish < count, "control", "diseased")
    found = compare_conditions(latents, of_dish, condition)
    alone = compare_conditions(latents, np.arange(len(latents)), condition, permutations=99)
    return {"p": found.p_value, "smallest": found.smallest_p, "p_neurons": alone.p_value}


def share(rows: list[Row], key: str, level: float = 0.05) -> str:
    rejected = sum(float(str(row[key])) <= level for row in rows)
    interval = binomtest(rejected, len(rows)).proportion_ci(0.95)
    return f"{rejected / len(rows):.3f} ({interval.low:.3f} to {interval.high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few experiments")
    parser.add_argument("--jobs", type=int, default=1, help="processes; each simulates the dishes it needs")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    file = RESULTS / f"conditions{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    sizes: list[tuple[str, int, int]] = [(NONE, 6, 4 if quick else 200), (NONE, 4, 4 if quick else 100)]
    sizes += [
        (difference, count, 2 if quick else 40)
        for difference in DIFFERENCES
        if difference != NONE
        for count in (3, 4, 6)
    ]
    tasks: list[Row] = [
        {"difference": difference, "dishes": count, "experiment": experiment}
        for difference, count, experiments in sizes
        for experiment in range(experiments)
    ]
    code = fingerprint(
        "models/kinds/statistics.py",
        "models/kinds/repeatable.py",
        "analysis/neurons/conditions.py",
        "simulate",
    )
    rows = measure_all(file, tasks, measured, code=code, jobs=options.jobs)
    lines: list[Row] = []
    for difference, count, experiments in sizes:
        chosen = [row for row in rows if (row["difference"], row["dishes"]) == (difference, count)]
        lines.append(
            {
                "difference": difference,
                "dishes": f"{count} against {count}",
                "experiments": experiments,
                "smallest p": f"{float(str(chosen[0]['smallest'])):.3g}",
                "rejected, dish as the unit": share(chosen, "p"),
                "at p ≤ 0.1": share(chosen, "p", 0.1),
                "rejected, neuron as the unit": share(chosen, "p_neurons"),
            }
        )
    notes = " ".join(__doc__.split("\n\n", 1)[1].split())
    save(f"conditions{suffix}", lines, command=f"python benchmarks/conditions.py{option}", notes=notes)


if __name__ == "__main__":
    main()
