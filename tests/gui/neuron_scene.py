"""A recording whose neurons are known, put into a viewer as the Neurons dock does it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_calcdyn.gui.neuron_views import show_neurons
from napari_calcdyn.gui.recordings import use_layer
from napari_calcdyn.gui.roi_layers import show_rois
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.recording import RoiSet, Traces

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


def neurons_of(traces: Traces, clusters: int = 3) -> Any:
    """What an analysis returns: neurons on a ring, in as many clusters; an unusable one has no place."""
    count, known = len(traces), traces.usable
    angle = 2 * np.pi * np.arange(count) / count
    tsne = np.stack([30 * np.cos(angle), 20 * np.sin(angle)], axis=1).astype(np.float32)
    tsne[~known] = np.nan
    cluster = np.where(known, np.arange(count) * clusters // count, -1)
    mean = np.where(known[:, None], np.stack([np.cos(angle), np.sin(angle)], axis=1), np.nan)
    smooth = np.array([np.convolve(row, np.full(3, 1 / 3), "same") for row in np.nan_to_num(traces.values)])
    return SimpleNamespace(
        ids=traces.ids,
        mean=mean.astype(np.float32),
        reconstruction=np.where(known[:, None], smooth, np.nan).astype(np.float32),
        tsne=tsne,
        cluster=cluster,
        problems=traces.problems,
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
    session.rois = rois
    show_rois(session)
    session.traces = traces
    return session


def analyse(session: Session, **options: Any) -> None:
    """Do what the Neurons dock does when an analysis is done."""
    assert session.traces is not None
    session.neurons = neurons_of(session.traces, **options)
    show_neurons(session)
