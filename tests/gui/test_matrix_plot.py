"""A matrix of thousands of latents is drawn smaller, and every entry can still be pointed at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF
from scipy.sparse import csr_array

from napari_calcdyn.gui.dynamics.matrix_plot import MatrixPlot


class Model:
    """As much of a VAR as is drawn."""

    def __init__(self, latents: int, entries: dict[tuple[int, int], float]) -> None:
        at, values = np.array(list(entries)).T, np.array(list(entries.values()), np.float32)
        self.latents, self.nonzeros = latents, len(values)
        self.tables = [csr_array((values, (at[0], at[1])), shape=(latents, latents))]


ENTRIES = {(5, 5): 1.0, (2000, 2001): 0.3, (2000, 2003): -0.4, (4099, 0): -0.2}


@pytest.fixture
def plot(qtbot: Any) -> MatrixPlot:
    plot = MatrixPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 400)
    plot.show()
    plot.show_var(Model(4100, ENTRIES), np.zeros((4100, 2)))
    return plot


def pointed_at(plot: MatrixPlot, target: int, source: int) -> str:
    plot._on_mouse(plot.plot.getViewBox().mapViewToScene(QPointF(source + 0.5, target + 0.5)))
    return str(plot.readout.text())


def test_nothing_vanishes_from_the_whole_picture(plot: MatrixPlot) -> None:
    image = plot.image.image
    assert max(image.shape) <= 512
    for (target, source), value in ENTRIES.items():
        shown = image[target // 9, source // 9]
        assert shown == np.float32(value if (target, source) != (2000, 2001) else -0.4)
        assert f"target {target} " in pointed_at(plot, target, source) or value == 0.3
    assert "source 2003 " in pointed_at(plot, 2000, 2001)  # the strongest of what is drawn there
    assert "no connection" in pointed_at(plot, 1000, 3000)


def test_when_it_is_large_every_entry_is_found(plot: MatrixPlot, qtbot: Any) -> None:
    plot.plot.getViewBox().setRange(xRange=(1995, 2010), yRange=(1995, 2010), padding=0)
    qtbot.waitUntil(lambda: plot._reach() == 0)
    assert "source 2001 (y 0, x 0) → target 2000 (y 0, x 0): +0.3" in pointed_at(plot, 2000, 2001)
    assert ": -0.4" in pointed_at(plot, 2000, 2003)
    assert plot.image.mapToView(QPointF(plot.image.image.shape[1], 0)).x() >= 4100
