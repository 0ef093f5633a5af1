"""The page *Sources* of the Inspector: what drives a region, ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHeaderView, QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped
from napari_calcdyn.gui.forms.table import PlainTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .prepared import Inspected, Prepared

LEADING = 0.8  # part of what drives a region that the sources make up which the map shows, together
MOST_LISTED = 30
COLUMNS = ("source", "share", "lag_frames", "lag_s", "sign", "score", "distance_px", "y", "x")
"""Of the table that is copied and exported."""
_HEADINGS = {
    "Source": "Number of the source: a patch of activity that the model describes the movie with. The Dynamics "
    "panel uses the same numbers.",
    "Share": "Share of the source in what drives this region: the mean size of its contribution to the "
    "trace, divided by the sum over all sources.",
    "Lag": "The lag at which the source acts most.",
    "Effect": "Whether the trace rises or falls after the source rose.",
    "Away": "From the centre of the region to that of the source.",
}


class SourcesPage(QWidget):  # type: ignore[misc]
    """A table of the sources that drive a region.

    Signals
    -------
    chosen()
        Other rows were selected; `sources` are those that the map should show.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._listed: NDArray[np.int64] = np.empty(0, np.int64)
        self._leading = 0
        self.words = wrapped()
        self.table = ranking(_HEADINGS)
        self.table.itemSelectionChanged.connect(self.chosen)
        stacked(self.words, (self.table, 1), parent=self, margins=(2, 4, 2, 2), spacing=4)

    @property
    def sources(self) -> NDArray[np.int64]:
        """The sources of the rows that are selected, or else those that make up most of what drives the region."""
        rows = self.table.selected_rows()
        return self._listed[rows] if rows else self._listed[: self._leading]

    def show_drivers(self, found: Inspected | None, prepared: Prepared | None) -> None:
        """List the sources of a region; nothing where there is none."""
        self.table.blockSignals(True)
        self.table.clearSelection()
        if found is None or prepared is None:
            self._listed = np.empty(0, np.int64)
            self.table.fill([])
            self.words.setText("")
        else:
            drivers = found.drivers
            self._listed = drivers.sources[:MOST_LISTED]
            self._leading = min(len(drivers.leading(LEADING)), MOST_LISTED)
            rate, size = frame_rate(prepared), prepared.inputs.movie.pixel_size
            away = _distances(found, prepared)
            rows = []
            for row, source in enumerate(self._listed.tolist()):
                far = f"{away[row]:.0f} px" if size is None else f"{away[row] * float(np.mean(size)):.0f} µm"
                rows.append(
                    (
                        str(source),
                        f"{drivers.shares[row]:.0%}" if drivers.shares[row] >= 0.005 else "< 1%",
                        lag_words(int(drivers.lags[row]), rate),
                        "raises" if drivers.signs[row] > 0 else "lowers",
                        far,
                    )
                )
            self.table.fill(rows)
            share = float(drivers.shares[: self._leading].sum())
            first = "The first" if self._leading == 1 else f"The first {self._leading}"
            self.words.setText(
                f"{first} of {len(drivers.sources):,} sources {'makes' if self._leading == 1 else 'make'} up "
                f"{share:.0%} of what drives it, and the map shows "
                f"{'it' if self._leading == 1 else 'these'}. Select rows to map others."
                if rows
                else ""
            )
        self.table.blockSignals(False)

    def rows(self, found: Inspected, prepared: Prepared) -> list[list[object]]:
        """Return all sources of a region as rows of `COLUMNS`."""
        drivers, rate = found.drivers, frame_rate(prepared)
        away, centres = (
            _distances(found, prepared),
            prepared.inputs.model.latent_centres[found.drivers.sources],
        )
        return [
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


def frame_rate(prepared: Prepared) -> float | None:
    """Return frames per second (Hz), of the traces or of the movie."""
    traces = prepared.inputs.traces
    return (traces.frame_rate if traces is not None else None) or prepared.inputs.movie.frame_rate


def lag_words(lag: int, rate: float | None) -> str:
    """Return a lag in frames, and in seconds where the frame rate is known."""
    frames = "1 frame" if lag == 1 else f"{lag} frames"
    return frames if rate is None else f"{frames} ({lag / rate:.2g} s)"


def ranking(headings: dict[str, str]) -> PlainTable:
    """Return a table whose column “Lag” is as wide as its texts."""
    table = PlainTable(headings, height=120)
    table.verticalHeader().setDefaultSectionSize(22)
    longest = list(headings).index("Lag")
    table.horizontalHeader().setSectionResizeMode(longest, QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setHighlightSections(False)
    return table


def _distances(found: Inspected, prepared: Prepared) -> NDArray[np.float64]:
    """Return how far each source is from the region, in pixels."""
    centres = prepared.inputs.model.latent_centres[found.drivers.sources]
    distances: NDArray[np.float64] = np.linalg.norm(centres - found.region.centre, axis=1)
    return distances
