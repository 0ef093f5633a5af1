"""Masks that are whole images, in HDF5 files and folders of Zarr."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS

_BLOCK_BYTES = 2**25


def mask_weights(name: str, masks: Any, *, turned: bool) -> Any:
    """Return the weights of masks that are images, read piece by piece.

    Parameters
    ----------
    name : str
        What to call them in a message.
    masks : h5py.Dataset or zarr.Array (N, Y, X), or (N, X, Y) where `turned`
        In a file, all of it.
    turned : bool
        Whether x comes first.

    Returns
    -------
    scipy.sparse.csr_array (N, Y·X), float64
        For `RoiSet`.

    Raises
    ------
    InputError
        If they are too large.
    """
    count, size = masks.shape[0], math.prod(masks.shape[1:])
    if size > MOST_PIXELS:
        raise InputError(f"{name} cannot be masks of {size_text(masks.shape)}: check the file.")
    step = max(masks.chunks[0] if masks.chunks else 1, _BLOCK_BYTES // max(1, size * masks.dtype.itemsize))
    pieces = []
    for start in range(0, count, step):
        block = np.asarray(masks[start : start + step], np.float64)
        block = block.swapaxes(1, 2) if turned else block
        pieces.append(sparse.csr_array(block.reshape(len(block), -1)))
    return sparse.vstack(pieces, format="csr")
