"""napari 0.9.2: its list of layers cannot be painted while a layer with a histogram is removed. Without the plugin.

``python tests/gui/upstream/removed_histogram.py`` prints what is raised: “'NoneType' object has no attribute 'height'”.
Closing the histogram has vispy process events in the middle of the removal, and the list is painted while its rows
still count the layer that is gone (`LayerDelegate._paint_loading`).
"""

from __future__ import annotations

import sys

import napari
import numpy as np
from qtpy.QtWidgets import QApplication


def remove() -> list[str]:
    """Return what is raised when layers whose histograms were opened are removed."""
    raised: list[str] = []
    before, sys.excepthook = sys.excepthook, lambda *error: raised.append(str(error[1]))
    viewer = napari.Viewer()
    viewer.layers.events.removing.connect(  # or the canvas crashes: see removed_layer.py
        lambda _: viewer.window._qt_viewer.canvas.native.makeCurrent()
    )
    layers = [viewer.add_image(np.random.default_rng(0).uniform(size=(40, 50))) for _ in range(6)]
    for layer in layers:
        viewer.layers.selection.active = layer
        layer.histogram.enabled = True
        for _ in range(5):
            QApplication.processEvents()
    for layer in layers[:-1]:
        layer.visible = False  # the row is to be painted anew
        viewer.layers.remove(layer)
    viewer.close()
    sys.excepthook = before
    return raised


if __name__ == "__main__":
    print(remove() or "Nothing was raised.")
