"""Comparing two sequences: is the test calibrated, what does it see, and how long does it take.

Pairs of sequences from sparse VARs at 10 Hz, driven by sparse positive events as calcium is by spikes; own decays of
0.7 to 0.93 a frame, 1.5 links into each latent. Where rules change, a tenth of the links does. A run that was
interrupted goes on where it was; rows are in results/sequences.jsonl.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, measure_all

from napari_calcdyn.simulate.activity import sparse_coefficients

RATE = 10.0
BURN_IN = 300
CHANGED = 0.1
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "sequences.png"
HALVES = {"latents": 32, "order": 1, "frames": [1000, 1000], "stretches": 1, "louder": "none", "change": 0.0}
LOUDER = {"all": 1, "half": 2, "third": 3}
LEVELS: dict[str, Row] = {
    "two halves": {},
    "short: 300 frames each": {"latents": 16, "frames": [300, 300]},
    "64 latents, order 2": {"latents": 64, "order": 2},
    "1500 and 500 frames": {"frames": [1500, 500]},
    "20 bouts, 25 frames and 75": {"frames": [500, 1500], "stretches": 20},
    "B twice as strong": {"louder": "all"},
    "half the latents of B twice as strong": {"louder": "half"},
    "the same, 1500 and 500 frames": {"louder": "half", "frames": [1500, 500]},
    "a third of the latents of B twice as strong": {"louder": "third"},
    "the same third, 1500 and 500 frames": {"louder": "third", "frames": [1500, 500]},
    "64 latents, 275 and 110 frames, a third twice as strong": {
        "latents": 64,
        "louder": "third",
        "frames": [275, 110],
    },
}
SIZES = [0.25, 0.5, 0.75, 1.0]
LENGTHS = [250, 500, 1000, 2000]


def run(rules, owner, loud, rng) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
    """Run a VAR whose rules and size of events change in time.

    `rules` (2, p, d, d) and `loud` (2, d) are those of A and B, `owner` (T,) says which of them holds in a frame.
    """
    _, order, latents, _ = rules.shape
    owner = np.concatenate([np.full(BURN_IN, owner[0]), owner])
    events = rng.uniform(size=(len(owner), latents)) < 0.06
    innovations = events * rng.gamma(2.0, size=events.shape) + 0.3 * rng.standard_normal(events.shape)
    innovations *= loud[owner]
    stacked = np.concatenate(list(rules.swapaxes(0, 1)), axis=2).swapaxes(1, 2)
    values = np.zeros((len(owner) + order, latents))
    for frame, which in enumerate(owner):
        values[frame + order] = (
            values[frame : frame + order][::-1].ravel() @ stacked[which] + innovations[frame]
        )
    return values[-len(owner) + BURN_IN :].astype(np.float32)


def change_links(coefficients: NDArray[np.float64], change: float, rng) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    """Move a tenth of the links a part of the way to their negative; 1 changes their sign."""
    links = np.argwhere((coefficients != 0) & ~np.eye(coefficients.shape[1], dtype=bool))
    while True:
        changed = coefficients.copy()
        for link in links[rng.choice(len(links), max(1, round(CHANGED * len(links))), replace=False)]:
            changed[tuple(link)] *= 1 - 2 * change
        companion = np.eye(changed.shape[0] * changed.shape[1], k=-changed.shape[1])
        companion[: changed.shape[1]] = np.concatenate(list(changed), axis=1)
        if np.abs(np.linalg.eigvals(companion)).max() < 0.99:
            return changed


def cut(frames: list[int], stretches: int) -> tuple[list[range], list[range]]:
    """Let A and B take turns, so many times."""
    a, b, at = [], [], 0
    for _ in range(stretches):
        for to, length in ((a, frames[0] // stretches), (b, frames[1] // stretches)):
            to.append(range(at, at + length))
            at += length
    return a, b


def measure(task: Row) -> Row:
    """Compare one simulated pair."""
    import torch

    from napari_calcdyn.analysis.sequences import compare_sequences

    rng = np.random.default_rng(task["seed"])
    latents, order, change = task["latents"], task["order"], float(task["change"])
    first = sparse_coefficients(latents, order, RATE, rng)
    second = change_links(first, change, rng) if change else first
    loud = np.ones((2, latents))
    loud[1, : latents // LOUDER[task["louder"]] if task["louder"] in LOUDER else 0] = 2.0
    a, b = cut(task["frames"], task["stretches"])
    owner = np.zeros(b[-1].stop, int)
    for stretch in b:
        owner[stretch.start : stretch.stop] = 1
    values = run(np.stack([first, second]), owner, loud, rng)
    torch.set_num_threads(task.get("threads", 1))
    start = time.perf_counter()
    found = compare_sequences(values, a, b, order=order, permutations=task["permutations"], seed=task["seed"])
    seconds = time.perf_counter() - start
    true = np.abs(second - first) > 0
    significant = found.edge_p <= 0.05
    return {
        "p_value": found.p_value,
        "effect": found.effect,
        "block": found.block_length,
        "blocks": [samples // found.block_length for samples in found.samples],
        "false_edges": int((significant & ~true).sum()),
        "found_edges": int((significant & true).sum()),
        "true_edges": int(true.sum()),
        "false_louder": int(((found.loudness_p <= 0.05) & (loud[1] == 1)).sum()),
        "found_louder": int(((found.loudness_p <= 0.05) & (loud[1] > 1)).sum()),
        "true_louder": int((loud[1] > 1).sum()),
        "seconds": seconds,
    }


def level(name: str, rows: list[Row]) -> Row:
    """One line: how often H0 is rejected where it is true."""
    from scipy.stats import binom, kstest

    p = np.array([row["p_value"] for row in rows], float)
    louder = sum(row["true_louder"] for row in rows)  # type: ignore[misc]
    low, high = binom.interval(0.95, len(p), 0.05)
    return {
        "pairs without a change": name,
        "p ≤ 0.05, %": float(100 * (p <= 0.05).mean()),
        "95 % of such runs": f"{100 * low / len(p):.1f} to {100 * high / len(p):.1f}",
        "p uniform, KS p": float(kstest(p, "uniform").pvalue),
        "a false edge, %": 100 * fmean(int(row["false_edges"]) > 0 for row in rows),  # type: ignore[call-overload]
        "a latent wrongly livelier, %": 100 * fmean(int(row["false_louder"]) > 0 for row in rows),  # type: ignore[call-overload]
        "livelier ones found, %": f"{100 * sum(row['found_louder'] for row in rows) / louder:.1f}"
        if louder
        else "",  # type: ignore[misc]
        "frames in a block": fmean(row["block"] for row in rows),  # type: ignore[misc]
    }


def power(frames: int, change: float, rows: list[Row]) -> Row:
    """One line: how often a change is seen."""
    true = sum(row["true_edges"] for row in rows)  # type: ignore[misc]
    return {
        "frames in A and in B": frames,
        "a coefficient of 1 becomes": f"{1 - 2 * change:+.1f}",
        "p ≤ 0.05, %": 100 * fmean(float(row["p_value"]) <= 0.05 for row in rows),  # type: ignore[arg-type]
        "effect, %": 100 * fmean(row["effect"] for row in rows),  # type: ignore[misc]
        "changed edges found, %": 100 * sum(row["found_edges"] for row in rows) / true,  # type: ignore[misc]
        "an unchanged edge found, %": 100 * fmean(int(row["false_edges"]) > 0 for row in rows),  # type: ignore[call-overload]
    }


def draw(levels: dict[str, list[Row]], powers: dict[tuple[int, float], list[Row]], file: Path) -> None:
    """Draw p-values under H0 against uniform ones, and power against the size of the change."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, rows in levels.items():
        p = np.sort([float(row["p_value"]) for row in rows])  # type: ignore[arg-type]
        left.plot(np.arange(1, len(p) + 1) / len(p), p, linewidth=1, label=name)
    left.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    left.set(xlabel="expected where nothing changed", ylabel="p-value", aspect="equal")
    left.legend(frameon=False, fontsize=6.5)
    for frames in dict.fromkeys(frames for frames, _ in powers):
        points = [(size, rows) for (length, size), rows in powers.items() if length == frames]
        share = [fmean(float(row["p_value"]) <= 0.05 for row in rows) for _, rows in points]  # type: ignore[arg-type]
        right.plot([2 * size for size, _ in points], share, "o-", label=f"{frames} + {frames} frames")
    right.axhline(0.8, color="0.6", linestyle="--", linewidth=1)
    right.set(
        xlabel="change of a tenth of the links, in their own size (2: other sign)",
        ylabel="share of pairs with p ≤ 0.05",
        ylim=(0, 1.03),
    )
    right.legend(frameon=False, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
    print(f"Wrote {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short pairs, few permutations")
    parser.add_argument(
        "--pairs", type=int, default=200, help="pairs without a change; a fourth of them with one"
    )
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix = "_quick" if quick else ""
    pairs = 8 if quick else options.pairs
    file = RESULTS / f"sequences{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    base = HALVES | {"permutations": 99 if quick else 199}
    names = ["short: 300 frames each"] if quick else list(LEVELS)
    sizes, lengths = ([1.0], [500]) if quick else (SIZES, LENGTHS)
    level_tasks = {name: [base | LEVELS[name] | {"seed": seed} for seed in range(pairs)] for name in names}
    power_tasks = {
        (frames, size): [
            base | {"frames": [frames, frames], "change": size, "seed": 1000 + seed}
            for seed in range(max(2, pairs // 4))
        ]
        for frames in lengths
        for size in sizes
    }
    tasks = [task for group in (*level_tasks.values(), *power_tasks.values()) for task in group]
    done = iter(measure_all(file, tasks, measure, code=code_of_comparison(), jobs=options.jobs))
    levels = {name: [next(done) for _ in group] for name, group in level_tasks.items()}
    powers = {key: [next(done) for _ in group] for key, group in power_tasks.items()}

    command = f"python benchmarks/sequences.py{' --quick' if quick else f' --pairs {pairs}'}"
    about = f"{base['permutations']} permutations; 32 latents of order 1 where not said otherwise."
    save(
        f"sequences_level{suffix}",
        [level(name, rows) for name, rows in levels.items()],
        command=command,
        notes=f"{pairs} simulated pairs in each line; {about}",
    )
    save(
        f"sequences_power{suffix}",
        [power(*key, rows) for key, rows in powers.items()],
        command=command,
        notes=f"A tenth of the links changes; {len(next(iter(powers.values())))} pairs in each line; {about}",
    )
    speed = base | LEVELS["64 latents, order 2"] | {"permutations": 99 if quick else 999, "seed": 0}
    seconds = [measure(speed | {"threads": CORES})["seconds"] for _ in range(3)]
    row: Row = {"latents": 64, "order": 2, "frames": 2000, "permutations": speed["permutations"]}
    save(
        f"sequences_speed{suffix}",
        [row | {"s": min(map(float, seconds[1:])), "limit, s": 20.0}],  # type: ignore[arg-type]
        command=command,
        notes=f"The whole comparison with its edges, {CORES} threads; the better of two runs after a first one.",
    )
    draw(levels, powers, RESULTS / "sequences_quick.png" if quick else PICTURE)


def code_of_comparison() -> str:
    """Name the code of the comparison; the rest of the analysis does not count."""
    return fingerprint("models", "simulate", "analysis/blocks.py", "analysis/sequences")


if __name__ == "__main__":
    main()
