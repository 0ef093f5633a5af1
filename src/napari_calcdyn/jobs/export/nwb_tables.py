"""Tables of an NWB file: neurons, and connections between latents or ROIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .results import Results, column_words

if TYPE_CHECKING:
    from hdmf.common import VectorData
    from pynwb import ProcessingModule
    from pynwb.ophys import PlaneSegmentation

_CONNECTIONS = {
    "run": ("CalcdynDynamics", "Coefficients of the VAR that are not zero."),
    "influence": ("CalcdynInfluence", "Tested connections between ROIs, all pairs."),
    "compare": ("CalcdynChanges", "Connections that changed from A to B."),
}


def free_name(taken: Any, name: str) -> str:
    """Return a name, with a number at the end if there is one of it already.

    Parameters
    ----------
    taken : ProcessingModule, mapping or None
        Where it must be free.
    name : str
        What it is to be called.

    Returns
    -------
    str
        The name, or one that ends in ``_2`` and so on.
    """
    there = (
        {it.name for it in taken.containers.values()} if hasattr(taken, "containers") else set(taken or ())
    )
    numbers = (name if at == 1 else f"{name}_{at}" for at in range(1, len(there) + 2))
    return next(it for it in numbers if it not in there)


def table_columns(columns: dict[str, NDArray[Any]]) -> list[VectorData]:
    """Return the columns of a table with their descriptions."""
    from hdmf.common import VectorData

    return [
        VectorData(name=name, description=column_words(name), data=np.asarray(values))
        for name, values in columns.items()
    ]


def columns_of_neurons(results: Results) -> dict[str, NDArray[Any]]:
    """Return what is known of each neuron; the ids only where there are no ROIs, which have them."""
    return {
        name: values if name.startswith(("mu_", "tsne_")) else values.astype(np.int64)
        for name, values in results.neurons.items()
        if name != "roi_id" or results.rois is None
    }


def add_neurons(module: ProcessingModule, results: Results) -> None:
    """Add a table of neurons that have no ROIs to a processing module."""
    from hdmf.common import DynamicTable

    words = "Latents and clusters of neurons by an adaptive variational autoencoder."
    columns = table_columns(columns_of_neurons(results))
    module.add(DynamicTable(name=free_name(module, "CalcdynNeurons"), description=words, columns=columns))


def add_connections(
    module: ProcessingModule,
    results: Results,
    kind: str,
    connections: dict[str, NDArray[Any]],
    rois: PlaneSegmentation | None,
) -> None:
    """Add a table of connections to a processing module.

    Parameters
    ----------
    module : ProcessingModule
        Gets it.
    results : Results
        The results.
    kind : str
        The command that writes such connections: ``run``, ``influence`` or ``compare``.
    connections : dict of str to ndarray (n,)
        The columns.
    rois : PlaneSegmentation or None
        The ROIs that they lead from and to, whose rows stand for them then; None for latents.
    """
    from hdmf.common import DynamicTable, DynamicTableRegion

    between = "latents" if rois is None else "ROIs"
    name, words = _CONNECTIONS[kind]
    columns = dict(connections)
    found: list[VectorData] = []
    if rois is not None and results.rois is not None:
        row = {number: at for at, number in enumerate(results.rois.ids.tolist())}
        for end in ("source", "target"):
            rows = [row[number] for number in columns.pop(end).tolist()]
            found.append(DynamicTableRegion(name=end, data=rows, description=column_words(end), table=rois))
    table = DynamicTable(
        name=free_name(module, name),
        description=f"{words} Between {between}.",
        columns=found + table_columns(columns),
    )
    module.add(table)
