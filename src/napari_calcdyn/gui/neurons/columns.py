"""What the neurons can be coloured by: everything that is one value per neuron."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session

CLUSTER = "cluster"


def neuron_columns(session: Session) -> dict[str, NDArray[Any]]:
    """Return every column that there is, by its name.

    Parameters
    ----------
    session : Session
        Its neurons, its table of columns, and what came with its ROIs.

    Returns
    -------
    dict of str to ndarray of shape (N,)
        Numbers, truth values or texts, in the order of ``session.neurons.result.ids``; the cluster first. Empty
        without neurons.
    """
    neurons, traces, rois = session.neurons.result, session.neurons.traces, session.rois.loaded
    if neurons is None:
        return {}
    known = {} if rois is None else _by_id(rois.columns, rois.ids, neurons.ids)
    known |= {name: np.asarray(values) for name, values in neurons.features.items()}
    known[CLUSTER] = neurons.cluster
    table = {} if traces is None else _by_id(session.neurons.columns, traces.ids, neurons.ids)
    named = {table_name(name, known): values for name, values in table.items()}
    return {CLUSTER: neurons.cluster} | named | known


def table_name(name: str, known: Collection[str]) -> str:
    """Return what a column of the user's table is called beside those that are known anyway."""
    return f"{name} (table)" if name in known else name


def _by_id(columns: Any, ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return columns in the order of the wanted ids; none where one of them is not there."""
    order = np.argsort(ids)
    at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    if not np.array_equal(ids[at], wanted):
        return {}
    return {name: np.asarray(values)[at] for name, values in columns.items() if np.ndim(values) == 1}
