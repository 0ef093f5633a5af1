"""Movies in Zarr folders, among them OME-Zarr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.hdf5_file import choose
from napari_calcdyn.recording.zarr_folder import (
    ZarrArray,
    ZarrFolder,
    chunks_there,
    opened_array,
    read_folder,
    zarr_library,
)

from .array_stack import ArrayInfo, ArrayStack
from .axes import AxesUnknown, checked_axes, likely_axes
from .metadata import MICROMETRES, SECONDS, positive

_LETTERS = {
    "t": "T", "time": "T", "frame": "T", "frames": "T", "c": "C", "channel": "C", "z": "Z", "plane": "Z", "depth": "Z",
    "y": "Y", "height": "Y", "row": "Y", "x": "X", "width": "X", "column": "X",
}  # fmt: skip
_OLD_AXES = ("t", "c", "z", "y", "x")  # before OME-Zarr 0.3


@dataclass(frozen=True)
class _Image:
    """An array that may be the movie, with what OME-Zarr says about it."""

    name: str
    array: ZarrArray
    axes: str
    frame_rate: float | None = None
    pixel_size: tuple[float, float] | None = None


def read_zarr(path: Path, dataset: str | None, axes: str | None) -> ArrayStack:
    """Find the frames of a movie in a Zarr folder.

    Parameters
    ----------
    path : Path
        The folder, of version 2 or 3, with or without the metadata of OME.
    dataset : str or None
        Name of an image or an array in it; needed if several could be a movie.
    axes : str or None
        A letter for each axis, instead of what the metadata say.

    Returns
    -------
    ArrayStack
        Of the finest level.

    Raises
    ------
    InputError
        If the metadata are damaged, there is no movie, or several and no name was given, or zarr is not installed.
    """
    zarr_library(path.name)
    folder = read_folder(path)
    images = _images(folder, axes)
    asked = f"/{dataset.strip('/')}" if dataset is not None else None
    if asked is None and not images and folder.unread:
        name, why = next(iter(folder.unread.items()))
        raise InputError(f"{name.strip('/') or path.name} in {path.name} {why}")
    if asked in folder.unread:
        raise InputError(f"{asked} in {path.name} {folder.unread[asked]}")
    if asked in folder.arrays and asked not in {it.name for it in images}:
        array = folder.arrays[asked]
        images = [_Image(asked, array, _axes(array, axes))]
    image = choose(path, "movie", images, dataset)
    letters = image.axes
    if axes is not None:
        letters = checked_axes(f"{image.array.name} in {path.name}", axes, image.array.shape)
    if not letters:
        raise AxesUnknown(
            f"{image.name} in {path.name} ({size_text(image.array.shape)}) has axes of which time and channel cannot be"
            " told apart, or is no movie: give its axes, such as TCYX."
        )
    return _stack(path, replace(image, axes=letters))


def zarr_movies(path: Path) -> tuple[ArrayInfo, ...]:
    """Find all images and arrays in a Zarr folder that may be movies, by name; raises InputError if it is damaged."""
    images = _images(read_folder(path), None)
    return tuple(ArrayInfo(it.name, it.array.shape, it.array.dtype) for it in images)


def _stack(path: Path, image: _Image) -> ArrayStack:
    array, time = image.array, image.axes.index("T")
    frames, at_once = array.shape[time], array.files[time]
    there = chunks_there(array, time)
    last = min(frames, (max(there, default=-1) + 1) * at_once)
    notes = []
    if last < frames:
        notes.append(
            f"{path.name} is incomplete, only {last:,} of its {frames:,} frames are there: copy it again."
        )
    blank = sum(
        min(last, (at + 1) * at_once) - at * at_once for at in range(-(-last // at_once)) if at not in there
    )
    if blank:
        notes.append(f"{path.name} lacks {blank:,} frames between others, which are blank: copy it again.")
    stack = ArrayStack(
        name=path.name,
        files=(array.metadata_file,),
        opened=partial(opened_array, array),
        stored_shape=array.shape,
        axes=image.axes,
        n_frames=last,
        dtype=array.dtype,
        chunk_frames=max(1, min(array.chunks[time], last)),
        frame_rate=image.frame_rate,
        pixel_size=image.pixel_size,
        notes=tuple(notes),
    ).checked()
    with opened_array(array):  # says now what zarr cannot read
        return stack


def _images(folder: ZarrFolder, axes: str | None) -> list[_Image]:
    """Return the images that OME-Zarr names, and all other arrays that can be movies."""
    found, levels = [], set()
    for name, attributes in folder.groups.items():
        ome = attributes.get("ome", attributes)
        scales = ome.get("multiscales") if isinstance(ome, Mapping) else None
        if not isinstance(scales, list):
            continue
        below = {it for it in folder.arrays if it.startswith(f"{name}/")}
        levels |= below
        image = _first_level(folder, name, scales) if scales and "image-label" not in ome else None
        if image is not None and (axes is None or len(axes) == len(image.array.shape)):
            found.append(image)
    for name, array in folder.arrays.items():
        if name in levels or array.dtype.kind not in "uif":
            continue
        fits = len(axes) == len(array.shape) if axes is not None else bool(_axes(array, None))
        if fits:
            found.append(_Image(name, array, "" if axes else _axes(array, None)))
    return found


def _first_level(folder: ZarrFolder, name: str, scales: list[Any]) -> _Image | None:
    """Return the finest level of an image, None where its metadata make no sense or it is no movie."""
    try:
        levels = scales[0]["datasets"]
        array = folder.arrays[f"{name}/{str(levels[0]['path']).strip('/')}"]
        axes = scales[0].get("axes") or [{"name": it} for it in _OLD_AXES]
        axes = [{"name": it} if isinstance(it, str) else it for it in axes]
        letters = "".join(_letter(it["name"], length) for it, length in zip(axes, array.shape, strict=True))
        both = zip(_scale(scales[0], len(axes)), _scale(levels[0], len(axes)), strict=True)
        scale = [whole * level for whole, level in both]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
    letters = _with_time(letters, array.shape)
    if not letters or array.dtype.kind not in "uif":
        return None
    sizes = {
        letter: _length(one, axis.get("unit"), SECONDS if letter == "T" else MICROMETRES)
        for letter, axis, one in zip(letters, axes, scale, strict=True)
        if axis["name"].lower() != "z"
    }
    interval, y, x = (sizes.get(letter) for letter in "TYX")
    return _Image(
        name or "/", array, letters, 1 / interval if interval else None, (y, x) if y and x else None
    )


def _scale(about: Mapping[str, Any], axes: int) -> list[float]:
    """Return the scale of each axis that a level or an image states, 1 where it states none."""
    for one in about.get("coordinateTransformations") or ():
        if one.get("type") == "scale":
            return [positive(it) or 1.0 for it in one["scale"]]
    return [1.0] * axes


def _length(scale: float, unit: Any, units: Mapping[str, float]) -> float | None:
    """Return a scale in seconds or µm; one without a unit is in these, unless it is 1, which many programs write."""
    if unit is None:
        return None if scale == 1 else scale
    factor = units.get(str(unit)) or units.get(str(unit).rstrip("s"))
    return scale * factor if factor else None


def _axes(array: ZarrArray, given: str | None) -> str:
    if given is not None:
        return checked_axes(array.name, given, array.shape)
    if not array.names or len(array.names) != len(array.shape):
        return likely_axes(array.shape, array.dtype, "TYX")
    return _with_time("".join(map(_letter, array.names, array.shape)), array.shape)


def _letter(name: Any, length: int) -> str:
    return _LETTERS.get(str(name).lower()) or ("Q" if length == 1 else "?")


def _with_time(letters: str, shape: Sequence[int]) -> str:
    """Take planes for time where there is none, as many programs write movies; nothing if it is no movie then."""
    length = dict(zip(letters, shape, strict=True))
    if length.get("T", 1) == 1 and length.get("Z", 1) > 1:
        letters = letters.replace("T", "Q").replace("Z", "T")
    single = letters.replace("Q", "")
    fits = set("TYX") <= set(single) <= set("TCZYX") and len(set(single)) == len(single)
    return letters if fits and min(shape) > 0 else ""
