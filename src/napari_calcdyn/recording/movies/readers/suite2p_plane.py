"""What suite2p 0.x and 1.x write about a plane, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.saved_arrays import load_array

from .metadata import positive

MOVIE = "data.bin"
COMBINED = "combined"
_CONTENTS = ("stat.npy", "F.npy", MOVIE)
# Version 1 writes the last three, and all of it as ops.npy on request; where they differ, that one is older.
_METADATA = ("ops.npy", "db.npy", "settings.npy", "reg_outputs.npy")
_MOST_PIXELS = 2**28


@dataclass(frozen=True)
class Suite2pPlane:
    """What suite2p says about a plane.

    Parameters
    ----------
    frame_shape : tuple of int or None
        Height and width of a frame, px.
    frames : int or None
        Number of frames.
    frame_rate : float or None
        Frames per second (Hz) of this plane.
    allow_overlap : bool
        Whether pixels that ROIs share count for all of them.
    bad_frames : ndarray (T,) or None
        True for frames that suite2p marked as bad.
    inside : tuple of slice or None
        The rows and columns that were in view in all other frames. Outside, a registered frame shows what left it
        on the other side.
    """

    frame_shape: tuple[int, int] | None
    frames: int | None
    frame_rate: float | None
    allow_overlap: bool
    bad_frames: NDArray[Any] | None
    inside: tuple[slice, slice] | None


def read_plane(folder: Path) -> Suite2pPlane:
    """Read what suite2p says about a plane.

    Parameters
    ----------
    folder : Path
        Of the plane, with ``ops.npy``, or with ``db.npy``, ``settings.npy`` and ``reg_outputs.npy``, or with none.

    Returns
    -------
    Suite2pPlane
        None for what is not said, or is impossible.

    Raises
    ------
    InputError
        If one of the files is damaged, or is not suite2p's.
    """
    found: dict[Any, Any] = {}
    for name in _METADATA:
        if (folder / name).is_file():
            saved = load_array(folder / name)
            if saved.shape != () or not isinstance(saved.item(), dict):
                raise InputError(f"{name} in {folder} holds no settings of suite2p: copy the folder again.")
            found |= saved.item()
    height, width = _whole(found.get("Ly")), _whole(found.get("Lx"))
    extraction = found.get("extraction")
    overlap = (found | (extraction if isinstance(extraction, dict) else {})).get("allow_overlap")
    bad = found.get("badframes")
    rows, columns = _slice(found.get("yrange")), _slice(found.get("xrange"))
    return Suite2pPlane(
        (height, width) if height and width and height * width <= _MOST_PIXELS else None,
        _whole(found.get("nframes")),
        _number(found.get("fs")),
        isinstance(overlap, int | float | np.generic) and bool(overlap),
        np.asarray(bad) if isinstance(bad, np.ndarray) else None,
        (rows, columns) if rows and columns else None,
    )


def holds_plane(folder: Path) -> bool:
    """Whether a folder is that of a plane of suite2p."""
    return any((folder / name).is_file() for name in _CONTENTS)


def plane_folder(place: Path) -> Path:
    """Find the folder of a plane in what the user chose: itself, or one level or two below.

    Parameters
    ----------
    place : Path
        A folder.

    Returns
    -------
    Path
        The folder with ``stat.npy``, ``F.npy`` or ``data.bin``.

    Raises
    ------
    InputError
        If there is none, or there are several.
    """
    for folder in (place, place / "suite2p"):
        if holds_plane(folder):
            return folder
        planes = sorted(
            (plane for plane in folder.glob("plane*") if plane.is_dir()),
            key=lambda it: (len(it.name), it.name),
        )
        if len(planes) > 1:
            combined = [folder / COMBINED] if (folder / COMBINED / "stat.npy").is_file() else []
            names = ", ".join(plane.name for plane in planes + combined)
            raise InputError(f"{folder} holds several planes ({names}): choose the folder of one of them.")
        if planes:
            return planes[0]
    raise InputError(
        f"The folder {place} holds no stat.npy of suite2p: choose the folder plane0 that it wrote."
    )


def load_from_plane(folder: Path, name: str, what: str) -> NDArray[Any]:
    """Load one of the arrays of a plane's folder; `what` says what it holds, for the error where it is missing."""
    if not (folder / name).exists():
        raise InputError(f"The folder {folder} holds no {name}, {what}: copy the whole folder that it wrote.")
    return load_array(folder / name)


def _number(value: Any) -> float | None:
    """Return a positive number, None for anything else; scripts of others save numbers as arrays, too."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return positive(value) if isinstance(value, int | float | np.integer | np.floating) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _slice(ends: Any) -> slice | None:
    """Return the rows or columns from one to before another."""
    ends = ends.tolist() if isinstance(ends, np.ndarray) else ends
    if not isinstance(ends, list | tuple) or not all(isinstance(end, int | np.integer) for end in ends):
        return None
    return slice(*map(int, ends)) if len(ends) == 2 and 0 <= ends[0] < ends[1] else None
