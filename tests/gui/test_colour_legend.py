"""What the colours of the neurons mean, as the page Neurons shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from neuron_scene import analyse, events
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.neurons.colour_legend import ColourLegend
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.session import session_of


def test_the_legend_offers_every_column_and_says_what_its_colours_mean(viewer: Any, qtbot: Any) -> None:
    session = session_of(viewer)
    session.neurons.traces = events(np.arange(20))
    analyse(session)
    legend = ColourLegend(views_of(session), Listener())
    qtbot.addWidget(legend)
    legend.show()
    assert [legend.choice.itemText(row) for row in range(legend.choice.count())] == [
        "cluster",
        "mu_1",
        "each its own",
    ]
    assert "0 (7)" in legend.words.text()
    assert not legend.bar.isVisible()
    legend.choice.setCurrentText("mu_1")
    legend.choice.textActivated.emit("mu_1")
    assert views_of(session).column == "mu_1"
    assert legend.bar.isVisible()
    QApplication.processEvents()
    middle = legend.bar.grab().toImage().pixelColor(legend.bar.width() // 2, 4)
    assert middle.getRgb()[1] > middle.getRgb()[0]  # the green middle of the scale
    assert "-0.991" in legend.words.text()
