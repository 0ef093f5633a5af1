"""What a window shows, as plain values, to be compared with what it showed before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import QLabel, QTableWidget

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.gui.forms.values import values_of
from napari_calcdyn.gui.saved.layer_style import style_of
from napari_calcdyn.gui.saved.row import SessionRow
from napari_calcdyn.gui.session import session_of


def window_state(viewer: Any) -> dict[str, Any]:
    """Layers, selections, texts, tables, curves and settings of a window."""
    session = session_of(viewer)
    return {
        "layers": [_layer(it) for it in viewer.layers],
        "step": tuple(viewer.dims.current_step),
        "active": getattr(viewer.layers.selection.active, "name", None),
        "selected": session.rois.selected,
        "pinned": session.rois.pinned,
        "panels": {dock.topic: _panel(dock) for dock in session.panels},
    }


def differences(before: Any, after: Any, where: str = "") -> list[str]:
    """List in what two states differ; numbers may differ by a millionth."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = (
            [f"{where}: {sorted(map(str, before.keys() ^ after.keys()))} in one"]
            if before.keys() != after.keys()
            else []
        )
        for key in before.keys() & after.keys():
            found += differences(before[key], after[key], f"{where}/{key}")
        return found
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        if len(before) != len(after):
            return [f"{where}: {len(before)} became {len(after)}"]
        pairs = enumerate(zip(before, after, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{where}[{at}]")]
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        same = before.shape == after.shape and np.allclose(
            before, after, rtol=1e-6, atol=1e-6, equal_nan=True
        )
        return [] if same else [f"{where}: arrays {before.shape} and {after.shape} differ"]
    if isinstance(before, float) and isinstance(after, float):
        return (
            [] if np.isclose(before, after, rtol=1e-6, atol=1e-9) else [f"{where}: {before} became {after}"]
        )
    if isinstance(before, (np.ndarray, list)) or isinstance(after, (np.ndarray, list)):
        return [f"{where}: a {type(before).__name__} became a {type(after).__name__}"]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


def _layer(layer: Any) -> dict[str, Any]:
    kind = type(layer).__name__
    about = {"kind": kind, "style": style_of(layer)}
    if kind == "Image":
        about["data"] = np.asarray(layer.data[:: max(1, len(layer.data) // 7)], np.float64)
    elif kind == "Labels":
        about["data"] = np.asarray(layer.data)
        about["colours"] = np.asarray(layer.colormap.colors, np.float64)
    elif kind == "Shapes":
        about["data"] = [np.asarray(it) for it in layer.data]
        about["edge_color"] = np.asarray(layer.edge_color, np.float64)
    elif kind == "Points":
        for name in ("data", "face_color", "border_color", "size"):
            about[name] = np.asarray(getattr(layer, name), np.float64)
    elif kind == "Surface":
        about["data"] = [np.asarray(it, np.float64) for it in layer.data[:3]]
    return about


def _panel(dock: Any) -> dict[str, Any]:
    if dock.topic in ("inspector", "compare") and not in_front(dock):  # they follow once somebody looks
        return {"front": False, "settings": values_of(dock.settings())}
    row = dock.findChildren(SessionRow)
    skipped = {id(label) for it in row for label in it.findChildren(QLabel)}
    texts = [
        it.text()
        for it in dock.findChildren(QLabel)
        if it.isVisibleTo(dock)
        and id(it) not in skipped
        and it is not dock.message
        and not isinstance(it, MessageLine)
    ]
    tables = [
        [[cell.text() if (cell := it.item(row, column)) is not None else "" for column in range(it.columnCount())]
         for row in range(it.rowCount())]
        for it in dock.findChildren(QTableWidget)
        if it.isVisibleTo(dock)
    ]  # fmt: skip
    curves = [
        [np.asarray(part, np.float64) for part in item.getData() if part is not None]
        for plot in dock.findChildren(pg.PlotWidget)
        if plot.isVisibleTo(dock)
        for item in plot.listDataItems()
    ]
    return {
        "front": in_front(dock),
        "settings": values_of(dock.settings()),
        "texts": texts,
        "tables": tables,
        "curves": curves,
    }
