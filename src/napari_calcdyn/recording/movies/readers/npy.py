"""Movies in numpy's .npy files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_calcdyn.recording.errors import InputError

from .sources import ArraySource, check_movie_array
from .stack import Stack, consecutive


def read_npy(path: Path) -> Stack | ArraySource:
    """Read the header of a .npy file.

    Parameters
    ----------
    path : Path
        The file, holding (T, Y, X).

    Returns
    -------
    Stack or ArraySource
        The latter, memory-mapped, where the file is in Fortran order.

    Raises
    ------
    InputError
        If it is cut short, pickled, or no movie.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except (ValueError, EOFError) as error:
        raise InputError(
            f"{path.name} is truncated or does not hold a plain array of numbers: save the movie again with "
            "numpy.save."
        ) from error
    check_movie_array(path.name, array.shape, array.dtype)
    if not array.flags.c_contiguous:
        return ArraySource(array)
    return consecutive(path, array.shape, array.dtype, array.offset)
