"""Whether the p-values of correlations with behaviour hold: pairs of series that have nothing to do with each other.

``python benchmarks/behaviour_correlation.py``; with ``--quick`` fewer recordings.
"""

from __future__ import annotations

import argparse

import numpy as np
from report import save
from scipy.signal import lfilter

from napari_calcdyn.analysis.behaviour import correlate_behaviour

SERIES = 20
LEVEL = 0.05
# |r| √T beyond which one of 20 correlations of white noise is significant at 5 %, Bonferroni corrected.
WHITE = 3.02
SHARED = 0.5  # correlation of the one series that does go with the behaviour


def slow(random: np.random.Generator, frames: int, count: int, memory: float) -> np.ndarray:
    """First-order autoregressions, (frames, count); with a memory of 1 random walks, which never come back."""
    before = 1000 if memory < 1 else 0
    series = lfilter([1], [1, -memory], random.normal(size=(frames + before, count)), axis=0)[before:]
    return series / series.std(0)


def behaviour(random: np.random.Generator, frames: int, memory: float, kind: str) -> np.ndarray:
    series = slow(random, frames, 1, memory)[:, 0]
    return series if kind == "numbers" else np.where(series > 0.5, 1.0, 0.0)


def row(frames: int, memory: float, kind: str, recordings: int) -> dict[str, object]:
    random = np.random.default_rng(7)
    alarms, independent, found = [], [], []
    for _ in range(recordings):
        series, column = slow(random, frames, SERIES, memory), behaviour(random, frames, memory, kind)
        result = correlate_behaviour({"b": column}, series, np.arange(SERIES))
        alarms.append(np.nanmin(result.p_values) <= LEVEL)
        independent.append(np.nanmax(np.abs(result.correlation)) * np.sqrt(frames) > WHITE)
        driven = (column - column.mean()) / column.std()
        series[:, 3] = SHARED * driven + np.sqrt(1 - SHARED**2) * series[:, 3]
        found.append(correlate_behaviour({"b": column}, series, np.arange(SERIES)).p_values[0, 3] <= LEVEL)
    return {
        "frames": frames,
        "autocorrelation from frame to frame": memory,
        "behaviour": kind,
        "false alarms": float(np.mean(alarms)),
        "false alarms if frames were independent": float(np.mean(independent)),
        f"found at r = {SHARED}": float(np.mean(found)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer recordings")
    quick = parser.parse_args().quick
    cases = [
        (500, 0.0, "numbers"),
        (500, 0.9, "numbers"),
        (500, 0.9, "running or not"),
        (500, 0.97, "numbers"),
        (2000, 0.97, "numbers"),
        (5000, 0.97, "numbers"),
        (500, 1.0, "numbers"),
        (2000, 1.0, "numbers"),
    ]
    recordings = 100 if quick else 1000
    rows = [row(*case, recordings) for case in (cases[1:3] if quick else cases)]
    half = 1.96 * np.sqrt(LEVEL * (1 - LEVEL) / recordings)
    save(
        f"behaviour_correlation{'_quick' if quick else ''}",
        rows,
        command=f"python benchmarks/behaviour_correlation.py{' --quick' if quick else ''}",
        notes=(
            f"Each line is {recordings} simulated recordings of {SERIES} series that have nothing to do with the "
            f"behaviour: the share in which any of them is at p ≤ {LEVEL}. It should be {LEVEL} ± {half:.3f}. "
            "In the last column, one of the series goes with the behaviour. An autocorrelation of 1 is a random walk."
        ),
    )


if __name__ == "__main__":
    main()
