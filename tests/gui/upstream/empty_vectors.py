"""napari 0.9.2: a Vectors layer without a vector cannot be drawn in 3-D. Shown without the plugin, to be reported.

``python tests/gui/upstream/empty_vectors.py`` prints what is raised while the canvas is drawn, where the viewer has
four dimensions: “Last dimension should be 3 not 4”.
"""

from __future__ import annotations

import sys

import napari
import numpy as np
from qtpy.QtWidgets import QApplication


def draw() -> list[str]:
    """Return what is raised when an empty Vectors layer is drawn in 3-D."""
    raised: list[str] = []
    before, sys.excepthook = sys.excepthook, lambda *error: raised.append(str(error[1]))
    viewer = napari.Viewer()
    viewer.add_image(np.zeros((3, 5, 20, 20)))
    viewer.add_vectors(np.empty((0, 2, 2)), ndim=2)
    viewer.dims.ndisplay = 3
    for _ in range(5):
        QApplication.processEvents()
    viewer.close()
    sys.excepthook = before
    return raised


if __name__ == "__main__":
    print(draw() or "Nothing was raised.")
