"""Simulated cultures: time against the equations in plain scalars, and how much rates and synchrony vary.

Run ``python benchmarks/culture.py``; ``--quick`` takes smaller cultures and fewer seeds. The scalar loop is the one
that the tests hold the simulator against; it is timed on the first second and scaled up.
"""

from __future__ import annotations

import argparse
import runpy
import time
from pathlib import Path

import numpy as np
import report

from napari_calcdyn.simulate.culture import KINDS, Culture, grow_culture
from napari_calcdyn.simulate.fluorescence import fluorescence
from napari_calcdyn.simulate.spiking import Spikes, advance, simulate_spikes, starting_state

RESTATEMENT = Path(__file__).resolve().parent.parent / "tests" / "simulate" / "scalar_culture.py"
scalar_spikes = runpy.run_path(str(RESTATEMENT))["scalar_spikes"]
BURST = 0.25  # share of the neurons that fire within 100 ms in a network burst
SCALAR_SECONDS = 1.0


def speed(neurons: int, seconds: float, repeats: int) -> list[dict[str, object]]:
    """Time growth, spikes and fluorescence of one culture of each type, and the scalar loop."""
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        parts = np.array([timed(kind, neurons, seconds, seed) for seed in range(repeats)]).min(axis=0)
        culture = grow_culture(neurons, kind)
        scalar = scalar_seconds(culture) * seconds / SCALAR_SECONDS
        rows.append(
            {
                "type": kind,
                "growth (s)": round(parts[0], 3),
                "spikes (s)": round(parts[1], 3),
                "fluorescence (s)": round(parts[2], 3),
                "all (s)": round(parts.sum(), 3),
                "scalar loop, spikes only (s, scaled)": round(scalar, 1),
                "times ours, spikes": round(scalar / parts[1]),
                "times ours, all": round(scalar / parts.sum()),
            }
        )
    return rows


def timed(kind: str, neurons: int, seconds: float, seed: int) -> list[float]:
    marks = [time.perf_counter()]
    culture = grow_culture(neurons, kind, seed=seed)
    marks.append(time.perf_counter())
    spikes = simulate_spikes(culture, seconds, seed=seed)
    marks.append(time.perf_counter())
    fluorescence(spikes)
    marks.append(time.perf_counter())
    return np.diff(marks).tolist()


def scalar_seconds(culture: Culture) -> float:
    """Time the scalar loop over one second, and hold our spikes against its."""
    noise = np.random.default_rng(0).standard_normal((int(1000 * SCALAR_SECONDS), len(culture)))
    state = starting_state(culture, np.random.default_rng(1))
    start = time.perf_counter()
    expected = scalar_spikes(culture, state, noise)
    seconds = time.perf_counter() - start
    steps, neurons = advance(culture, state, noise)
    if list(zip(steps.tolist(), neurons.tolist(), strict=True)) != expected:
        raise SystemExit("the scalar loop gives other spikes")
    return seconds


def activity(neurons: int, seconds: float, seeds: int) -> list[dict[str, object]]:
    """Means of rates, network bursts and synchrony over cultures, ± the standard deviation between them."""
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        found = []
        for seed in range(seeds):
            culture = grow_culture(neurons, kind, seed=seed)
            spikes = simulate_spikes(culture, seconds, seed=seed)
            found.append(
                [
                    spikes.rates[culture.excitatory].mean(),
                    spikes.rates[~culture.excitatory].mean(),
                    bursts(spikes) / seconds * 60,
                    spikes.synchrony(),
                    100 * (spikes.rates == 0).mean(),
                ]
            )
        texts = [
            f"{mean:.{digits}f} ± {deviation:.{digits}f}"
            for mean, deviation, digits in zip(
                np.mean(found, axis=0), np.std(found, axis=0, ddof=1), (3, 3, 1, 3, 1), strict=True
            )
        ]
        names = (
            "rate, excitatory (Hz)",
            "rate, inhibitory (Hz)",
            "network bursts per minute",
            "burst synchrony χ",
            "neurons without a spike (%)",
        )
        rows.append({"type": kind, "cultures": seeds, **dict(zip(names, texts, strict=True))})
    return rows


def bursts(spikes: Spikes) -> int:
    """Count stretches of 100 ms bins in each of which a quarter of the neurons fire."""
    inside = (spikes.counts(0.1) > 0).mean(axis=0) >= BURST
    return int(inside[0]) + int((inside[1:] & ~inside[:-1]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 neurons and 3 seeds instead of 700 and 10")
    arguments = parser.parse_args()
    neurons, seeds, repeats = (200, 3, 1) if arguments.quick else (700, 10, 5)
    command = "python benchmarks/culture.py" + (" --quick" if arguments.quick else "")
    suffix = "_quick" if arguments.quick else ""
    report.save(
        f"culture_speed{suffix}",
        speed(neurons, 32.0, repeats),
        command=command,
        notes=f"{neurons} neurons, 32 s in steps of 1 ms, one core, best of {repeats}; imports not counted. The scalar "
        "loop ran over 1 s, 32 times that is written; it gave the same spikes for the same noise.",
    )
    report.save(
        f"culture_activity{suffix}",
        activity(neurons, 32.0, seeds),
        command=command,
        notes=f"{neurons} neurons, 32 s, mean ± standard deviation over cultures grown from seeds 0 to {seeds - 1}. A "
        "network burst: a quarter of all neurons or more fire within 100 ms. χ: Golomb's measure on counts in 100 ms, "
        "1 where all neurons do the same, 1/√N where they are independent.",
    )


if __name__ == "__main__":
    main()
