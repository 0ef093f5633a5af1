"""Which files a recording consists of, found by what was given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies.readers.raw.thorlabs import find_thorlabs
from napari_calcdyn.recording.movies.readers.suite2p import find_suite2p_movie
from napari_calcdyn.recording.zarr_folder import ZARR_FILES, is_zarr

TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf8")
SUITE2P_ENDING = ".bin"
NPY_ENDING = ".npy"
SCANBOX_ENDING, THORLABS_ENDING, INSCOPIX_ENDING = ".sbx", ".raw", ".isxd"
MOVIE_ENDINGS = (
    *TIFF_ENDINGS, NPY_ENDING, SUITE2P_ENDING, SCANBOX_ENDING, THORLABS_ENDING, INSCOPIX_ENDING,
    *HDF5_ENDINGS
)  # fmt: skip

MoviePath = str | PathLike[str] | Sequence[str | PathLike[str]]


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which ``frame2.tif`` comes before ``frame10.tif``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def files_of(path: MoviePath) -> tuple[list[Path], str, Path]:
    """Find the files of a recording.

    Parameters
    ----------
    path : str, Path or sequence of them
        As for `open_movie`.

    Returns
    -------
    files : list of Path
        To read, in the order of time.
    name : str
        What to call the movie.
    origin : Path
        Where it came from.

    Raises
    ------
    InputError
        If there is no such file, or none of a movie.
    """
    if not isinstance(path, (str, PathLike)):
        files = sorted((Path(one).expanduser() for one in path), key=natural_key)
        if not files:
            raise InputError("The list of files is empty: give at least one TIFF file.")
        for file in files:
            check_exists(file)
            if len(files) > 1 and file.suffix.lower() not in TIFF_ENDINGS:
                raise InputError(f"{file.name} is not a TIFF: a list of files must hold TIFF files only.")
        return files, files[0].stem if len(files) == 1 else f"{files[0].stem} …", files[0]
    place = Path(path).expanduser()
    check_exists(place)
    if place.name in ZARR_FILES and not place.is_dir():
        place = place.absolute().parent  # as a folder cannot be chosen in every dialog
    if is_zarr(place):
        return [place], place.absolute().name, place
    if not place.is_dir():
        if place.suffix.lower() not in MOVIE_ENDINGS:
            raise InputError(
                f"{place.name} is neither a TIFF nor a .npy, HDF5, NWB, .mat, .mesc, .isxd, .sbx or .raw file, nor"
                " suite2p's data.bin: export the movie as TIFF."
            )
        return [place], _name(place), place
    try:
        found = [p for p in place.iterdir() if p.suffix.lower() in TIFF_ENDINGS and p.name[0] != "."]
    except OSError as error:
        raise InputError(f"The folder {place} could not be opened: {error.strerror or error}.") from error
    if not found:
        registered = find_suite2p_movie(place) or find_thorlabs(place)
        if registered is None:
            raise InputError(
                f"The folder {place} holds no TIFF files: choose a folder with .tif or .tiff files."
            )
        return [registered], _name(registered), registered
    return sorted(found, key=natural_key), place.name, place


def _name(file: Path) -> str:
    """Return the name of a file, with its folder where a program calls all of its files the same."""
    return (
        f"{file.parent.name}/{file.name}"
        if file.suffix.lower() in (SUITE2P_ENDING, THORLABS_ENDING)
        else file.name
    )


def check_exists(path: Path) -> None:
    """Raise InputError if there is no such file or folder."""
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path} could not be opened: {error.strerror or error}.") from error
    if not exists:
        raise InputError(f"There is no file or folder {path}: check the name.")
