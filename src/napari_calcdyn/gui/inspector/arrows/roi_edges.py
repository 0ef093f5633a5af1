"""The arrows into and out of one ROI, looked up in the influence of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence

ALPHA = 0.05
_ARROWS_PER_ROI = 6  # that are left on average before the user says what is weak
_STRONG = 99.9  # percentile of the strengths that is drawn widest: one odd pair does not make all others thin

ROI_EDGE = np.dtype(
    [
        ("roi", np.int64),  # the other ROI's id
        ("row", np.int64),  # its place among the ROIs
        ("incoming", bool),  # it drives this one; else this one drives it
        ("lag", np.int64),
        ("strength", float),
        ("p_value", float),
    ]
)
"""One arrow of an ROI."""


class RoiEdges:
    """Quick access to an `Influence`.

    Parameters
    ----------
    influence : Influence
        Of all ROIs.
    """

    def __init__(self, influence: Influence) -> None:
        self.influence = influence
        self._rows = {int(number): row for row, number in enumerate(influence.ids)}
        self._strength, self._lag = influence.strength, influence.lag
        size = np.abs(self._strength)
        self.strongest = float(size.max(initial=0.0))
        """The largest strength without its sign."""
        self.widest = float(np.percentile(size, _STRONG)) if size.size else 0.0
        """The strength without its sign that is drawn widest."""
        hidden = 1 - _ARROWS_PER_ROI / max(len(size), _ARROWS_PER_ROI)
        self.default = float(np.quantile(size, hidden)) if size.size else 0.0
        """A strength below which arrows are hidden until the user says so."""

    @property
    def tested(self) -> bool:
        """Whether there are p-values."""
        return self.influence.p_values is not None

    def count(self, least: float, *, only_passed: bool = False) -> int:
        """Return how many arrows there are between all ROIs, stronger than `least`."""
        wanted = np.abs(self._strength) > least
        if only_passed and self.influence.p_values is not None:
            wanted &= self.influence.p_values <= ALPHA
        return int(np.count_nonzero(wanted))

    def of(self, number: int, least: float, *, only_passed: bool = False) -> NDArray[np.void]:
        """List the arrows of one ROI, the strongest first.

        Parameters
        ----------
        number : int
            Its id.
        least : float
            Leave out those that are not stronger than this.
        only_passed : bool
            Leave out those whose p-value is above `ALPHA`, where they were tested.

        Returns
        -------
        structured ndarray
            `ROI_EDGE`; empty where there is no such ROI.
        """
        row = self._rows.get(number)
        if row is None:
            return np.empty(0, ROI_EDGE)
        count = len(self.influence.ids)
        edges = np.empty(2 * count, ROI_EDGE)
        for half, incoming in ((edges[:count], True), (edges[count:], False)):
            at = (row, slice(None)) if incoming else (slice(None), row)
            half["roi"], half["row"], half["incoming"] = self.influence.ids, np.arange(count), incoming
            half["lag"], half["strength"] = self._lag[at], self._strength[at]
            p_values = self.influence.p_values
            half["p_value"] = np.nan if p_values is None else p_values[at]
        wanted = (np.abs(edges["strength"]) > least) & (edges["row"] != row)
        if only_passed and self.tested:
            wanted &= edges["p_value"] <= ALPHA
        found: NDArray[np.void] = edges[wanted]
        return found[np.argsort(-np.abs(found["strength"]), kind="stable")]
