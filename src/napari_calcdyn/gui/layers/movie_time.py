"""The viewer's time slider, in frames of the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Traces


def shown_frame(session: Session) -> int | None:
    """Return the number of the movie's frame that the slider is at, or None where there is no movie."""
    viewer, movie, layer = session.viewer, session.recording.movie, session.movie_layer
    if viewer is None or movie is None or layer is None or layer.ndim < 3:
        return None
    world = viewer.dims.point[_axis(viewer.dims.ndim)]
    frame = round(float((world - layer.translate[-3]) / layer.scale[-3]))
    return min(max(frame, 0), movie.n_frames - 1)


def show_frame(session: Session, frame: int) -> None:
    """Move the slider to a frame of the movie, where there is one."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is not None and layer is not None and layer.ndim >= 3:
        viewer.dims.set_point(_axis(viewer.dims.ndim), frame * layer.scale[-3] + layer.translate[-3])


def belong_together(session: Session) -> bool:
    """Whether sample i of the session's traces is frame i of its movie: both have as many."""
    traces, movie = session.neurons.traces, session.recording.movie
    return traces is not None and movie is not None and traces.samples == movie.n_frames


def strongest_event(traces: Traces, ids: NDArray[np.int64]) -> int | None:
    """Return the sample at which some neurons together are furthest above their means.

    Parameters
    ----------
    traces : Traces
        Of a recording.
    ids : ndarray of int
        The neurons.

    Returns
    -------
    int or None
        Where the mean over the neurons of the z-scored traces has its maximum; None where none of them has a
        usable trace.
    """
    values = traces.values[np.isin(traces.ids, ids) & traces.usable]
    if not len(values):
        return None
    valid = np.isfinite(values)
    count = valid.sum(axis=1, keepdims=True)
    deviation = np.where(valid, values, 0) - np.where(valid, values, 0).sum(axis=1, keepdims=True) / count
    deviation[~valid] = 0
    spread = np.sqrt((deviation**2).sum(axis=1, keepdims=True) / count)
    total = (deviation / spread).sum(axis=0) / np.maximum(valid.sum(axis=0), 1)
    return int(np.where(valid.any(axis=0), total, -np.inf).argmax())


def _axis(ndim: int) -> int:
    return ndim - 3  # time is before y and x, whatever comes before it
