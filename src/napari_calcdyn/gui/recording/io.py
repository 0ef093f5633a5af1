"""The file reader and writer that the plugin gives napari."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari import current_viewer
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.gui.layers.layers import RESULT, contrast
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.jobs.export.images_back import ExportedImage, exported_images
from napari_calcdyn.recording import InputError, inspect_movie, open_movie
from napari_calcdyn.recording.movies.places import MOVIE_ENDINGS, TIFF_ENDINGS
from napari_calcdyn.recording.movies.readers.axes import AxesUnknown
from napari_calcdyn.recording.movies.readers.raw.thorlabs import find_thorlabs
from napari_calcdyn.recording.movies.readers.suite2p import is_suite2p
from napari_calcdyn.recording.movies.reading import arrays_in
from napari_calcdyn.recording.zarr_folder import is_zarr

from .layer_options import layer_options
from .recordings import open_recording

if TYPE_CHECKING:
    from napari.types import LayerData
    from numpy.typing import NDArray

PathOrPaths = str | list[str]

# What ImageJ can open, and how much of it in one ordinary TIFF.
IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
ORDINARY_TIFF_BYTES = 2**32 - 2**25


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """Return the reader if a path is a movie's file, a folder or list of TIFFs, or a folder of Zarr or suite2p.

    Parameters
    ----------
    path : str or list of str
        What was dropped on the window or chosen in a dialog.

    Returns
    -------
    callable or None
        None leaves the path to other readers.
    """
    if isinstance(path, list):
        return read_movie if path and all(Path(p).suffix.lower() in TIFF_ENDINGS for p in path) else None
    place = Path(path)
    if place.is_dir():
        tiffs = any(p.suffix.lower() in TIFF_ENDINGS for p in place.iterdir())
        return read_movie if tiffs or is_suite2p(place) or is_zarr(place) or find_thorlabs(place) else None
    return read_movie if place.suffix.lower() in MOVIE_ENDINGS else None


def read_movie(path: PathOrPaths) -> list[LayerData]:
    """Open a movie lazily: one layer for each channel and plane, the first of them visible.

    In a window, a file of several movies, or one whose axes are not known, is opened as in the panel *Recording*: in
    the background, and after a dialog where something has to be asked. So is one of several channels or planes, as long
    as a panel is open that has no recording yet, and would take the first layer for it. Without a window, each movie
    of a file becomes a layer. Maps and ROIs that ``calcdyn export`` wrote become layers in the place of their movie.

    Parameters
    ----------
    path : str or list of str
        As for `napari_calcdyn.recording.open_movie`.

    Returns
    -------
    list of LayerData
        Arrays (T, Y, X), with contrast limits, so that napari does not read the movie to find them; napari's word for
        no layers where they come later.
    """
    exported = exported_images(Path(path)) if isinstance(path, str) else None
    if exported is not None:
        return [_exported_layer(it, visible=not at or it.labels) for at, it in enumerate(exported)]
    session = _session_in_window()
    if session is not None and _must_be_asked(path, session.docks_want_a_recording):
        open_recording(session, [Path(one) for one in path] if isinstance(path, list) else Path(path))
        return [(None,)]
    arrays = arrays_in(path)
    layers: list[LayerData] = []
    for array in arrays if len(arrays) > 1 else (None,):
        dataset = None if array is None else array.name
        info = inspect_movie(path, dataset=dataset)
        axes = info.axes if info.unsure else None
        for channel, plane in np.ndindex(info.channels, info.planes):
            name = info.name
            name += f" {dataset}" if dataset else ""
            name += f" channel {channel}" if info.channels > 1 else ""
            name += f" plane {plane}" if info.planes > 1 else ""
            movie = open_movie(path, channel=channel, plane=plane, dataset=dataset, axes=axes)
            guess = (
                f"{info.name} is shown with the axes {axes}, as its frames seem to lie along the last one."
            )
            for note in (*movie.notes, guess) if axes else movie.notes:
                warnings.warn(note, stacklevel=2)  # napari shows it
            layers.append(
                (movie.data, {**layer_options(movie), "name": name, "visible": not layers}, "image")
            )
    return layers


def _exported_layer(image: ExportedImage, *, visible: bool) -> LayerData:
    """Return a map, the maps of all sources, or ROIs as a layer, marked as a result, which is no recording."""
    ndim = len(image.data.shape)
    pixel = image.pixel_size
    options: dict[str, Any] = {
        "name": image.name,
        "scale": (*[1.0] * (ndim - 2), *(pixel or (1.0, 1.0))),
        "axis_labels": ("source", "y", "x")[-ndim:],
        "metadata": {RESULT: ""},
        "visible": visible,
    }
    if pixel:
        options["units"] = ("pixel", "um", "um")[-ndim:]
    if image.labels:
        return image.data, options, "labels"
    shown = np.asarray(image.data[0] if ndim == 3 else image.data)
    grey = image.name == "mean"
    options["contrast_limits"] = contrast(shown, float(np.nanmin(shown)) if grey else 0.0)
    return image.data, options | {"colormap": "gray" if grey else "inferno"}, "image"


def _session_in_window() -> Session | None:
    """Return the session of the window in which napari reads; None in a script without one."""
    if QApplication.instance() is None or threading.current_thread() is not threading.main_thread():
        return None
    viewer = current_viewer()
    return None if viewer is None else session_of(viewer)


def _must_be_asked(path: PathOrPaths, wants_one: bool) -> bool:
    """Whether a file holds several movies (channels and planes, too, where one is wanted), or its axes are unknown."""
    if len(arrays_in(path)) > 1:
        return True
    try:
        info = inspect_movie(path)
    except AxesUnknown:
        return True
    return bool(info.unsure) or (wants_one and info.channels * info.planes > 1)


def write_image(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write an image layer as TIFF, frame by frame, with its pixel size and frame rate.

    An ImageJ TIFF where ImageJ knows the dtype and it fits in 4 GB, else a plain one or BigTIFF.

    Parameters
    ----------
    path : str
        Where to; a file of that name is replaced.
    data : array_like of shape (Y, X), (T, Y, X) or with colours last
        May be lazy; of a multiscale layer the finest level is written.
    meta : dict
        Of the layer, as napari hands it over.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    InputError
        If the file cannot be written, or the layer has more than three axes.
    """
    import tifffile

    if meta.get("multiscale"):
        data = data[0]
    if isinstance(data, AtAllTimes):
        data = data.images  # once is enough
    shape = tuple(data.shape)
    rgb = bool(meta.get("rgb"))
    axes = ("TYX"[-(len(shape) - rgb) :]) + ("S" if rgb else "")
    if len(axes) != len(shape):
        raise InputError(f"A layer of {len(shape)} axes cannot be written as TIFF: select one plane first.")
    dtype = np.dtype(data.dtype)
    if dtype.kind == "b":
        dtype = np.dtype(np.uint8)
    nbytes = int(np.prod(shape)) * dtype.itemsize
    description: dict[str, Any] = {"axes": axes}
    rate = (meta.get("metadata") or {}).get("frame_rate")
    if rate and axes[0] == "T":
        description |= {"finterval": 1 / rate, "fps": rate}
    options: dict[str, Any] = {}
    if str((meta.get("units") or ["pixel"])[-1]) in ("um", "µm", "micrometer", "micron"):
        height, width = (float(value) for value in np.asarray(meta["scale"])[-2:])
        description["unit"] = "um"
        options["resolution"] = (1 / width, 1 / height)
    try:
        with tifffile.TiffWriter(
            path,
            imagej=dtype.name in IMAGEJ_DTYPES and nbytes < ORDINARY_TIFF_BYTES,
            bigtiff=nbytes >= ORDINARY_TIFF_BYTES,
        ) as writer:
            writer.write(
                _frames(data, axes, dtype),
                shape=shape,
                dtype=dtype,
                photometric="rgb" if rgb else "minisblack",
                metadata=description,
                **options,
            )
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror or error}.") from error
    return [path]


def _frames(data: Any, axes: str, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    for frame in data if axes[0] == "T" else (data,):
        yield np.ascontiguousarray(np.asarray(frame), dtype=dtype)
