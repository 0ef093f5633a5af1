"""How the length of a recording limits what one trace can tell about the type of its neuron.

Cultures as in `kinds.py`, recorded for 120 s, of which the first part is used; σ = 1, cultures never seen, 10 nearest
neighbours, mean ± standard deviation over seeds. The traces are not denoised here, which costs little: a rise is
measured in units of the noise all the same. Events: of a neuron, in that time.
"""

from __future__ import annotations

import argparse

import numpy as np
from kinds import CULTURES, NEURONS, QUANTILES, RATE, Array, spike_counts, splits
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import simulate_cultures
from napari_calcdyn.analysis.neurons.scores import neighbour_accuracy
from napari_calcdyn.models.kinds.model import WINDOWS, latent_layer
from napari_calcdyn.models.kinds.statistics import trace_statistics

SECONDS = (15, 30, 60, 120)
_TO_SD = 1.4826 / np.sqrt(2)


def measured(task: Row) -> Row:
    """Score three representations of the first seconds of one simulation."""
    quick = bool(task["quick"])
    data = simulate_cultures(
        cultures=3 if quick else CULTURES,
        neurons=40 if quick else NEURONS,
        seconds=float(SECONDS[-1]),
        frame_rate=RATE,
        seed=int(str(task["seed"])),
    )
    noisy, types = data.noisy(1.0, seed=data.settings.seed), data.table["type"]
    row: Row = {}
    for seconds in SECONDS:
        part = noisy[:, : round(seconds * RATE)].astype(np.float64)
        standard = part / (_TO_SD * np.median(np.abs(np.diff(part, axis=1)), axis=1, keepdims=True))
        statistics = trace_statistics(standard, RATE)[0].astype(np.float64)
        windows = trace_statistics(standard, RATE, windows=WINDOWS).swapaxes(0, 1).astype(np.float64)
        centred = (part - part.mean(axis=1, keepdims=True)) / np.ptp(part, axis=1, keepdims=True)
        counts = spike_counts(data.clean[:, : part.shape[1]])
        given = {
            "quantiles": np.quantile(centred, QUANTILES, axis=1).T,
            "spike counts, without noise": counts,
        }
        found: dict[str, list[float]] = {}
        for split, training, test in splits(data):
            if split != "unseen":
                continue

            def score(method: str, values: Array) -> None:
                accuracy = neighbour_accuracy(values[training], types[training], values[test], types[test])  # noqa: B023
                found.setdefault(method, []).append(accuracy)  # noqa: B023

            for method, values in given.items():
                score(
                    method, (values - values[training].mean(axis=0)) / (values[training].std(axis=0) + 1e-9)
                )
            layer = latent_layer(windows[training], 8)
            score("kinds, 8", statistics @ layer.weight.double().numpy().T + layer.bias.double().numpy())
        row |= {f"{method}|{seconds}": float(np.mean(values)) for method, values in found.items()}
        row[f"events|{seconds}"] = float(counts[:, 0].mean())
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small simulation")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--seeds", type=int, default=3, help="from 0 on")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    file = RESULTS / f"kinds_length{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [{"seed": seed, "quick": quick} for seed in range(1 if quick else options.seeds)]
    rows = measure_all(
        file,
        tasks,
        measured,
        code=fingerprint("models/kinds/statistics.py", "models/kinds/repeatable.py", "simulate"),
        jobs=options.jobs,
    )
    lines: list[Row] = []
    for seconds in SECONDS:
        line: Row = {"s": seconds, "events": f"{np.mean([row[f'events|{seconds}'] for row in rows]):.1f}"}
        for method in ("quantiles", "kinds, 8", "spike counts, without noise"):
            line[method] = mean_sd((row[f"{method}|{seconds}"] for row in rows), 3)
        lines.append(line)
    notes = " ".join(__doc__.split("\n\n", 1)[1].split())
    save(f"kinds_length{suffix}", lines, command=f"python benchmarks/kinds_length.py{option}", notes=notes)


if __name__ == "__main__":
    main()
