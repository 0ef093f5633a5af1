"""Files written in one step, and errors that name the file or folder."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from .errors import InputError


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Turn an OSError into an InputError that names the folder.

    Parameters
    ----------
    folder : str or Path
        As the user named it.

    Yields
    ------
    None
        While the work on it is done.

    Raises
    ------
    InputError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be written ({error.strerror or error}): choose another one."
        ) from error


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a path beside a file to write to, and replace the file by it at the end.

    A crash or an interruption never leaves half a file under its name.

    Parameters
    ----------
    file : Path
        Made or replaced; left as it was where something goes wrong.

    Yields
    ------
    Path
        In the same folder and with the same ending.
    """
    beside = file.with_name(f"{file.stem}.part{file.suffix}")
    try:
        yield beside
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def write_table(file: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file in one step.

    Parameters
    ----------
    file : Path
        Made or replaced.
    rows : iterable of iterables
        Cells; the names of the columns come first.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with (
        writing(file.parent),
        replacing(file) as beside,
        beside.open("w", encoding="utf-8", newline="") as table,
    ):
        csv.writer(table, lineterminator="\n").writerows(rows)


def write_image(
    file: Path, image: NDArray[np.generic], pixel_size: tuple[float, float] | None = None
) -> None:
    """Write an image or a stack of images as TIFF in one step.

    Parameters
    ----------
    file : Path
        Made or replaced.
    image : ndarray of shape (Y, X) or (n, Y, X)
        Grey values.
    pixel_size : tuple of float, optional
        Height and width of a pixel in µm.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with writing(file.parent), replacing(file) as beside:
        tifffile.imwrite(beside, image, photometric="minisblack", **resolution(pixel_size))


def resolution(pixel_size: tuple[float, float] | None) -> dict[str, Any]:
    """Return what `tifffile.imwrite` has to be told about a pixel's height and width in µm."""
    if pixel_size is None:
        return {}
    height, width = pixel_size
    return {"resolution": (1e4 / width, 1e4 / height), "resolutionunit": "CENTIMETER"}
