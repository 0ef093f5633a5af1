"""Open a recording from a file, a folder or a list of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.array_stack import ArrayStack
from napari_calcdyn.recording.movies.readers.axes import AxesUnknown

from .movie import Movie
from .places import MoviePath, files_of
from .reading import has_axes, read_stack


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
    stored_shape : tuple of int or None
        Lengths of the axes of an array whose `axes` can be given, None of others.
    unsure : str
        What has to be asked, where `axes` is a guess; empty where it is none.
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
    stored_shape: tuple[int, ...] | None = None
    unsure: str = ""


def open_movie(
    path: MoviePath,
    *,
    channel: int | None = None,
    plane: int | None = None,
    frame_rate: float | None = None,
    dataset: str | None = None,
    axes: str | None = None,
) -> Movie:
    """Open a recording without reading its pixels.

    Parameters
    ----------
    path : str, Path or sequence of them
        A TIFF or .npy file, a folder of TIFFs, a list of TIFFs, an HDF5, NWB or .mat (7.3) file, a folder of Zarr,
        Femtonics' .mesc, Inscopix's .isxd, Scanbox's .sbx, ThorImage's .raw or its folder, or
        suite2p's ``data.bin`` or its folder; several files follow each other in time, in natural order (2 before
        10).
    channel, plane : int or None
        Which one to take, counted from 0; needed where there are several.
    frame_rate : float or None
        Frames per second (Hz), instead of what the file says.
    dataset : str or None
        Name of the data set in an HDF5 or .mat file or a folder of Zarr, or of the series in an NWB file; needed
        where several fit.
    axes : str or None
        A letter for each axis as it is stored, such as ``YXT`` or ``TCYX``, instead of what the file says: T is time,
        C channel, Z plane, Y line, X column. For TIFF, those of one file, ending in YX.

    Returns
    -------
    Movie
        The lazy movie.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, it is no movie, or a channel, a plane, a data set or its axes must be
        given.
    """
    files, name, origin = files_of(path)
    stack = read_stack(files, name, dataset, axes, folder=origin.is_dir())
    if isinstance(stack, ArrayStack) and stack.unsure:
        raise AxesUnknown(stack.unsure, stack.axes)
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


def inspect_movie(path: MoviePath, *, dataset: str | None = None, axes: str | None = None) -> MovieInfo:
    """Find out what a recording holds, and which channels and planes there are to choose from.

    Parameters
    ----------
    path : str, Path or sequence of them
        As for `open_movie`.
    dataset, axes : str or None
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
    files, name, origin = files_of(path)
    stack = read_stack(files, name, dataset, axes, folder=origin.is_dir())
    in_order = (stack.n_frames, *stack.frame_shape)
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
        (stack.stored_shape if isinstance(stack, ArrayStack) else in_order) if has_axes(files) else None,
        stack.unsure if isinstance(stack, ArrayStack) else "",
    )


def _choose(name: str, what: str, chosen: int | None, number: int) -> int:
    choices = f"{what}=0" if number == 1 else f"{what}=0 … {what}={number - 1}"
    if chosen is None:
        if number > 1:
            raise InputError(f"{name} has {number} {what}s: choose one with {choices}.")
        return 0
    if not 0 <= chosen < number:
        raise InputError(f"{name} has no {what} {chosen}: choose {choices}.")
    return chosen
