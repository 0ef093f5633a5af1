"""Summary of the AVAE benchmark: means over partitions, and how often each method won."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .grid import Run, Score
from .tables import write_text

SUMMARY = "summary.md"
_METHODS = ("pca", "paper", "avae")
_HEAD = "| σ | D2 | PCA | Published network | AVAE |\n|---:|---:|---:|---:|---:|\n"


@dataclass(frozen=True)
class Series:
    """Trainings that differ only in the partition.

    Parameters
    ----------
    split : {"neurons", "cultures"}
        Where test neurons come from.
    sigma : float
        Standard deviation of the noise.
    latent : int
        D2.
    method : {"avae", "paper", "pca"}
        As in `Run`.
    beta : float or None
        KL weight; None for PCA.
    """

    split: str
    sigma: float
    latent: int
    method: str
    beta: float | None


def over_partitions(runs: Mapping[Run, Score], score: str) -> dict[Series, NDArray[np.float64]]:
    """Gather one score of the trainings that differ only in the partition.

    Parameters
    ----------
    runs : mapping of Run to Score
        What was measured.
    score : {"mse", "ari", "neighbour_accuracy"}
        Which score.

    Returns
    -------
    dict of Series to ndarray of float64
        Its values, in the order of partitions.
    """
    gathered: dict[Series, list[float]] = {}
    for run in sorted(runs, key=lambda run: run.partition):
        series = Series(run.split, run.sigma, run.latent, run.method, run.beta)
        gathered.setdefault(series, []).append(getattr(runs[run], score))
    return {series: np.asarray(values) for series, values in gathered.items()}


def summary(runs: Mapping[Run, Score]) -> str:
    """Return the summary as Markdown.

    Parameters
    ----------
    runs : mapping of Run to Score
        What was measured, of every method in each cell (σ, D2) that there is.

    Returns
    -------
    str
        How often the AVAE won, and three tables: error, adjusted Rand index, and accuracy of neighbours for test
        neurons of known and of unknown cultures.
    """
    known, unknown = (
        len({run.partition for run in runs if run.split == split}) for split in ("neurons", "cultures")
    )
    return f"""Mean ± standard deviation over {known} random partitions ({unknown} for cultures that were never seen),
on test neurons that were not trained on. In brackets the β of a network: the better one in that cell, by the mean
shown.

### Reconstruction: mean squared error to the trace without noise, × 10³

{_section(_at_best_beta(runs, "mse", lowest=True), 1e3, 2, lowest=True)}

### Representation: adjusted Rand index of DBSCAN with the types

{_section(_at_best_beta(runs, "ari"))}

### Types told by the 10 nearest training neurons: test neurons of known cultures

{_section(_at_best_beta(runs, "neighbour_accuracy"))}

### The same: test neurons of cultures that were never seen

{_section(_at_best_beta(runs, "neighbour_accuracy", split="cultures"))}
"""


def write_summary(folder: str | Path, runs: Mapping[Run, Score]) -> None:
    """Write ``summary.md``, in one step.

    Parameters
    ----------
    folder : str or Path
        Where to.
    runs : mapping of Run to Score
        What was measured.
    """
    write_text(Path(folder) / SUMMARY, summary(runs))


Cells = dict[tuple[float, int], dict[str, tuple[float | None, NDArray[np.float64]]]]
"""By (σ, D2) and method: β and the score of each partition."""


def _at_best_beta(
    runs: Mapping[Run, Score], score: str, *, lowest: bool = False, split: str = "neurons"
) -> Cells:
    cells: Cells = {}
    for series, values in sorted(over_partitions(runs, score).items(), key=lambda item: _order(item[0])):
        if series.split != split:
            continue
        cell = cells.setdefault((series.sigma, series.latent), {})
        before = cell.get(series.method)
        if before is None or (
            values.mean() < before[1].mean() if lowest else values.mean() > before[1].mean()
        ):
            cell[series.method] = series.beta, values
    return cells


def _order(series: Series) -> tuple[float, int, float]:
    return series.sigma, series.latent, series.beta or 0.0


def _section(cells: Cells, factor: float = 1, digits: int = 3, *, lowest: bool = False) -> str:
    rows = []
    for (sigma, latent), cell in cells.items():
        shown = [_shown(*cell[method], factor, digits) if method in cell else "" for method in _METHODS]
        rows.append(f"| {sigma:g} | {latent} | {' | '.join(shown)} |")
    verdicts = [
        _verdict(cells, *rival, lowest) for rival in (("pca", "PCA"), ("paper", "the published network"))
    ]
    return " ".join(verdicts) + "\n\n" + _HEAD + "\n".join(rows)


def _shown(beta: float | None, values: NDArray[np.float64], factor: float, digits: int) -> str:
    mean = f"{factor * values.mean():.{digits}f}"
    spread = f" ± {factor * values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return mean + spread + ("" if beta is None else f" ({beta:g})")


def _verdict(cells: Cells, rival: str, name: str, lowest: bool) -> str:
    """Say in how many cells the AVAE is better; means compare by ratios of errors, else by differences."""
    both = [cell for cell in cells.values() if {"avae", rival} <= cell.keys()]
    means = [(cell["avae"][1].mean(), cell[rival][1].mean()) for cell in both]
    if not means:
        return ""
    if lowest:
        better, found = (
            sum(ours < theirs for ours, theirs in means),
            [ours / theirs for ours, theirs in means],
        )
        compared = f"AVAE / {name} is {min(found):.3f} to {max(found):.3f}"
    else:
        better, found = (
            sum(ours > theirs for ours, theirs in means),
            [ours - theirs for ours, theirs in means],
        )
        compared = f"AVAE − {name} is {min(found):+.3f} to {max(found):+.3f}"
    return f"AVAE {'below' if lowest else 'above'} {name} in {better} of {len(means)} cells; {compared}."
