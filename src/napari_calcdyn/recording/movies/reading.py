"""Read the headers of a recording's files, each in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies.readers.array_stack import ArrayInfo, ArrayStack
from napari_calcdyn.recording.movies.readers.hdf5 import hdf5_movies, read_hdf5_movie
from napari_calcdyn.recording.movies.readers.npy import read_npy
from napari_calcdyn.recording.movies.readers.nwb import NwbMovie
from napari_calcdyn.recording.movies.readers.ome_zarr import read_zarr, zarr_movies
from napari_calcdyn.recording.movies.readers.raw.inscopix import read_inscopix
from napari_calcdyn.recording.movies.readers.raw.scanbox import read_scanbox
from napari_calcdyn.recording.movies.readers.raw.thorlabs import read_thorlabs
from napari_calcdyn.recording.movies.readers.sources import check_movie_array
from napari_calcdyn.recording.movies.readers.stack import Stack, join, join_channels
from napari_calcdyn.recording.movies.readers.suite2p import read_suite2p_movie
from napari_calcdyn.recording.movies.readers.tiff.bruker import bruker_calibration, by_channel, is_bruker
from napari_calcdyn.recording.movies.readers.tiff.strays import without_strays
from napari_calcdyn.recording.movies.readers.tiff.tiff import read_tiff
from napari_calcdyn.recording.zarr_folder import is_zarr

from .places import (
    INSCOPIX_ENDING,
    MOVIE_ENDINGS,
    NPY_ENDING,
    SCANBOX_ENDING,
    SUITE2P_ENDING,
    THORLABS_ENDING,
    TIFF_ENDINGS,
    MoviePath,
    files_of,
)

_READERS: dict[str, Callable[[Path], Stack | ArrayStack]] = {
    SUITE2P_ENDING: read_suite2p_movie,
    INSCOPIX_ENDING: read_inscopix,
    SCANBOX_ENDING: read_scanbox,
    THORLABS_ENDING: read_thorlabs,
}


def arrays_in(path: MoviePath) -> tuple[ArrayInfo, ...]:
    """Find all arrays in a file that may be movies.

    Parameters
    ----------
    path : str, Path or sequence of them
        As for `open_movie`.

    Returns
    -------
    tuple of ArrayInfo
        To choose from with ``dataset=``; none where a file holds one movie anyhow.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged.
    """
    files, _, _ = files_of(path)
    if is_zarr(files[0]):
        return zarr_movies(files[0])
    return hdf5_movies(files[0]) if files[0].suffix.lower() in HDF5_ENDINGS else ()


def has_axes(files: list[Path]) -> bool:
    """Whether the files hold an array, of which it can be said what its axes are."""
    return len(files) == 1 and (files[0].suffix.lower() in (NPY_ENDING, *HDF5_ENDINGS) or is_zarr(files[0]))


def read_stack(
    files: list[Path],
    name: str,
    dataset: str | None = None,
    axes: str | None = None,
    *,
    folder: bool = False,
) -> Stack | ArrayStack:
    """Read the headers of a recording's files.

    Parameters
    ----------
    files : list of Path
        In the order of time.
    name : str
        What to call the movie.
    dataset, axes : str or None
        As for `open_movie`.
    folder : bool
        Whether they are all TIFF files of a folder, so that stray images may be among them.

    Returns
    -------
    Stack or ArrayStack
        Before a channel and a plane are chosen.

    Raises
    ------
    InputError
        If a file is damaged or no movie, or something must be chosen.
    """
    ending = files[0].suffix.lower()
    if len(files) == 1 and ending in HDF5_ENDINGS:
        found = read_hdf5_movie(files[0], dataset, axes)
        return _in_other_files(found, name, axes) if isinstance(found, NwbMovie) else found
    if is_zarr(files[0]):
        return read_zarr(files[0], dataset, axes)
    if dataset is not None:
        raise InputError(
            f"{name} is no HDF5 file or folder of Zarr, so that it has no data set {dataset}: leave it out."
        )
    known: dict[Path, Stack] = {}
    notes: tuple[str, ...] = ()
    if folder and len(files) > 1:
        known, notes = without_strays(files)
        files = list(known)
    if len(files) == 1:
        if ending == NPY_ENDING:
            return read_npy(files[0], axes)
        if ending in _READERS:
            _no_axes(name, axes)
            return _READERS[ending](files[0])
        stack = read_tiff(files[0], axes=axes).arranged()
    else:
        _no_axes(name, axes)
        stack = _read_several(files, name, known).arranged()
    stack = bruker_calibration(replace(stack, notes=(*notes, *stack.notes)), files[0].parent)
    if stack.n_frames == 1 and stack.planes == stack.channels == 1:
        check_movie_array(name, stack.frame_shape, stack.dtype)
    check_movie_array(name, (stack.n_frames, *stack.frame_shape), stack.dtype)
    return stack


def _no_axes(name: str, axes: str | None) -> None:
    if axes is not None:
        raise InputError(f"The axes of {name} are known from its files: leave out the axes {axes}.")


def _in_other_files(movie: NwbMovie, name: str, axes: str | None) -> Stack | ArrayStack:
    """Return the frames that an NWB file only names, with the calibration that it gives."""
    endings = {file.suffix.lower() for file in movie.files}
    if not endings <= set(MOVIE_ENDINGS) - {".nwb"} or (
        len(movie.files) > 1 and not endings <= set(TIFF_ENDINGS)
    ):
        raise InputError(
            f"{name} keeps its movie in {movie.files[0].name}, which cannot be read: export that movie as TIFF."
        )
    stack = read_stack(list(movie.files), name, axes=axes)
    return replace(
        stack,
        frame_rate=movie.frame_rate or stack.frame_rate,
        pixel_size=movie.pixel_size or stack.pixel_size,
    )


def _read_several(files: list[Path], name: str, known: Mapping[Path, Stack]) -> Stack:
    def read(file: Path) -> Stack:
        return known.get(file) or read_tiff(file, alone=False)

    if is_bruker(files[0]):
        return join_channels(
            name, [join(name, [read(file) for file in group]) for group in by_channel(files)]
        )
    first = read_tiff(files[0])
    if len(first.parts) > 1:
        if {part.path.resolve() for part in first.parts} >= {file.resolve() for file in files}:
            return first  # an OME-TIFF in many files, whose first one knows the place of every page
        first = read(files[0])
    return join(name, [first, *(read(file) for file in files[1:])])
