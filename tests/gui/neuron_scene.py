"""A recording whose neurons are known, put into a viewer as the Neurons dock does it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_calcdyn.analysis.neurons.neurons import Neurons
from napari_calcdyn.analysis.neurons.tsne import Embedding
from napari_calcdyn.gui.neurons.latent_layer import ROI_ID
from napari_calcdyn.gui.neurons.roi_layers import show_rois
from napari_calcdyn.gui.neurons.views import show_neurons, views_of
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.recording import Denoised, RoiSet, Traces

FRAMES = 60


def grid_of_rois(rows: int, columns: int, side: int = 8, first_id: int = 100) -> RoiSet:
    """Square ROIs with a gap of three pixels, numbered row by row from `first_id` on."""
    pitch = side + 3
    labels = np.zeros((rows * pitch + 3, columns * pitch + 3), np.int64)
    for number in range(rows * columns):
        top, left = 3 + pitch * (number // columns), 3 + pitch * (number % columns)
        labels[top : top + side, left : left + side] = first_id + number
    return RoiSet.from_labels(labels)


def events(ids: np.ndarray, frames: int = FRAMES) -> Traces:
    """Traces in which neuron i has its one event at frame 5 + i mod (frames − 10), over weak noise."""
    random = np.random.default_rng(0)
    values = random.normal(0, 0.05, (len(ids), frames))
    at = 5 + np.arange(len(ids)) % (frames - 10)
    decay = np.exp(-np.arange(frames) / 4)
    for row, start in zip(values, at, strict=True):
        row[start:] += decay[: frames - start]
    return Traces(values, ids, frame_rate=10.0, unit="ΔF/F")


def neurons_of(traces: Traces, clusters: int = 3) -> Neurons:
    """What an analysis returns: neurons on a ring, in as many clusters; an unusable one has no place."""
    count, known = len(traces), traces.usable
    angle = 2 * np.pi * np.arange(count) / count
    tsne = np.stack([30 * np.cos(angle), 20 * np.sin(angle)], axis=1).astype(np.float32)
    tsne[~known] = np.nan
    cluster = np.where(known, np.arange(count) * clusters // count, -1)
    mean = np.where(known[:, None], np.stack([np.cos(angle), np.sin(angle)], axis=1), np.nan)
    smooth = np.array([np.convolve(row, np.full(3, 1 / 3), "same") for row in np.nan_to_num(traces.values)])
    return Neurons(
        ids=traces.ids,
        mean=mean.astype(np.float32),
        std=np.ones(mean.shape, np.float32),
        reconstruction=np.where(known[:, None], smooth, np.nan).astype(np.float32),
        tsne=tsne,
        cluster=cluster,
        embedding=Embedding(tsne[known], 5.0, 2, None, 1.0),
        problems=traces.problems,
        denoised=Denoised(
            values=np.where(known[:, None], smooth + 0.01, np.nan).astype(np.float32),
            sd=np.where(known[:, None], np.full_like(smooth, 0.05), np.nan).astype(np.float32),
            noise=np.full(count, 0.1, np.float32),
            decay=4.0,
            share=1.0,
        ),
        features={"mu_1": mean[:, 0].astype(np.float32), "cluster": cluster},
    )


def add_movie(viewer: Any, rois: RoiSet, traces: Traces, **place: Any) -> Any:
    """Show a movie in which the ROIs light up as their traces do; returns its layer."""
    cells = (rois.footprints > 0).astype(np.float32)
    pixels = 100 + 200 * np.nan_to_num(traces.values).T @ cells
    movie = pixels.reshape(traces.samples, *rois.frame_shape).astype(np.uint16)
    return viewer.add_image(movie, name="movie", contrast_limits=(80, 300), **place)


def show_recording(viewer: Any, rois: RoiSet, traces: Traces, **place: Any) -> Session:
    """Put movie, ROIs and traces into a viewer's session."""
    session = session_of(viewer)
    use_layer(session, add_movie(viewer, rois, traces, **place))
    session.rois.loaded = rois
    show_rois(session)
    session.neurons.traces = traces
    return session


