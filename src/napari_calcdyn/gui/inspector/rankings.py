"""What drives a region, ranked: other cells where it is known what drives which, else the model's latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session.between import Cells

    from .prepared import Inspected, Prepared

LEADING = 0.8  # part of what drives a region that the latents make up which the map shows, together
MOST_LISTED = 30
LATENT_HEADINGS = {
    "Source": "Number of the source: a patch of activity that the model describes the movie with. The Dynamics "
    "panel uses the same numbers.",
    "Share": "Share of the source in what drives this region: the mean size of its contribution to the "
    "trace, divided by the sum over all sources.",
    "Lag": "The lag at which the source acts most.",
    "Effect": "Whether the trace rises or falls after the source rose.",
    "Away": "From the centre of the region to that of the source.",
}
CELL_HEADINGS = {
    "Source": "The ROI whose past is followed. The matrix of the Dynamics panel (Between cells) uses the same numbers.",
    "Strength": "How closely this ROI follows the past of the source, once all other past is known: a partial "
    "correlation, from −1 to 1, as in the matrix. Below 0 it falls where the source rose.",
    "Lag": "The lag at which it follows most closely.",
    "p": "Probability that chance alone gives a connection this strong anywhere in the image.",
    "Away": "From the centre of the ROI to that of the source.",
}
LATENT_COLUMNS = ("source", "share", "lag_frames", "lag_s", "sign", "score", "distance_px", "y", "x")
CELL_COLUMNS = ("source", "target", "lag_frames", "lag_s", "strength", "p_value", "distance_px", "y", "x")
"""Of the tables that are copied and exported."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The sources of a region, the strongest first.

    Parameters
    ----------
    sources : ndarray of int64
        All of them: numbers of latents, or positions of ROIs.
    mapped : ndarray of int64
        Those that the map shows where none are chosen.
    headings : mapping of str to str
        Titles of the columns that are shown, with tooltips.
    rows : sequence of tuple of str
        What is shown of the first `MOST_LISTED`.
    words : str
        What the table says, in a sentence.
    table : list of list
        To be copied and exported: first the titles.
    """

    sources: NDArray[np.int64]
    mapped: NDArray[np.int64]
    headings: Mapping[str, str]
    rows: Sequence[tuple[str, ...]]
    words: str
    table: list[list[object]]


def ranking_of(found: Inspected, prepared: Prepared) -> Ranking:
    """Rank what drives a region."""
    cells = prepared.inputs.cells
    if cells is None or found.region.roi is None:
        return _of_latents(found, prepared)
    return _of_cells(found, prepared, cells, found.region.roi)


def frame_rate(prepared: Prepared) -> float | None:
    """Return frames per second (Hz), of the traces or of the movie."""
    traces = prepared.inputs.traces
    return (traces.frame_rate if traces is not None else None) or prepared.inputs.movie.frame_rate


def lag_words(lag: int, rate: float | None) -> str:
    """Return a lag in frames, and in seconds where the frame rate is known."""
    frames = "1 frame" if lag == 1 else f"{lag} frames"
    return frames if rate is None else f"{frames} ({lag / rate:.2g} s)"


def _of_latents(found: Inspected, prepared: Prepared) -> Ranking:
    drivers, rate = found.drivers, frame_rate(prepared)
    centres = prepared.inputs.model.latent_centres[drivers.sources]
    away = _distances(found, centres)
    leading = min(len(drivers.leading(LEADING)), MOST_LISTED)
    rows = [
        (
            str(source),
            f"{drivers.shares[row]:.0%}" if drivers.shares[row] >= 0.005 else "< 1%",
            lag_words(int(drivers.lags[row]), rate),
            "raises" if drivers.signs[row] > 0 else "lowers",
            _far(away[row], prepared),
        )
        for row, source in enumerate(drivers.sources[:MOST_LISTED].tolist())
    ]
    first = "The first" if leading == 1 else f"The first {leading}"
    words = (
        f"{first} of {len(drivers.sources):,} sources {'makes' if leading == 1 else 'make'} up "
        f"{drivers.shares[:leading].sum():.0%} of what drives it, and the map shows "
        f"{'it' if leading == 1 else 'these'}. Select rows to map others."
    )
    table = [
        [
            int(source),
            f"{drivers.shares[row]:.5g}",
            int(drivers.lags[row]),
            "" if rate is None else f"{drivers.lags[row] / rate:.5g}",
            int(drivers.signs[row]),
            f"{drivers.scores[row]:.5g}",
            f"{away[row]:.4g}",
            *(f"{value:.4g}" for value in centres[row]),
        ]
        for row, source in enumerate(drivers.sources)
    ]
    whole: list[list[object]] = [list(LATENT_COLUMNS), *table]
    return Ranking(
        drivers.sources, drivers.sources[:leading], LATENT_HEADINGS, rows, words if rows else "", whole
    )


def _of_cells(found: Inspected, prepared: Prepared, cells: Cells, roi: int) -> Ranking:
    from napari_calcdyn.jobs.between_rois import ALPHA

    influence, rate = cells.influence, frame_rate(prepared)
    assert influence.p_values is not None
    target = int(np.flatnonzero(influence.ids == roi)[0])
    strength, lag, p_values = (it[target] for it in (influence.strength, influence.lag, influence.p_values))
    order = np.argsort(-np.abs(strength), kind="stable")
    others = order[order != target]
    passing = others[p_values[others] <= ALPHA]
    sources = np.concatenate([[target], others])  # a cell's own past comes first: nothing tells more of it
    away = _distances(found, influence.centres)
    rows = [("own past", "", "", "", "")]
    table: list[list[object]] = [list(CELL_COLUMNS)]
    for source in others.tolist():
        rows.append(
            (
                str(influence.ids[source]),
                f"{strength[source]:+.2f}".replace("-", "−"),
                lag_words(int(lag[source]), rate),
                "not tested" if np.isnan(p_values[source]) else f"{p_values[source]:.2g}",
                _far(away[source], prepared),
            )
        )
        table.append(
            [
                int(influence.ids[source]),
                roi,
                int(lag[source]),
                "" if rate is None else f"{lag[source] / rate:.5g}",
                f"{strength[source]:.5g}",
                "" if np.isnan(p_values[source]) else f"{p_values[source]:.5g}",
                f"{away[source]:.4g}",
                *(f"{value:.4g}" for value in influence.centres[source]),
            ]
        )
    count = len(passing)
    verb = "passes" if count == 1 else "pass"
    mapped = f"its own past and {'that one explain' if count == 1 else 'these explain'}"
    words = (
        f"{count or 'None'} of {len(others):,} connections into it {verb} the test (p\u00a0≤\u00a0{ALPHA:g}). "
        f"The map shows what {mapped if count else 'its own past explains'}. Select rows to map others."
    )
    return Ranking(
        sources,
        np.concatenate([[target], passing]),
        CELL_HEADINGS,
        rows[:MOST_LISTED],
        words,
        table,
    )


def _distances(found: Inspected, centres: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far places are from the region, in pixels."""
    distances: NDArray[np.float64] = np.linalg.norm(centres - found.region.centre, axis=1)
    return distances


def _far(pixels: float, prepared: Prepared) -> str:
    size = prepared.inputs.movie.pixel_size
    return f"{pixels:.0f} px" if size is None else f"{pixels * float(np.mean(size)):.0f} µm"
