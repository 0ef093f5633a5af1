"""Write files in one step, and say which folder could not be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Say which folder could not be written, where something goes wrong with it.

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
    """Give a place beside a file to write to, and put what was written in the file's place.

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
