"""The influence graph as CSV for spreadsheets and as GraphML for graph programs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.csv_table import read_cells
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.writing import replacing, write_table, writing

EDGE = np.dtype(
    [
        ("source", np.int64),
        ("target", np.int64),
        ("lag", np.int64),
        ("strength", float),
        ("effect", float),
        ("p_value", float),
    ]
)
"""One connection: ids of the two ROIs, lag in frames, partial correlation, effect in standard deviations of the target
per standard deviation of the source, family-wise p-value or NaN."""

_GRAPHML = "http://graphml.graphdrawing.org/xmlns"


def write_csv(path: Path, edges: NDArray[np.void]) -> None:
    """Write connections as a table with the columns of `EDGE`.

    Parameters
    ----------
    path : Path
        Replaced, in one step.
    edges : structured ndarray
        Of dtype `EDGE`.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    rows = ([*edge[:3], *map(_number, edge[3:])] for edge in edges.tolist())
    write_table(path, [EDGE.names or (), *rows])


def read_csv(path: Path) -> NDArray[np.void]:
    """Read connections that `write_csv` wrote.

    Parameters
    ----------
    path : Path
        A table with the columns of `EDGE`.

    Returns
    -------
    structured ndarray
        Of dtype `EDGE`, in the order of the file; NaN where a number is blank.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds something else.
    """
    try:
        (head, *rows), _ = read_cells(path)
        if tuple(head) != EDGE.names:
            raise ValueError("other columns")
        edges = np.array([tuple(float(cell) if cell else np.nan for cell in row) for row in rows], EDGE)
        if not (np.isfinite(edges["strength"]) & np.isfinite(edges["effect"])).all():
            raise ValueError("blank cells")
        return edges
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(
            f"{path.name} is damaged or holds no connections: run `calcdyn run` again."
        ) from error


def write_graphml(
    path: Path, ids: NDArray[np.int64], centres: NDArray[np.float32], edges: NDArray[np.void]
) -> None:
    """Write ROIs and connections as GraphML, which networkx, Gephi, Cytoscape and igraph read.

    Parameters
    ----------
    path : Path
        Replaced, in one step.
    ids : ndarray (N,), int64
        Ids of the ROIs, the names of the nodes.
    centres : ndarray (N, 2)
        Their centres, in pixels; nodes get attributes ``y`` and ``x``.
    edges : structured ndarray
        Of dtype `EDGE`; an edge gets ``lag``, ``strength``, ``effect``, ``weight`` (the strength without sign)
        and ``p_value``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    root = ElementTree.Element("graphml", xmlns=_GRAPHML)
    of_edges = ("lag", "strength", "effect", "weight", "p_value")
    for name, belongs in [("y", "node"), ("x", "node"), *((name, "edge") for name in of_edges)]:
        kind = "int" if name == "lag" else "double"
        ElementTree.SubElement(
            root, "key", {"id": name, "for": belongs, "attr.name": name, "attr.type": kind}
        )
    graph = ElementTree.SubElement(root, "graph", edgedefault="directed")
    for number, (y, x) in zip(ids.tolist(), centres.tolist(), strict=True):
        node = ElementTree.SubElement(graph, "node", id=str(number))
        _add(node, y=y, x=x)
    for source, target, lag, strength, effect, p_value in edges.tolist():
        edge = ElementTree.SubElement(graph, "edge", source=str(source), target=str(target))
        _add(edge, lag=lag, strength=strength, effect=effect, weight=abs(strength), p_value=p_value)
    ElementTree.indent(root)
    with writing(path.parent), replacing(path) as beside:
        ElementTree.ElementTree(root).write(beside, encoding="utf-8", xml_declaration=True)


def _add(element: ElementTree.Element, **values: float) -> None:
    for name, value in values.items():
        if not np.isnan(value):
            ElementTree.SubElement(element, "data", key=name).text = _number(value)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
