"""A recording with a trained model and ROIs, and what the tests of the Inspector do with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTabBar

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.inspector.dock import InspectorDock
from napari_calcdyn.gui.neurons.roi_layers import show_rois
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Movie, RoiSet

SHAPE, FRAMES, RATE = (48, 60), 400, 10.0
PLACE: dict[str, Any] = {"scale": (1, 0.5, 0.5), "translate": (0, 30, 40)}
FIRST = 11  # id of the first ROI


def six_cells() -> RoiSet:
    """Six square ROIs, numbered from `FIRST` on."""
    labels = np.zeros(SHAPE, np.int32)
    for number in range(6):
        top, left = 6 + 20 * (number // 3), 6 + 18 * (number % 3)
        labels[top : top + 8, left : left + 8] = FIRST + number
    return RoiSet.from_labels(labels)


def chain_movie(rois: RoiSet) -> np.ndarray:
    """Simulate frames in which the first cell drives the second, which holds the third down; float32."""
    random = np.random.default_rng(0)
    coefficients = 0.5 * np.eye(len(rois))
    coefficients[1, 0], coefficients[2, 1] = 0.7, -0.7
    traces = np.zeros((FRAMES, len(rois)))
    for t in range(1, FRAMES):
        traces[t] = coefficients @ traces[t - 1] + random.normal(0, 1, len(rois))
    pixels = 500 + 60 * traces @ (rois.footprints > 0).astype(float)
    pixels += random.normal(0, 8, pixels.shape)
    return np.asarray(pixels.reshape(FRAMES, *SHAPE), np.float32)


def train(pixels: np.ndarray, steps: int = 80) -> VARAutoencoder:
    """Fit a model whose latents do not reach the lower right corner."""
    config = VARAutoencoderConfig.preset("quick", steps=steps, latents=24, order=1)
    return VARAutoencoder(config).fit(Movie.from_array(pixels, frame_rate=RATE), device="cpu")


def show_movie(viewer: Any, pixels: np.ndarray) -> Session:
    """Put a movie into a viewer and make it the session's recording."""
    session = session_of(viewer)
    layer = viewer.add_image(
        pixels, name="movie", contrast_limits=(300, 800), metadata={"frame_rate": RATE}, **PLACE
    )
    use_layer(session, layer)
    return session


def take(session: Session, rois: RoiSet | None, model: VARAutoencoder | None) -> None:
    """Give a session its ROIs and its model."""
    session.rois.loaded = rois
    if rois is not None:
        show_rois(session)
    if model is not None:
        session.dynamics.model = model
        session.dynamics.var = model.var


def wait_until_ready(qtbot: Any, dock: InspectorDock) -> None:
    """Let the warm-up end."""

    def ready() -> bool:
        prepared = dock.inspection.prepared
        without_rois = dock.session.rois.loaded is None
        return prepared is not None and (without_rois or dock.session.answers.influence is not None)

    qtbot.waitUntil(ready, timeout=30_000)


def bring_to_front(qtbot: Any, dock: Any) -> None:
    """Click a dock's tab."""
    window = dock.window()
    title = dock.parentWidget().windowTitle()

    def tab() -> tuple[QTabBar, int] | None:
        for bar in window.findChildren(QTabBar):
            for place in range(bar.count()):
                if bar.tabText(place) == title and bar.isVisible():
                    return bar, place
        return None

    qtbot.waitUntil(lambda: tab() is not None, timeout=5000)
    bar, place = tab()  # type: ignore[misc]
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(place).center())
    qtbot.waitUntil(lambda: in_front(dock), timeout=5000)
