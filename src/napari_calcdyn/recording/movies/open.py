"""Open a recording from a file, a folder or a list of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies.readers.bruker import bruker_calibration, by_channel, is_bruker
from napari_calcdyn.recording.movies.readers.hdf5 import Hdf5Stack, read_hdf5_movie
from napari_calcdyn.recording.movies.readers.npy import read_npy
from napari_calcdyn.recording.movies.readers.nwb import NwbMovie
from napari_calcdyn.recording.movies.readers.sources import ArraySource, check_movie_array
from napari_calcdyn.recording.movies.readers.stack import Stack, join, join_channels
from napari_calcdyn.recording.movies.readers.suite2p import find_suite2p_movie, read_suite2p_movie
from napari_calcdyn.recording.movies.readers.tiff import read_tiff

from .movie import Movie

TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf8")
SUITE2P_ENDING = ".bin"
MOVIE_ENDINGS = (*TIFF_ENDINGS, ".npy", SUITE2P_ENDING, *HDF5_ENDINGS)

MoviePath = str | PathLike[str] | Sequence[str | PathLike[str]]


@dataclass(frozen=True)
class MovieInfo:
    """Shape, channels, planes and calibration of a recording, found without reading pixels.

    Parameters
    ----------
    name : str
        File or folder.
    axes : str
        What the file calls its axes.
    n_frames : int
        Frames of one plane and channel.
    frame_shape : tuple of int
        Height and width in pixels.
    dtype : numpy.dtype
        As stored, in this computer's byte order.
    channels, planes : int
        To choose from with ``channel=`` and ``plane=``, counted from 0.
    frame_rate : float or None
        Frames per second (Hz) of one plane.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    """

    name: str
    axes: str
    n_frames: int
    frame_shape: tuple[int, int]
    dtype: np.dtype[Any]
    channels: int
    planes: int
    frame_rate: float | None
    pixel_size: tuple[float, float] | None


def open_movie(
    path: MoviePath,
    *,
    channel: int | None = None,
    plane: int | None = None,
    frame_rate: float | None = None,
    dataset: str | None = None,
) -> Movie:
    """Open a recording without reading its pixels.

    Parameters
    ----------
    path : str, Path or sequence of them
        A TIFF or .npy file, a folder of TIFFs, a list of TIFFs, an HDF5, NWB or .mat (7.3) file, or suite2p's
        ``data.bin`` or its folder; several files follow each other in time, in natural order (2 before 10).
    channel, plane : int or None
        Which one to take, counted from 0; needed where there are several.
    frame_rate : float or None
        Frames per second (Hz), instead of what the file says.
    dataset : str or None
        Name of the data set in an HDF5 or .mat file, or of the series in an NWB file; needed where several fit.

    Returns
    -------
    Movie
        The lazy movie.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, it is no movie, or a channel, a plane or a data set must be chosen.
    """
    files, name, origin = _files(path)
    stack = _read(files, name, dataset)
    if isinstance(stack, ArraySource):
        return Movie(stack, name=name, path=origin, frame_rate=frame_rate)
    chosen_channel = _choose(name, "channel", channel, stack.channels)
    chosen_plane = _choose(name, "plane", plane, stack.planes)
    return Movie(
        stack.source(chosen_plane, chosen_channel),
        frame_rate=stack.frame_rate if frame_rate is None else frame_rate,
        pixel_size=stack.pixel_size,
        name=name,
        path=origin,
        axes=stack.axes,
        notes=stack.notes,
    )


def inspect_movie(path: MoviePath, *, dataset: str | None = None) -> MovieInfo:
    """Find out what a recording holds, and which channels and planes there are to choose from.

    Parameters
    ----------
    path : str, Path or sequence of them
        As for `open_movie`.
    dataset : str or None
        As for `open_movie`.

    Returns
    -------
    MovieInfo
        Shape, dtype, channels, planes, calibration.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it is no movie.
    """
    files, name, _ = _files(path)
    stack = _read(files, name, dataset)
    if isinstance(stack, ArraySource):
        shape, dtype = stack.shape, stack.dtype
        return MovieInfo(name, "TYX", shape[0], shape[1:], dtype, 1, 1, None, None)
    return MovieInfo(
        name,
        stack.axes,
        stack.n_frames,
        stack.frame_shape,
        stack.dtype.newbyteorder("="),
        stack.channels,
        stack.planes,
        stack.frame_rate,
        stack.pixel_size,
    )


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which ``frame2.tif`` comes before ``frame10.tif``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _read(files: list[Path], name: str, dataset: str | None = None) -> Stack | Hdf5Stack | ArraySource:
    ending = files[0].suffix.lower()
    if len(files) == 1 and ending in HDF5_ENDINGS:
        found = read_hdf5_movie(files[0], dataset)
        return _in_other_files(found, name) if isinstance(found, NwbMovie) else found
    if dataset is not None:
        raise InputError(
            f"{name} is no HDF5 file, so that it has no data set {dataset}: leave out the data set."
        )
    if len(files) == 1:
        if ending == ".npy":
            return read_npy(files[0])
        if ending == SUITE2P_ENDING:
            return read_suite2p_movie(files[0])
        stack = read_tiff(files[0]).arranged()
    else:
        stack = _read_several(files, name).arranged()
    stack = bruker_calibration(stack, files[0].parent)
    if stack.n_frames == 1 and stack.planes == stack.channels == 1:
        check_movie_array(name, stack.frame_shape, stack.dtype)
    check_movie_array(name, (stack.n_frames, *stack.frame_shape), stack.dtype)
    return stack


def _in_other_files(movie: NwbMovie, name: str) -> Stack | Hdf5Stack | ArraySource:
    """Return the frames that an NWB file only names, with the calibration that it gives."""
    endings = {file.suffix.lower() for file in movie.files}
    if not endings <= set(MOVIE_ENDINGS) - {".nwb"} or (
        len(movie.files) > 1 and not endings <= set(TIFF_ENDINGS)
    ):
        raise InputError(
            f"{name} keeps its movie in {movie.files[0].name}, which cannot be read: export that movie as TIFF."
        )
    stack = _read(list(movie.files), name)
    if isinstance(stack, ArraySource):
        return stack
    return replace(
        stack,
        frame_rate=movie.frame_rate or stack.frame_rate,
        pixel_size=movie.pixel_size or stack.pixel_size,
    )


def _read_several(files: list[Path], name: str) -> Stack:
    if is_bruker(files[0]):
        channels = [
            join(name, [read_tiff(file, alone=False) for file in group]) for group in by_channel(files)
        ]
        return join_channels(name, channels)
    first = read_tiff(files[0])
    if len(first.parts) > 1:
        if {part.path.resolve() for part in first.parts} >= {file.resolve() for file in files}:
            return first  # an OME-TIFF in many files, whose first one knows the place of every page
        first = read_tiff(files[0], alone=False)
    return join(name, [first, *(read_tiff(file, alone=False) for file in files[1:])])


def _files(path: MoviePath) -> tuple[list[Path], str, Path]:
    """Return the files to read, the movie's name and where it came from."""
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
    if not place.is_dir():
        if place.suffix.lower() not in MOVIE_ENDINGS:
            raise InputError(
                f"{place.name} is neither a TIFF nor a .npy, HDF5, NWB or .mat file, nor suite2p's data.bin: export the"
                " movie as TIFF."
            )
        return [place], _name(place), place
    try:
        found = [p for p in place.iterdir() if p.suffix.lower() in TIFF_ENDINGS and p.name[0] != "."]
    except OSError as error:
        raise InputError(f"The folder {place} could not be opened: {error.strerror or error}.") from error
    if not found:
        registered = find_suite2p_movie(place)
        if registered is None:
            raise InputError(
                f"The folder {place} holds no TIFF files: choose a folder with .tif or .tiff files."
            )
        return [registered], _name(registered), registered
    return sorted(found, key=natural_key), place.name, place


def _name(file: Path) -> str:
    """Return the name of a file, with its folder where suite2p calls the files of all planes the same."""
    return f"{file.parent.name}/{file.name}" if file.suffix.lower() == SUITE2P_ENDING else file.name


def check_exists(path: Path) -> None:
    """Raise InputError if there is no such file or folder."""
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path} could not be opened: {error.strerror or error}.") from error
    if not exists:
        raise InputError(f"There is no file or folder {path}: check the name.")


def _choose(name: str, what: str, chosen: int | None, number: int) -> int:
    choices = f"{what}=0" if number == 1 else f"{what}=0 … {what}={number - 1}"
    if chosen is None:
        if number > 1:
            raise InputError(f"{name} has {number} {what}s: choose one with {choices}.")
        return 0
    if not 0 <= chosen < number:
        raise InputError(f"{name} has no {what} {chosen}: choose {choices}.")
    return chosen
