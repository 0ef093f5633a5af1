"""Maps and ROIs that `images` wrote as OME-TIFF and OME-Zarr, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.movies.lazy import lazy_frames
from napari_calcdyn.recording.movies.readers.tiff.tiff import read_tiff
from napari_calcdyn.recording.zarr_folder import ZarrArray, ZarrFolder, is_zarr, opened_array, read_folder

OF_US = "napari-calcdyn"
"""Attribute of a group of OME-Zarr that has settings and fingerprints."""
_SOURCES = "maps of the sources"


@dataclass(frozen=True, eq=False)
class ExportedImage:
    """A map, the maps of all sources, or ROIs as labels.

    Attributes
    ----------
    name : str
        What it shows.
    data : array_like (Y, X) or (d, Y, X)
        As it was written; the maps of sources are read when they are looked at. ROIs are of whole numbers.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    """

    name: str
    data: Any
    pixel_size: tuple[float, float] | None

    @property
    def labels(self) -> bool:
        """Whether these are ROIs."""
        return bool(np.dtype(self.data.dtype).kind in "iu")


def exported_images(path: Path) -> list[ExportedImage] | None:
    """Read the images of an export.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Returns
    -------
    list of ExportedImage or None
        None if it is no export of ours.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        if path.name.lower().endswith((".ome.tif", ".ome.tiff")):
            return _from_tiff(path)
        if path.suffix.lower() == ".zarr" and is_zarr(path):
            return _from_zarr(path)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path.name} is damaged: export the results again.") from error
    return None


def _from_tiff(file: Path) -> list[ExportedImage] | None:
    try:
        with tifffile.TiffFile(file) as opened:
            image = ElementTree.fromstring(opened.ome_metadata or "").find("{*}Image")
        described = image.findtext("{*}Description") if image is not None else None
        about = json.loads(described or "")
    except Exception:  # of another program, or damaged, which the reader of movies says
        return None
    if image is None or not isinstance(about, dict) or "provenance" not in about:
        return None
    names = [it.get("Name", "") for it in image.iterfind("{*}Pixels/{*}Channel")]
    stack = read_tiff(file)
    pages = stack.source(0, 0)

    def read(start: int, stop: int) -> NDArray[Any]:
        out = np.empty((stop - start, *pages.shape[1:]), pages.dtype)
        pages.read(start, out)
        return out

    if names[0].startswith("source_"):
        return [ExportedImage(_SOURCES, lazy_frames(read, pages.shape, pages.dtype), stack.pixel_size)]
    return [ExportedImage(name, read(at, at + 1)[0], stack.pixel_size) for at, name in enumerate(names)]


def _from_zarr(path: Path) -> list[ExportedImage] | None:
    folder = read_folder(path)
    top = folder.groups.get("", {})
    if OF_US not in top:
        return None
    array, size = _finest(folder, "")
    channels = [it["label"] for it in top["ome"].get("omero", {}).get("channels", ())]
    if channels:
        found = [
            ExportedImage(name, _part(array, slice(at, at + 1))[0], size) for at, name in enumerate(channels)
        ]
    else:
        sources = lazy_frames(lambda start, stop: _part(array, slice(start, stop)), array.shape, array.dtype)  # type: ignore[arg-type]
        found = [ExportedImage(_SOURCES, sources, size)]
    if "/labels/rois" in folder.groups:
        labels, size = _finest(folder, "/labels/rois")
        found.append(ExportedImage("rois", _part(labels, ...), size))
    return found


def _finest(folder: ZarrFolder, name: str) -> tuple[ZarrArray, tuple[float, float] | None]:
    """Return the finest level of an image, and its pixel size."""
    image: Mapping[str, Any] = folder.groups[name]["ome"]["multiscales"][0]
    level = image["datasets"][0]
    height, width = map(float, level["coordinateTransformations"][0]["scale"][-2:])
    known = "unit" in image["axes"][-1]
    return folder.arrays[f"{name}/{level['path']}"], (height, width) if known else None


def _part(array: ZarrArray, part: Any) -> NDArray[Any]:
    with opened_array(array) as opened:
        return np.asarray(opened[part])
