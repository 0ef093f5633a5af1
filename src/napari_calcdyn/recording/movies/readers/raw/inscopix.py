"""Recordings of Inscopix: an ``.isxd`` file of frames, which a text in JSON at its end describes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, count_text
from napari_calcdyn.recording.hdf5_file import MOST_PIXELS
from napari_calcdyn.recording.movies.readers.metadata import positive
from napari_calcdyn.recording.movies.readers.pages import Pages
from napari_calcdyn.recording.movies.readers.stack import Stack

_DTYPES = {0: "<u2", 1: "<f4", 2: "u1"}
_LENGTH_BYTES = 8  # at the end: how long the text is, which a zero follows
_MOST_BYTES = 2**24  # of that text
_MOST_FRAMES = 2**26
_RANGE = re.compile(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?")


def read_inscopix(path: Path) -> Stack:
    """Find the frames of an Inscopix recording.

    Parameters
    ----------
    path : Path
        The ``.isxd`` file.

    Returns
    -------
    Stack
        With the times at which a frame was dropped or cropped: the frame before stands there, which the check finds.

    Raises
    ------
    InputError
        If it is damaged, or holds something else than a movie.
    """
    try:
        about, end = _description(path)
        spacing, timing = about["spacingInfo"], about["timingInfo"]
        height, width = (_whole(spacing["numPixels"][side], MOST_PIXELS) for side in "yx")
        times = _whole(timing["numTimes"], _MOST_FRAMES)
        dtype = np.dtype(_DTYPES[about["dataType"]])
        stored = _stored(timing, times)
        rate, sides = _fraction(timing["period"]), [_fraction(spacing["pixelSize"][side]) for side in "yx"]
        framed = about.get("hasFrameHeaderFooter") is True
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError, AttributeError, OverflowError) as error:
        raise InputError(f"{path.name} is truncated or damaged: copy it again from its source.") from error
    if about.get("type") != 0:
        raise InputError(f"{path.name} of Inscopix holds no movie: choose the file of the recording.")
    frames, size = int(stored.sum()), height * width * dtype.itemsize
    step = end // frames if framed and frames else size
    if not frames or step < size or frames * step != end or height * width > MOST_PIXELS:
        raise InputError(
            f"{path.name} does not hold the frames that it announces: copy it again from its source."
        )
    offsets = (step - size) // 2 + np.arange(frames, dtype=np.int64) * step
    missing = times - frames
    note = (
        f"{path.name} lacks {count_text(missing, 'frame')} that was dropped or cropped: the one before stands there."
        if missing == 1
        else f"{path.name} lacks {missing:,} frames that were dropped or cropped: the ones before stand there."
    )
    return Stack(
        path.name,
        (Pages(path, (height, width), dtype, offsets),),
        np.maximum(np.cumsum(stored) - 1, 0).reshape(-1, 1, 1),
        "TYX",
        frame_rate=1 / rate if rate else None,
        pixel_size=(sides[0], sides[1]) if sides[0] and sides[1] else None,
        notes=(note,) if missing else (),
    )


def _description(path: Path) -> tuple[Mapping[str, Any], int]:
    """Return what the file says about itself, and where the frames end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size <= _LENGTH_BYTES:
            raise ValueError
        file.seek(size - _LENGTH_BYTES)
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        end = size - _LENGTH_BYTES - 1 - length
        if end < 0 or length > _MOST_BYTES:
            raise ValueError
        file.seek(end)
        about = json.loads(file.read(length))
    if not isinstance(about, dict):
        raise TypeError
    return about, end


def _stored(timing: Mapping[str, Any], times: int) -> NDArray[np.bool_]:
    """Return at which times there is a frame in the file."""
    stored = np.ones(times, bool)
    for kind in ("dropped", "cropped", "blank"):
        for one in timing.get(kind) or ():
            found = _RANGE.fullmatch(str(one))
            if found is None:
                raise ValueError
            first = int(found[1])
            stored[first : int(found[2] or first) + 1] = False
    return stored


def _fraction(about: Mapping[str, Any]) -> float | None:
    over, under = positive(about["num"]), positive(about["den"])
    return over / under if over and under else None


def _whole(number: Any, most: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= most:
        raise ValueError
    return number
