"""napari 0.9.2: the canvas crashes after a layer was removed. Shown without the plugin, to be reported.

``python tests/gui/upstream/removed_layer.py`` ends with a segmentation fault in `glDrawArrays` (Mesa 22.3.6, llvmpipe)
when the second picture after the removal is drawn. `VispyCanvas._clean_and_update_scenegraph` has vispy run its queue
(`context.finish()`) outside of `paintGL`, where Qt has left the context of the window current in place of that of the
canvas: buffers are filled and deleted in another context than the one that draws them. With ``--make-current``, the
canvas's own context is made current first, and nothing crashes: that line belongs before `context.finish()`.
"""

from __future__ import annotations

import faulthandler
import sys

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

RECTANGLE = np.array([[5.0, 5.0], [5.0, 25.0], [25.0, 25.0], [25.0, 5.0]])


def draw() -> None:
    """Add and remove a Shapes layer over an image, and draw in between."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(700, 500)
    if "--make-current" in sys.argv:
        viewer.layers.events.removing.connect(lambda _: viewer.window._qt_viewer.canvas.native.makeCurrent())
    viewer.add_image(np.random.default_rng(0).uniform(size=(40, 50)))
    for _ in range(20):
        layer = viewer.add_shapes([RECTANGLE], shape_type="polygon")
        _let_live()
        viewer.layers.remove(layer)
        _let_live()
    print("Nothing crashed.")
    viewer.close()


def _let_live() -> None:
    for _ in range(4):
        QApplication.processEvents()


if __name__ == "__main__":
    faulthandler.enable()
    draw()
