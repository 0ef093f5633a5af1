"""Files as CaImAn, EXTRACT, suite2p and other programs write them, made with h5py alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Group = Any


class Scene:
    """A movie of round cells, with their masks and traces."""

    def __init__(self, height: int, width: int, frames: int = 300, cells: int = 7) -> None:
        random = np.random.default_rng(3)
        y, x = np.mgrid[:height, :width]
        centres = random.uniform(4, [height - 4, width - 4], (cells, 2))
        self.masks = np.array([np.exp(-((y - b) ** 2 + (x - a) ** 2) / 5) for b, a in centres])
        self.masks[self.masks < 0.1] = 0
        self.traces = 20 * random.gamma(0.5, 1, (cells, frames))
        light = 50 + np.tensordot(self.traces.T, self.masks, 1)
        self.movie = random.poisson(light).astype(np.uint16)


def typed(parent: Group, name: str, kind: str, **attributes: Any) -> Group:
    """Return a new group of an NWB type."""
    group = parent.create_group(name)
    group.attrs.update({"neurodata_type": kind, "namespace": "core"} | attributes)
    return group


def nwb(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    file.attrs.update({"nwb_version": "2.6.0", "neurodata_type": "NWBFile", "namespace": "core"})
    plane = typed(file, "general/optophysiology/ImagingPlane", "ImagingPlane")
    plane["imaging_rate"] = 7.5
    plane["grid_spacing"] = np.array([2e-6, 1e-6])  # x, y
    plane["grid_spacing"].attrs["unit"] = "meters"
    return file


def series(
    parent: Group, name: str, data: Any, kind: str = "TwoPhotonSeries", rate: float | None = 12.0, **how: Any
) -> Group:
    group = typed(parent, name, kind)
    if data is not None:
        group.create_dataset("data", data=data, **how)
    if rate:
        group["starting_time"] = 0.0
        group["starting_time"].attrs["rate"] = rate
    group["imaging_plane"] = h5py.SoftLink("/general/optophysiology/ImagingPlane")
    return group


def segmentation(
    file: Group,
    scene: Scene,
    kind: str = "image_mask",
    *,
    y_first: bool = False,
    name: str = "PlaneSegmentation",
) -> Group:
    """Write masks as images, pixels or voxels."""
    masks = scene.masks if y_first else scene.masks.swapaxes(1, 2)
    table = typed(file, f"processing/ophys/ImageSegmentation/{name}", "PlaneSegmentation")
    table["id"] = np.arange(len(masks))
    if kind == "image_mask":
        table[kind] = masks
    else:
        names = ("x", "y", "z", "weight") if kind == "voxel_mask" else ("x", "y", "weight")
        dtype = np.dtype([(it, "f4" if it == "weight" else "u4") for it in names])
        index, first, second = masks.nonzero()
        pixels = np.zeros(len(index), dtype)
        pixels["x"], pixels["y"], pixels["weight"] = first, second, masks[index, first, second]
        table[kind] = pixels
        table[f"{kind}_index"] = np.cumsum(np.bincount(index))
    accepted = np.arange(len(masks)) % 2
    table["iscell"] = np.stack([accepted, np.full(len(masks), 0.75)], 1)
    table.attrs["colnames"] = np.array([kind, "iscell"], object)
    return table


def suite2p_nwb(path: Path, scene: Scene, *, image: bool = True) -> Path:
    """Write ROIs as suite2p does, with y in the column named x."""
    with nwb(path) as file:
        segmentation(file, scene, "pixel_mask", y_first=True).attrs["description"] = "suite2p output"
        for name, data in (
            ("Fluorescence", scene.traces),
            ("Neuropil", scene.traces),
            ("Deconvolved", scene.traces),
        ):
            responses(file, f"processing/ophys/{name}/plane0", data)
        if image:
            file["processing/ophys/Backgrounds_0/meanImg"] = scene.movie.mean(0)
            file["processing/ophys/Backgrounds_0/meanImg"].attrs["neurodata_type"] = "GrayscaleImage"
    return path


def responses(
    file: Group, name: str, traces: NDArray[Any], rois: Any = None, *, time_first: bool = True
) -> Group:
    group = series(file, name, traces.T if time_first else traces, "RoiResponseSeries")
    group["rois"] = np.arange(len(traces)) if rois is None else rois
    return group


def caiman(path: Path, scene: Scene, *, c_order: bool = False, **more: Any) -> Path:
    count, height, width = scene.masks.shape
    pixels = scene.masks.reshape(count, -1) if c_order else scene.masks.swapaxes(1, 2).reshape(count, -1)
    a = sparse.csc_array(pixels.T)
    content = {
        "A/data": a.data,
        "A/indices": a.indices,
        "A/indptr": a.indptr,
        "A/shape": a.shape,
        "dims": [height, width],
        "C": scene.traces - 1,
        "YrA": np.ones_like(scene.traces),
        "F_dff": scene.traces / 2,
        "idx_components": [0, 2],
        "SNR_comp": np.arange(count),
    } | more
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            file[f"estimates/{name}"] = b"NoneType" if value is None else value
        file["params/data/fr"] = 30
    return path


def extract(
    path: Path, scene: Scene, footprints: str = "spatial_weights", traces: str = "temporal_weights"
) -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("output")
        group.create_dataset(
            footprints, data=scene.masks.swapaxes(1, 2), compression="gzip", chunks=(3, 8, 8)
        )
        group.create_dataset(traces, data=scene.traces)
        group["info/summary_image"] = scene.movie.mean(0).T
    return path


Writer = Callable[[Path, Scene], Path]


def image_nwb(path: Path, scene: Scene, **how: Any) -> Path:
    """An NWB file with the masks and traces of a scene."""
    with nwb(path) as file:
        segmentation(file, scene, **how)
        responses(file, "processing/ophys/Fluorescence/RoiResponseSeries", scene.traces)
    return path
