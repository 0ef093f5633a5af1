"""Maps and ROIs as OME-TIFF and OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

from .results import Results

_OME_VERSION = "0.5"
_TILE = 1024


def write_ome_tiff(file: Path, results: Results) -> None:
    """Write the maps of a result as one OME-TIFF with a channel for each, or its ROIs as an image of labels.

    Parameters
    ----------
    file : Path
        Made; its name ends in ``.ome.tif``, by which other programs know it.
    results : Results
        From `read_results`.

    Raises
    ------
    InputError
        If it has another ending, is there already, there is nothing to write, or it cannot be written.
    """
    if not file.name.lower().endswith((".ome.tif", ".ome.tiff")):
        raise InputError(f"{file.name} has another ending: call it {file.name.split('.')[0]}.ome.tif.")
    refuse_to_replace(file)
    names, image = _channels(results)
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Name": results.movie,
        "Channel": {"Name": names},
        "Description": results.json(),
    }
    if results.pixel_size is not None:
        height, width = results.pixel_size
        metadata |= {
            "PhysicalSizeX": width,
            "PhysicalSizeY": height,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeYUnit": "µm",
        }
    with writing(file.parent), replacing(file) as beside:
        tifffile.imwrite(
            beside, image, ome=True, photometric="minisblack", compression="zlib", metadata=metadata
        )


def write_ome_zarr(folder: Path, results: Results) -> None:
    """Write the maps of a result as OME-Zarr 0.5, with its ROIs as labels, if there are such.

    Parameters
    ----------
    folder : Path
        Made; its name ends in ``.zarr``.
    results : Results
        From `read_results`.

    Raises
    ------
    InputError
        If zarr is not installed, the folder is there already, there is nothing to write, or it cannot be written.
    """
    try:
        import zarr
    except ImportError as error:
        raise InputError('Writing OME-Zarr needs zarr: pip install "napari-calcdyn[formats]".') from error
    refuse_to_replace(folder)
    names, image = _channels(results)
    with writing(folder.parent):
        beside = folder.with_name(f".{folder.name}.part")
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        _fill(group, image, results, "cyx")
        top = group.attrs["ome"]
        channels = [
            {"label": name, "color": "FFFFFF", "active": True, "window": _window(it)}
            for name, it in zip(names, image, strict=True)
        ]
        group.attrs["ome"] = top | {"omero": {"channels": channels}}
        group.attrs["napari-calcdyn"] = results.about
        if results.rois is not None and results.maps:
            labels = group.create_group("labels")
            labels.attrs["ome"] = {"version": _OME_VERSION, "labels": ["rois"]}
            rois = labels.create_group("rois")
            _fill(rois, results.rois.labels, results, "yx")
            rois.attrs["ome"] = rois.attrs["ome"] | {"image-label": {"source": {"image": "../../"}}}
        beside.rename(folder)


def refuse_to_replace(file: Path) -> None:
    """Raise InputError if a file or folder is there already."""
    if file.exists():
        raise InputError(f"{file} is there already: choose another name.")


def _channels(results: Results) -> tuple[list[str], NDArray[Any]]:
    """Return names and images (C, Y, X): the maps, or the ROIs where there are no maps."""
    if results.maps:
        return list(results.maps), np.stack([image for image, *_ in results.maps.values()])
    if results.rois is not None:
        return ["rois"], results.rois.labels[None]
    raise InputError(f"{results.folder} holds neither maps nor ROIs: choose the folder of another command.")


def _fill(group: Any, image: NDArray[Any], results: Results, axes: str) -> None:
    chunks = tuple(
        1 if axis == "c" else min(_TILE, size) for axis, size in zip(axes, image.shape, strict=True)
    )
    array = group.create_array(
        "0", shape=image.shape, dtype=image.dtype, chunks=chunks, dimension_names=list(axes)
    )
    array[...] = image
    size = dict(zip("yx", results.pixel_size or (1.0, 1.0), strict=True))
    known = {"unit": "micrometer"} if results.pixel_size is not None else {}
    described = [
        {"name": axis, "type": "channel"} if axis == "c" else {"name": axis, "type": "space", **known}
        for axis in axes
    ]
    scale = [float(size.get(axis, 1.0)) for axis in axes]
    group.attrs["ome"] = {
        "version": _OME_VERSION,
        "multiscales": [
            {
                "name": results.movie,
                "axes": described,
                "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
            }
        ],
    }


def _window(image: NDArray[Any]) -> dict[str, float]:
    low, high = (float(it) for it in np.nanpercentile(image, (0, 100)))
    return {"min": low, "max": high, "start": low, "end": high}
