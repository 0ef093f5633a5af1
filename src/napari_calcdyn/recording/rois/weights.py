"""Weights of ROIs on the pixels of a frame, as sparse rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError, size_text


def normalised(
    footprints: Any, ids: NDArray[np.int64], frame_shape: tuple[int, int], provenance: str
) -> sparse.csr_array:
    """Check the weights of ROIs, and make those of each sum to 1.

    Parameters
    ----------
    footprints : array_like or sparse array of shape (N, Y·X)
        Weights.
    ids : ndarray of shape (N,), int64
        Numbers of the ROIs.
    frame_shape : tuple of int
        Height and width of the frames.
    provenance : str
        Where they came from, for messages.

    Returns
    -------
    scipy.sparse.csr_array of shape (N, Y·X), float32
        A copy.

    Raises
    ------
    InputError
        If their number or size is another one, a weight is negative or not finite, or an ROI has no pixel.
    """
    weights = sparse.csr_array(footprints, dtype=np.float64, copy=True)
    weights.sum_duplicates()
    if weights.shape != (len(ids), frame_shape[0] * frame_shape[1]):
        raise InputError(
            f"The footprints of {provenance} are {size_text(weights.shape)}, but {len(ids)} ROIs on frames of "
            f"{size_text(frame_shape)} pixels need {len(ids)} × {np.prod(frame_shape)}: give one row of "
            "pixel weights per ROI."
        )
    if not (np.isfinite(weights.data).all() and (weights.data >= 0).all()):
        raise InputError(f"{provenance} has pixel weights that are negative or not finite: check them.")
    weights.eliminate_zeros()
    total = np.asarray(weights.sum(axis=1))
    if not total.all():
        raise InputError(
            f"ROI {ids[total.argmin()]} of {provenance} covers no pixel of the image "
            f"({size_text(frame_shape)}): delete it or draw it again."
        )
    weights.data /= np.repeat(total, np.diff(weights.indptr))
    return weights.astype(np.float32)


def equal_weights(pixels: Sequence[NDArray[np.int64]], frame_shape: tuple[int, int]) -> sparse.csr_array:
    """Return weights of 1 on the pixels of each ROI, given as flat indices."""
    indptr = np.cumsum([0, *(len(row) for row in pixels)])
    indices = np.concatenate([np.empty(0, np.int64), *pixels])
    shape = (len(pixels), frame_shape[0] * frame_shape[1])
    return sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=shape)
