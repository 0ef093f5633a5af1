"""Recordings of Scanbox: a ``.sbx`` file beside a ``.mat`` file that describes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.mat5 import read_structure
from napari_calcdyn.recording.movies.readers.array_stack import ArrayStack, Inverted
from napari_calcdyn.recording.movies.readers.metadata import positive

_DTYPE = np.dtype("<u2")
_BIDIRECTIONAL = 0  # scanmode
_BOTH = 1  # channels: one of the two otherwise


def read_scanbox(path: Path) -> ArrayStack:
    """Find the frames of a Scanbox recording.

    Parameters
    ----------
    path : Path
        The ``.sbx`` file; the ``.mat`` file of the same name lies beside it.

    Returns
    -------
    ArrayStack
        Bright pixels have large numbers, which Scanbox stores the other way round.

    Raises
    ------
    InputError
        If the ``.mat`` file is missing or damaged, or does not fit.
    """
    beside = path.with_suffix(".mat")
    if not beside.is_file():
        raise InputError(f"{beside.name}, which describes {path.name}, is not beside it: copy both.")
    info = read_structure(beside, "info")
    chan = info.get("chan")
    channels = _whole(chan, "nchan") if isinstance(chan, dict) else None
    channels = channels or (2 if _whole(info, "channels") == _BOTH else 1)
    rows, width = _whole(info, "recordsPerBuffer"), _whole(info, "sz", -1)
    if rows is None or width is None or channels > 4:
        raise InputError(
            f"{beside.name} does not give the size of the frames: copy it again from its source."
        )
    rate = positive(_value(info, "resfreq"))
    rate = rate / rows if rate else None
    height = 2 * rows if _value(info, "scanmode") == _BIDIRECTIONAL else rows
    planes = _planes(info)
    frame_bytes = planes * height * width * channels * _DTYPE.itemsize
    frames, rest = divmod(path.stat().st_size, frame_bytes)
    note = f"{path.name} ends in the middle of a frame, after {frames:,} whole ones: it was interrupted, or cut short."
    shape = (frames, planes, height, width, channels)
    return ArrayStack(
        name=path.name,
        files=(path, beside),
        opened=partial(_opened, path, shape),
        stored_shape=shape,
        axes="TZYXC",
        n_frames=frames,
        dtype=_DTYPE,
        frame_rate=rate / planes if rate else None,
        notes=(note,) if rest else (),
    ).checked()


@contextmanager
def _opened(path: Path, shape: tuple[int, ...]) -> Iterator[Inverted]:
    try:
        if path.stat().st_size < np.prod(shape) * _DTYPE.itemsize:
            raise InputError(f"{path.name} became shorter since it was opened: open it again.")
        yield Inverted(np.memmap(path, _DTYPE, "r", 0, shape))
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error


def _planes(info: dict[str, Any]) -> int:
    """Return the planes among which an electric lens went round."""
    if not positive(_value(info, "volscan")):
        return 1
    wave = info.get("otwave")
    return _whole(info, "otparam", 2) or (len(wave) if isinstance(wave, np.ndarray) and len(wave) else 1)


def _value(info: dict[str, Any], name: str, at: int = 0) -> float | None:
    numbers = info.get(name)
    inside = isinstance(numbers, np.ndarray) and -len(numbers) <= at < len(numbers)
    return float(numbers[at]) if inside else None  # type: ignore[index]


def _whole(info: dict[str, Any], name: str, at: int = 0) -> int | None:
    number = positive(_value(info, name, at))
    return int(number) if number and number < 2**20 else None
