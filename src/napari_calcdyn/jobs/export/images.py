"""Maps, those of single sources, and ROIs as OME-TIFF and OME-Zarr."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.analysis.maps import SourceMaps
from napari_calcdyn.jobs.result_folder import SOURCES_FILE
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.sparse_stack import write_sparse_stack
from napari_calcdyn.recording.writing import replacing, writing

from .images_back import OF_US
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
    metadata = _ome(results, names)
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
    zarr = _zarr()
    refuse_to_replace(folder)
    names, image = _channels(results)
    with writing(folder.parent):
        beside = folder.with_name(f".{folder.name}.part")
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        _fill(group, image, image.shape, image.dtype, results, "cyx", labels=not results.maps)
        top = group.attrs["ome"]
        channels = [
            {"label": name, "color": "FFFFFF", "active": True, "window": _window(it)}
            for name, it in zip(names, image, strict=True)
        ]
        group.attrs["ome"] = top | {"omero": {"channels": channels}}
        group.attrs[OF_US] = results.about
        if results.rois is not None and results.maps:
            labels = group.create_group("labels")
            labels.attrs["ome"] = {"version": _OME_VERSION, "labels": ["rois"]}
            rois = labels.create_group("rois")
            image = results.rois.labels
            _fill(rois, [image], image.shape, image.dtype, results, "yx", labels=True)
            rois.attrs["ome"] = rois.attrs["ome"] | {"image-label": {"source": {"image": "../../"}}}
        beside.rename(folder)


def write_source_maps(place: Path, results: Results) -> None:
    """Write the maps of all sources of a run, a channel for each, one after another.

    Parameters
    ----------
    place : Path
        Made: an ``.ome.tif``, in which what a source does not reach takes no room, or a ``.zarr``.
    results : Results
        From `read_results`.

    Raises
    ------
    InputError
        If it has another ending, is there already, there are no such maps, or it cannot be written.
    """
    as_tiff = place.name.lower().endswith((".ome.tif", ".ome.tiff"))
    if not as_tiff and place.suffix.lower() != ".zarr":
        raise InputError(
            f"{place.name} has another ending: call it {place.name.split('.')[0]}.ome.tif or .zarr."
        )
    refuse_to_replace(place)
    file = results.folder / SOURCES_FILE
    if not file.is_file():
        raise InputError(f"{results.folder} holds no maps of sources: choose a folder of calcdyn run.")
    maps = SourceMaps.open(file)
    if as_tiff:
        names = [f"source_{number}" for number in range(len(maps))]
        write_sparse_stack(place, maps, maps.shape, ome=_ome(results, names))
        return
    zarr = _zarr()
    with writing(place.parent):
        beside = place.with_name(f".{place.name}.part")
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        _fill(group, maps, maps.shape, maps.dtype, results, "cyx")
        group.attrs[OF_US] = results.about
        beside.rename(place)


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


def _fill(
    group: Any,
    images: Iterable[NDArray[Any]],
    shape: tuple[int, ...],
    dtype: Any,
    results: Results,
    axes: str,
    *,
    labels: bool = False,
) -> None:
    """Write one image after another at full size, and coarser ones until they fit into one tile."""
    size = dict(zip("yx", results.pixel_size or (1.0, 1.0), strict=True))
    known = {"unit": "micrometer"} if results.pixel_size is not None else {}
    described = [
        {"name": axis, "type": "channel"} if axis == "c" else {"name": axis, "type": "space", **known}
        for axis in axes
    ]
    levels: list[Any] = []
    datasets: list[dict[str, Any]] = []
    while True:
        factor = 2 ** len(levels)
        chunks = tuple(1 if axis == "c" else min(_TILE, it) for axis, it in zip(axes, shape, strict=True))
        levels.append(
            group.create_array(
                str(len(levels)), shape=shape, dtype=dtype, chunks=chunks, dimension_names=list(axes)
            )
        )
        scale = [float(size.get(axis, 1.0)) * (factor if axis in "yx" else 1) for axis in axes]
        # The middle of a pixel that is a mean lies between those of its four.
        shift = [0.0 if axis == "c" or labels else size[axis] * (factor - 1) / 2 for axis in axes]
        moved = [{"type": "translation", "translation": shift}] if any(shift) else []
        transformations = [{"type": "scale", "scale": scale}, *moved]
        datasets.append({"path": str(len(levels) - 1), "coordinateTransformations": transformations})
        if max(shape[-2:]) <= _TILE:
            break
        shape = (*shape[:-2], *(-(-it // 2) for it in shape[-2:]))
    for number, image in enumerate(images):
        finer = image
        for factor, level in enumerate(levels):
            if factor:
                finer = finer[::2, ::2] if labels else _half(finer)
            level[(number, ...) if axes[0] == "c" else ...] = finer
    group.attrs["ome"] = {
        "version": _OME_VERSION,
        "multiscales": [{"name": results.movie, "axes": described, "datasets": datasets}],
    }


def _half(image: NDArray[Any]) -> NDArray[Any]:
    """Return the means of 2 × 2 pixels, of those that are there; NaN only where all are."""
    height, width = image.shape
    even = np.full((-(-height // 2) * 2, -(-width // 2) * 2), np.nan, image.dtype)
    even[:height, :width] = image
    parts = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    there = np.isfinite(parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        half: NDArray[Any] = np.sum(parts, (1, 3), where=there) / there.sum((1, 3))
    return half.astype(image.dtype)


def _ome(results: Results, names: list[str]) -> dict[str, Any]:
    """Return the metadata of an OME-TIFF with a channel for each name."""
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Name": results.movie,
        "Channel": {"Name": names},
        "Description": results.json(),
    }
    if results.pixel_size is not None:
        height, width = results.pixel_size
        units = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
        metadata |= {"PhysicalSizeX": width, "PhysicalSizeY": height, **units}
    return metadata


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise InputError('Writing OME-Zarr needs zarr: pip install "napari-calcdyn[formats]".') from error
    return zarr


def _window(image: NDArray[Any]) -> dict[str, float]:
    low, high = (float(it) for it in np.nanpercentile(image, (0, 100)))
    return {"min": low, "max": high, "start": low, "end": high}
