"""Movies in numpy's .npy files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError, size_text

from .array_stack import KEPT_BYTES, ArrayStack
from .axes import checked_axes, time_seems_last
from .sources import check_movie_array
from .stack import Stack, consecutive


def read_npy(path: Path, axes: str | None = None) -> Stack | ArrayStack:
    """Read the header of a .npy file.

    Parameters
    ----------
    path : Path
        The file.
    axes : str or None
        A letter for each of its axes; (T, Y, X) without.

    Returns
    -------
    Stack or ArrayStack
        The latter where the numbers do not lie frame by frame, or may not.

    Raises
    ------
    InputError
        If it is cut short, pickled, or no movie.
    """
    with _opened(path) as array:
        shape, dtype = array.shape, array.dtype
        if axes is None:
            check_movie_array(path.name, shape, dtype)
            last = time_seems_last(array)
            letters = "YXT" if last else "TYX"
        else:
            letters, last = checked_axes(path.name, axes, shape), False
        outermost = letters[0] if array.flags.c_contiguous else letters[-1]
        in_order = bool(array.flags.c_contiguous) and letters == "TYX"
        start = array.offset
    stack = ArrayStack(
        path.name,
        (path,),
        partial(_opened, path),
        shape,
        letters,
        shape[letters.index("T")],
        dtype,
        mapped=partial(np.load, path, mmap_mode="r", allow_pickle=False),
    )
    frames = (stack.n_frames, *stack.frame_shape)
    check_movie_array(path.name, frames, dtype)
    if in_order:
        return consecutive(path, frames, dtype, start)
    if last:
        question = (
            f"{path.name} ({size_text(shape)}) seems to hold its frames along the last axis: give the axes YXT if it"
            " does, or TYX if the first axis is time."
        )
        stack = replace(stack, unsure=question)
    if outermost == "T":
        return stack
    # Where time is not first, every part of the file holds something of all frames: as few passes as can be.
    together = KEPT_BYTES // (frames[1] * frames[2] * dtype.itemsize)
    if together < frames[0]:
        note = (
            f"{path.name} holds the numbers of each pixel together, so that reading it is slow: save it again as time,"
            " Y, X."
        )
        stack = replace(stack, notes=(note,))
    return replace(stack, chunk_frames=max(1, min(frames[0], together)))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # a damaged header can send the parser anywhere
        raise InputError(
            f"{path.name} is truncated or does not hold a plain array of numbers: save the movie again with "
            "numpy.save."
        ) from error
    if not isinstance(array, np.memmap):
        raise InputError(
            f"{path.name} is no .npy file, whatever its name says: save the movie with numpy.save."
        )
    yield array