def analyse(session: Session, **options: Any) -> None:
    """Do what the Neurons dock does when an analysis is done."""
    assert session.neurons.traces is not None
    session.neurons.result = neurons_of(session.neurons.traces, **options)
    show_neurons(session)


def as_new(viewer: Any) -> None:
    """Undo what a user does without touching layers or results."""
    session = session_of(viewer)
    session.rois.selected, session.neurons.shown_traces, session.work.notice, session.neurons.columns = (
        (),
        None,
        None,
        {},
    )
    viewer.theme = "dark"
    views_of(session).colour_by("cluster")
    for layer in viewer.layers:
        layer.visible, layer.mode = True, "pan_zoom"
    viewer.layers.selection.active = viewer.layers[-2] if len(viewer.layers) > 1 else None
    viewer.dims.current_step = (0,) * viewer.dims.ndim
    viewer.reset_view()


def canvas_point(viewer: Any, world: Any) -> QPoint:
    """Where a place (y, x) in the world is on the canvas, in pixels of the screen."""
    canvas = viewer.window._qt_viewer.canvas
    height, width = canvas.size
    y, x = (np.asarray(world, float)[-2:] - viewer.scene.camera.center[-2:]) * viewer.scene.camera.zoom
    return QPoint(round(width / 2 + x), round(height / 2 + y))


def press(viewer: Any, world: Any, *more: Any, shift: bool = False) -> None:
    """Press the mouse on the canvas, drag it through more places, and let it go, as the window system does."""
    canvas = viewer.window._qt_viewer.canvas.native
    QApplication.processEvents()  # the window finds its size
    left = Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    places = [canvas_point(viewer, at) for at in (world, *more)]  # before the drag moves the camera
    _send(canvas, QEvent.Type.MouseMove, places[0], Qt.MouseButton.NoButton, keys)
    _send(canvas, QEvent.Type.MouseButtonPress, places[0], left, keys)
    for place in places[1:]:
        time.sleep(0.011)  # of moves that follow each other faster, vispy drops one
        _send(canvas, QEvent.Type.MouseMove, place, left, keys)
        QApplication.processEvents()  # napari collects moves for some milliseconds
    _send(canvas, QEvent.Type.MouseButtonRelease, places[-1], left, keys)


def _send(canvas: Any, kind: Any, at: QPoint, button: Any, keys: Any) -> None:
    moving, released = kind == QEvent.Type.MouseMove, kind == QEvent.Type.MouseButtonRelease
    own = Qt.MouseButton.NoButton if moving else button
    held = Qt.MouseButton.NoButton if released else button
    event = QMouseEvent(kind, QPointF(at), QPointF(canvas.mapToGlobal(at)), own, held, keys)
    QApplication.sendEvent(canvas, event)


def place_of_roi(session: Session, number: int) -> np.ndarray:
    """The centre of an ROI in the world, (y, x)."""
    assert session.rois.loaded is not None
    layer = session.roi_labels
    assert layer is not None
    return np.asarray(layer.data_to_world(session.rois.loaded.centres[session.rois.loaded.ids == number][0]))


def place_of_point(session: Session, number: int) -> np.ndarray:
    """The place of a neuron's point in the world, (y, x)."""
    layer = views_of(session).map_layer
    assert layer is not None
    index = int(np.flatnonzero(layer.features[ROI_ID] == number)[0])
    return np.asarray(layer.data_to_world(layer.data[index]))


def opacities(session: Session) -> dict[int, float]:
    """How opaque each ROI is drawn, by id."""
    assert session.rois.loaded is not None
    layer = session.roi_labels
    assert layer is not None
    drawn = layer.colormap.map(np.arange(1, len(session.rois.loaded) + 1, dtype=layer.data.dtype))
    return dict(zip(session.rois.loaded.ids.tolist(), drawn[:, 3].tolist(), strict=True))


def ringed(session: Session) -> set[int]:
    """The ids of the neurons whose points have a ring."""
    layer = views_of(session).map_layer
    assert layer is not None
    bright = layer.border_color[:, :3].mean(axis=1) > 0.5  # on a dark canvas
    assert np.array_equal(layer.size > np.min(layer.size), bright & ~bright.all())
    return set(np.asarray(layer.features[ROI_ID])[bright].tolist())
