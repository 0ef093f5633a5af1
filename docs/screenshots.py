"""Make the pictures of the pages from the real window: simulated recording, real training, both themes.

Run by ``make docs``; without a screen, under ``xvfb-run -a -s "-screen 0 1600x1000x24"``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.results import EXPLAINED
from napari_calcdyn.simulate.movie import simulate_movie

IMAGES = Path(__file__).parent / "images"


def let_live(seconds: float) -> None:
    """Run the window for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.005)


def wait_until(condition: Callable[[], bool], timeout: float = 300.0) -> None:
    """Run the window until something is true."""
    until = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("The window did not get there in time.")
        let_live(0.05)


def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    recording, dynamics, _ = add_docks(viewer)
    session = recording.session
    let_live(0.5)

    def picture(name: str) -> None:
        viewer.reset_view()
        let_live(0.4)
        viewer.window.screenshot(IMAGES / f"{name}.png", flash=False, canvas_only=False)

    with tempfile.TemporaryDirectory() as folder:
        simulate_movie().save(folder)
        recording.open([Path(folder) / "movie.tif"])
        wait_until(lambda: session.job is None)
        picture("opened")
        recording.mean.click()
        wait_until(lambda: session.job is None)
        picture("mean_frame")

        dynamics.parentWidget().raise_()
        dynamics.preset.setCurrentText("quick")
        dynamics.train.click()
        wait_until(lambda: session.status is not None and (session.status.fraction or 0) > 0.5)
        picture("training")
        wait_until(lambda: session.job is None)
        viewer.layers.selection.active = viewer.layers[EXPLAINED]
        picture("window")
        viewer.theme = "light"
        picture("window_light")
        viewer.close()


if __name__ == "__main__":
    main()
