"""What a click means: an ROI of the session, one that is drawn in another layer, or a pixel of the movie."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes

from napari_calcdyn.gui.neurons.roi_sources import drawn_layers, plane_affine, shape_outline
from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback, report

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Movie

_FRAMES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture that can be inspected.

    Parameters
    ----------
    name : str
        What to call it.
    rois : RoiSet
        Of one ROI: its weights on the pixels.
    roi : int, optional
        Its id among the session's ROIs; None where it is none of them.
    layer : weak reference, optional
        The Labels or Shapes layer in which it is drawn, where it is none of the session's ROIs.
    """

    name: str
    rois: RoiSet
    roi: int | None = None
    layer: weakref.ref[Labels | Shapes] | None = None

    @property
    def centre(self) -> NDArray[np.float32]:
        """Where it is, (y, x) in pixels."""
        weights = self.rois.footprints
        places = np.divmod(weights.indices, self.rois.frame_shape[1])  # of the region only, hence quick
        return np.array([weights.data @ place for place in places], np.float32)


def region_of_roi(rois: RoiSet, number: int) -> Region | None:
    """Return an ROI by its id, or None where there is no such ROI."""
    at = np.flatnonzero(rois.ids == number)
    return Region(f"ROI {number}", rois.select(at), number) if len(at) else None


def region_at(session: Session, position: NDArray[np.float64]) -> Region | None:
    """Return what is at a place in the world beside the session's ROIs.

    Parameters
    ----------
    session : Session
        With a movie.
    position : ndarray
        In the world, time included.

    Returns
    -------
    Region or None
        What is drawn there in the topmost layer that is visible, or else the pixel; None beside the movie.

    Raises
    ------
    InputError
        If what is drawn there covers no pixel of the movie.
    """
    movie, like = session.recording.movie, session.movie_layer
    if movie is None or like is None:
        return None
    for layer in reversed(drawn_layers(session)):
        found = _drawn_at(layer, like, movie.frame_shape, position) if layer.visible else None
        if found is not None:
            return found
    y, x = np.rint(like.world_to_data(position)[-2:]).astype(int).tolist()
    height, width = movie.frame_shape
    if not (0 <= y < height and 0 <= x < width):
        return None
    return Region(f"Pixel y {y}, x {x}", _pixels([y], [x], movie.frame_shape, "the movie"))


def _drawn_at(
    layer: Labels | Shapes, like: Layer, frame_shape: tuple[int, int], position: NDArray[np.float64]
) -> Region | None:
    if isinstance(layer, Shapes):
        number, _ = layer.get_value(position, world=True) or (None, None)
        if number is None:
            return None
        outline = shape_outline(layer, layer.data[number], layer.shape_type[number], like)
        if outline is None:
            return None
        name = f"Shape {number + 1} of {layer.name}"
        return Region(name, RoiSet.from_polygons([outline], frame_shape, name=name), layer=weakref.ref(layer))
    data = layer.data[0] if layer.multiscale else layer.data
    at = np.rint(layer.world_to_data(position)).astype(int)
    if not all(0 <= index < size for index, size in zip(at[-data.ndim :], data.shape, strict=True)):
        return None
    plane = np.asarray(data[tuple(at[-data.ndim : -2])])
    label = int(plane[at[-2], at[-1]])
    if not label:
        return None
    name = f"Label {label} of {layer.name}"
    y, x = _movie_pixels(plane == label, layer, like, frame_shape)
    if not len(y):
        raise InputError(f"{name} covers no pixel of the movie: move the layer over the movie.")
    return Region(name, _pixels(y, x, frame_shape, name), layer=weakref.ref(layer))


def _movie_pixels(
    mask: NDArray[np.bool_], layer: Labels, like: Layer, frame_shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the movie's pixels whose centres lie in a mask on a layer."""
    to_movie, to_layer = plane_affine(layer, like), plane_affine(like, layer)
    inside = np.argwhere(mask) @ to_movie[:, :2].T + to_movie[:, 2]
    margin = np.abs(to_movie[:, :2]).sum(axis=1)  # half a pixel of the layer on either side
    low = np.maximum(np.floor(inside.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(inside.max(axis=0) + margin) + 1, frame_shape).astype(int)
    if (high <= low).any():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    y, x = (it.ravel() for it in np.mgrid[low[0] : high[0], low[1] : high[1]])
    at = np.rint(np.stack([y, x], axis=1) @ to_layer[:, :2].T + to_layer[:, 2]).astype(int)
    known = np.flatnonzero(((at >= 0) & (at < mask.shape)).all(axis=1))
    known = known[mask[at[known, 0], at[known, 1]]]
    return y[known], x[known]


def _pixels(y: Any, x: Any, frame_shape: tuple[int, int], name: str) -> RoiSet:
    weights = np.zeros(frame_shape, np.float32)
    weights[y, x] = 1
    return RoiSet(weights.reshape(1, -1), np.array([1]), frame_shape, name)


def read_trace(movie: Movie, region: Region, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
    """Read the trace of one region, and of the movie no more than lies round it.

    Parameters
    ----------
    movie : Movie
        The recording.
    region : Region
        On its frames.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ndarray (T,), float32
        Weighted mean of the region's pixels that are not masked; NaN for frames that are left out.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    weights = region.rois.within(movie.valid_pixels).footprints
    y, x = np.divmod(weights.indices, movie.frame_shape[1])
    top, left = y.min(), x.min()
    place, share = (y - top, x - left), weights.data.astype(np.float64)
    trace = np.empty(movie.n_frames, np.float32)
    for start in range(0, movie.n_frames, _FRAMES_AT_ONCE):
        stop = min(start + _FRAMES_AT_ONCE, movie.n_frames)
        cut = np.asarray(movie.data[start:stop, top : y.max() + 1, left : x.max() + 1])
        trace[start:stop] = cut[:, *place].astype(np.float64) @ share
        report(progress, stop, movie.n_frames)
    trace[~movie.valid_frames] = np.nan
    return trace
