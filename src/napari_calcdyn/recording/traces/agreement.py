"""Whether ROIs lie on the cells whose traces another program extracted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.progress import ProgressCallback
from napari_calcdyn.recording.rois import RoiSet, open_rois

from .extraction import extract_traces
from .open import open_traces
from .traces import Traces

_MOST_FRAMES = 2000
_FOLLOWS = 0.3  # a median correlation; ROIs that lie on their cells have more


@dataclass(frozen=True)
class Agreement:
    """How well the light under ROIs follows the traces that came with them.

    Parameters
    ----------
    as_read : ndarray of shape (N,), float64
        Correlation of each ROI's weighted mean in the movie with its trace; NaN where one of them is constant.
    transposed : ndarray of shape (N,), float64
        The same, had the pixels of the ROIs been counted in the other order: y and x exchanged in a square frame.
    """

    as_read: NDArray[np.float64]
    transposed: NDArray[np.float64]

    @property
    def fits(self) -> bool:
        """Whether the ROIs fit as they were read, and no better transposed; in the median."""
        known = np.isfinite(self.as_read) & np.isfinite(self.transposed)
        return not known.any() or bool(np.median(self.as_read[known]) >= np.median(self.transposed[known]))

    def __str__(self) -> str:
        """Say in one sentence how the ROIs fit, with the medians of both correlations."""
        known = np.isfinite(self.as_read) & np.isfinite(self.transposed)
        if not known.any():
            return "The traces that came with the ROIs do not change, so that they cannot be compared with the movie."
        as_read, transposed = (
            round(float(np.median(it[known])), 2) + 0.0 for it in (self.as_read, self.transposed)
        )
        if max(as_read, transposed) < _FOLLOWS:
            return (
                f"The light under the ROIs does not follow the traces that came with them (correlation {as_read:.2f} as"
                f" stored, {transposed:.2f} with y and x exchanged): they may belong to another recording."
            )
        if self.fits:
            return (
                f"The ROIs lie on their cells: the light under them follows the traces that came with them (correlation"
                f" {as_read:.2f}; {transposed:.2f} with y and x exchanged)."
            )
        return (
            "y and x of the ROIs were exchanged when they were saved: the light under them follows their traces with"
            f" a correlation of {as_read:.2f} as stored, and of {transposed:.2f} once they are exchanged back."
        )


def agreement(
    movie: Movie, rois: RoiSet, traces: Traces, *, progress: ProgressCallback | None = None
) -> Agreement:
    """Compare the light under ROIs with traces that another program extracted from them.

    Parameters
    ----------
    movie : Movie
        The movie, of which up to 2,000 frames are read.
    rois : RoiSet
        Of frames of the same size.
    traces : Traces
        Of the same ROIs by their ids, and with a sample for each frame.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    Agreement
        For the ROIs that have a trace, in the order of their ids.

    Raises
    ------
    InputError
        If no ROI has a trace, or the traces have another length than the movie.
    Cancelled
        If `progress` asked to stop.
    """
    shared, ours, theirs = np.intersect1d(rois.ids, traces.ids, return_indices=True)
    if not len(shared) or traces.samples != movie.n_frames:
        raise InputError(
            f"{traces.name} ({traces.samples} samples) does not belong to these ROIs and {movie.name} ({movie.n_frames}"
            " frames): choose files of one recording."
        )
    kept = rois.select(ours)
    both = RoiSet(
        sparse.vstack([kept.footprints, transposed(kept).footprints]),
        np.arange(2 * len(ours)),
        rois.frame_shape,
    )
    part = Movie.from_array(movie.data[:_MOST_FRAMES], name=movie.name)
    measured = extract_traces(part, both, progress=progress).values
    given = traces.values[theirs, :_MOST_FRAMES]
    return Agreement(_correlations(measured[: len(ours)], given), _correlations(measured[len(ours) :], given))


def comparable(movie: Movie, rois: RoiSet, traces: Traces) -> bool:
    """Whether ROIs and traces are of a movie's frames, so that `agreement` can compare them."""
    return (
        rois.frame_shape == movie.frame_shape
        and traces.samples == movie.n_frames
        and bool(np.isin(rois.ids, traces.ids).any())
    )


def can_be_turned(movie: Movie, rois: RoiSet, traces: Traces) -> bool:
    """Whether traces can tell that y and x were exchanged; in frames that are not square, their size has told."""
    return rois.frame_shape[0] == rois.frame_shape[1] and comparable(movie, rois, traces)


def open_rois_of(
    movie: Movie, path: str | PathLike[str], *, progress: ProgressCallback | None = None
) -> RoiSet:
    """Open ROIs of a movie, and see from the traces in their file, if it has some, whether y and x were exchanged.

    Parameters
    ----------
    movie : Movie
        The movie.
    path : str or Path
        See `open_rois`.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    RoiSet
        See `rois_that_fit`.

    Raises
    ------
    InputError
        If the ROIs cannot be opened, or belong to another frame size.
    Cancelled
        If `progress` asked to stop.
    """
    rois = open_rois(path, frame_shape=movie.frame_shape)
    if Path(path).suffix.lower() not in HDF5_ENDINGS:
        return rois
    try:
        traces = open_traces(path)
    except InputError:  # no traces, or it is not clear which: nothing to compare with
        return rois
    return rois_that_fit(movie, rois, traces, progress=progress)


def rois_that_fit(
    movie: Movie, rois: RoiSet, traces: Traces, *, progress: ProgressCallback | None = None
) -> RoiSet:
    """Exchange y and x of ROIs where the movie shows that their program had exchanged them.

    Parameters
    ----------
    movie : Movie
        The movie.
    rois : RoiSet
        Of frames of the same size.
    traces : Traces
        Those that the program extracted. If they are of another length than the movie, nothing is known.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    RoiSet
        The same ROIs, or their transposes, with a word on it in the provenance. In frames that are not square, the
        frame size has told before how to read them.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    if not can_be_turned(movie, rois, traces):
        return rois
    return rois if agreement(movie, rois, traces, progress=progress).fits else transposed(rois)


def transposed(rois: RoiSet) -> RoiSet:
    """Return ROIs as they would be had their pixels been counted in the other order.

    Parameters
    ----------
    rois : RoiSet
        Such as those of an NWB file whose writer put y first.

    Returns
    -------
    RoiSet
        Of the same frame size, y and x exchanged if it is square. Otherwise, pixel (y, x) goes where pixel
        x · height + y is, counted along the rows.
    """
    height, width = rois.frame_shape
    weights = rois.footprints.tocoo()
    y, x = np.divmod(weights.col.astype(np.int64), width)
    moved = sparse.csr_array((weights.data, (weights.row, x * height + y)), shape=weights.shape)
    return replace(rois, footprints=moved, provenance=f"{rois.provenance}, y and x exchanged")


def _correlations(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    valid = np.isfinite(first) & np.isfinite(second)
    parts = []
    for values in (first.astype(np.float64), second.astype(np.float64)):
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.sum(values, axis=1, where=valid, keepdims=True) / valid.sum(axis=1, keepdims=True)
            parts.append(np.where(valid, values - mean, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = (parts[0] * parts[1]).sum(1) / np.sqrt(
            (parts[0] ** 2).sum(1) * (parts[1] ** 2).sum(1)
        )
    return found
