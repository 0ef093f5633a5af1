"""The connections that changed, one in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS = 200
_COLUMNS = {
    "from": "The source: an ROI, or the place of a latent in pixels (y, x).",
    "to": "What it predicts: an ROI, or the place of a latent in pixels (y, x).",
    "lag": "How many frames later.",
    "in A": "Strength in A, in the model's own units; negative where more is followed by less, 0 where the model keeps"
    " no connection.",
    "in B": "The same in B.",
    "change": "From A to B, in standard errors: also of connections that are too weak to be kept in either.",
    "p": "Family-wise p-value: how often chance changes any connection as clearly. At 0.05, one table in "
    "twenty has a false row.",
}
_LAG = list(_COLUMNS).index("lag")


class ChangedTable(PlainTable):
    """Lists changed connections, the clearest first.

    Signals
    -------
    picked(object)
        The rows that the user selected (list of int), as positions in what was shown.
    """

    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, height=110)
        self.horizontalHeader().setMinimumSectionSize(30)
        self.setToolTip("<qt>Click a connection to see it on the movie; Shift or Ctrl selects several.</qt>")
        self.itemSelectionChanged.connect(self._on_selected)

    def show_edges(self, edges: NDArray[Any], centres: Mapping[int, NDArray[np.float32]] | None) -> None:
        """Show connections, and no selection.

        Parameters
        ----------
        edges : ndarray
            As `Comparison.edges` returns them; the first `MOST_ROWS` are shown.
        centres : mapping of int to ndarray (2,), or None
            Places of the latents, in pixels (y, x); None where source and target are ROIs, which have names.
        """
        self.setColumnHidden(_LAG, bool((edges["lag"] == 1).all()))
        rows = [
            (
                *(_name(edge[end], centres) for end in ("source", "target")),
                str(edge["lag"]),
                f"{edge['before']:.2g}",
                f"{edge['after']:.2g}",
                f"{edge['change']:+.1f}",
                f"{edge['p_value']:.2g}",
            )
            for edge in edges[:MOST_ROWS]
        ]
        with signals_blocked(self):
            self.clearSelection()
            self.fill(rows)

    def _on_selected(self) -> None:
        self.picked.emit(self.selected_rows())


def _name(number: int, centres: Mapping[int, NDArray[np.float32]] | None) -> str:
    if centres is None:
        return f"ROI {number}"
    y, x = centres[number]
    return f"{y:.0f}, {x:.0f}"
