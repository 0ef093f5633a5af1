"""A plot of a dock as a figure for a paper, by a right click on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyqtgraph as pg
import pytest
from driving import train_briefly
from qtpy.QtCore import QPoint, QSize
from qtpy.QtGui import QContextMenuEvent, QImage, QPainter
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from napari_calcdyn.gui.plots.loss_plot import LossPlot


def right_click(plot: QWidget, monkeypatch: pytest.MonkeyPatch, chosen: Path) -> list[str]:
    """Ask for the menu as Qt does, take its first entry, and save under a name; returns the entries."""
    entries: list[str] = []

    def take(menu: QMenu, *_: object) -> None:
        entries.extend(action.text() for action in menu.actions())
        menu.actions()[0].trigger()

    monkeypatch.setattr(QMenu, "exec", take)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(chosen), ""))
    view = plot if isinstance(plot, pg.GraphicsView) else plot.findChild(pg.GraphicsView)
    place = view.viewport().rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
    QApplication.sendEvent(view.viewport(), event)
    return entries


def drawn(file: Path) -> np.ndarray:
    """Return what a figure looks like, (Y, X, 3)."""
    renderer = QSvgRenderer(str(file))
    assert renderer.isValid()
    image = QImage(renderer.defaultSize() * 2, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFF)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    if folder := os.environ.get("CALCDYN_LOOK"):
        image.save(f"{folder}/{file.stem}.png")
    data = np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8)
    return data.reshape(image.height(), -1, 4)[:, : image.width(), :3].copy()


def corner(plot: QWidget) -> int:
    view = plot if isinstance(plot, pg.GraphicsView) else plot.findChild(pg.GraphicsView)
    return int(view.grab().toImage().pixel(2, 2))


def test_plots_of_a_dock_are_saved_for_paper(
    docks: Any, viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, dynamics = docks
    train_briefly(qtbot, dynamics)
    matrix = dynamics.matrix.findChild(pg.GraphicsView)
    curves: LossPlot = dynamics.model.curves
    for tab, name, plot in ((1, "matrix", matrix), (0, "curves", curves)):
        dynamics.views.setCurrentIndex(tab)
        qtbot.waitUntil(plot.isVisible)
        before = corner(plot)
        for ending in ("svg", "pdf"):
            file = tmp_path / f"{name}.{ending}"
            assert right_click(plot, monkeypatch, file) == [
                "Save as figure (SVG, PDF) …",
                "Restore the defaults of this panel",
            ]
            assert dynamics.session.work.notice.text == f"The plot was saved as {file}."
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        svg = ElementTree.fromstring((tmp_path / f"{name}.svg").read_text(encoding="utf-8"))
        texts = "".join(svg.itertext())
        for words in (
            ("from source", "coefficient") if name == "matrix" else ("training step", "training frames")
        ):
            assert words in texts  # words stay words
        picture = drawn(tmp_path / f"{name}.svg")
        assert np.median(picture) >= 250  # white, though the window is dark
        assert picture.min() < 120
        assert corner(plot) == before != 0xFFFFFFFF  # the window is as it was
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [
        ".pdf",
        ".pdf",
        ".svg",
        ".svg",
    ]

    file = tmp_path / "none" / "plot.svg"
    right_click(matrix, monkeypatch, file)
    assert dynamics.session.work.notice.is_error
    assert "cannot be written" in dynamics.session.work.notice.text


def test_no_figure_beside_a_plot(docks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: list[str] = []
    monkeypatch.setattr(QMenu, "exec", lambda menu, *_: entries.extend(it.text() for it in menu.actions()))
    _, dynamics = docks
    button = dynamics.model.train
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(3, 3), button.mapToGlobal(QPoint(3, 3)))
    QApplication.sendEvent(button, event)
    assert button.size() != QSize()
    assert entries == ["Restore the defaults of this panel"]
