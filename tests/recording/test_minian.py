"""ROIs and traces of Minian, in folders of Zarr and in netCDF files, whole and damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from bad_input import refuses

from damage import damaged
from hdf5_files import Scene
from napari_calcdyn.recording import Movie, extract_traces, open_rois, open_traces

SCENE = Scene(24, 30, 60, cells=4)
IDS = np.array([3, 5, 8, 40])
AXES = {"A": ("unit_id", "height", "width"), "C": ("unit_id", "frame"), "YrA": ("unit_id", "frame")}
VARIABLES = {"A": SCENE.masks, "C": SCENE.traces - 1, "S": SCENE.traces > 9}


def store(folder: Path, name: str, values: Any, axes: tuple[str, ...]) -> None:
    """Write a variable as xarray does, with the numbers of the cells beside it."""
    group = zarr.open_group(folder, mode="a", zarr_format=2)
    for it, content, names in ((name, values, axes), ("unit_id", IDS, ("unit_id",))):
        if it not in group:
            chunks = (1, *content.shape[1:]) if content.ndim > 1 else content.shape
            array = group.create_array(it, shape=content.shape, dtype=content.dtype, chunks=chunks)
            array[...] = content
            array.attrs["_ARRAY_DIMENSIONS"] = list(names)


def minian(place: Path, together: bool = False, **variables: Any) -> Path:
    for name, values in (VARIABLES | variables).items():
        axes = AXES.get(name, ("unit_id", "frame"))
        store(place if together else place / f"{name}.zarr", name, np.asarray(values), axes)
    return place


def netcdf(path: Path, order: tuple[str, ...] = AXES["A"], **variables: Any) -> Path:
    """Write variables as netCDF-4 does, with the coordinates of the axes."""
    masks = SCENE.masks.transpose([AXES["A"].index(axis) for axis in order])
    with h5py.File(path, "w") as file:
        lengths = dict(zip(AXES["A"], SCENE.masks.shape, strict=True)) | {"frame": 60}
        for axis, length in lengths.items():
            file[axis] = IDS if axis == "unit_id" else np.arange(length)
        for name, values in (VARIABLES | {"A": masks} | variables).items():
            file[name] = np.asarray(values)
    return path


WRITERS = {
    "a folder for each": minian,
    "one folder": lambda place: minian(place, together=True),
    "netcdf": lambda place: netcdf(place.with_suffix(".nc")),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_rois_and_traces(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path / "minian")
    rois, traces = open_rois(path, frame_shape=(24, 30)), open_traces(path, frame_rate=20)
    assert (rois.ids.tolist(), traces.ids.tolist()) == (IDS.tolist(), IDS.tolist())
    masks = SCENE.masks.reshape(4, -1)
    np.testing.assert_allclose(
        rois.footprints.toarray() * (masks.sum(1) / rois.footprints.sum(1))[:, None], masks, rtol=1e-5
    )
    np.testing.assert_allclose(traces.values, SCENE.traces - 1, rtol=1e-5)
    assert (traces.frame_rate, traces.unit, open_traces(path).frame_rate) == (20, "fluorescence", None)
    ours = extract_traces(Movie.from_array(SCENE.movie), rois).values
    alike = [np.corrcoef(*pair)[0, 1] for pair in zip(ours, SCENE.traces, strict=True)]
    assert min(alike) > 0.8, "the footprints fall on the cells"
    refuses("belong to frames of 24 × 30", open_rois, path, frame_shape=(30, 24))


def test_other_orders_and_variables(tmp_path: Path) -> None:
    turned = open_rois(netcdf(tmp_path / "a.nc", ("unit_id", "width", "height")))
    straight = open_rois(minian(tmp_path / "minian"))
    assert turned.frame_shape == straight.frame_shape == (24, 30)
    np.testing.assert_array_equal(turned.footprints.toarray(), straight.footprints.toarray())
    np.testing.assert_array_equal(
        open_rois(tmp_path / "minian" / "A.zarr").footprints.toarray(), straight.footprints.toarray()
    )
    raw = minian(tmp_path / "raw", YrA=SCENE.traces)
    np.testing.assert_allclose(open_traces(raw).values, SCENE.traces, rtol=1e-5)
    assert open_traces(raw).provenance["traces"] == "/YrA.zarr/YrA in raw"
    frames_first = netcdf(tmp_path / "b.nc", ("height", "width", "unit_id"))
    refuses("does not begin with its cells", open_rois, frames_first)
    shutil.rmtree(tmp_path / "minian" / "C.zarr")
    refuses("minian holds no variable YrA or C of Minian", open_traces, tmp_path / "minian")
    refuses("is no variable of Minian", open_rois, minian(tmp_path / "flat", A=SCENE.traces))


def test_nothing_is_believed(tmp_path: Path) -> None:
    path = minian(tmp_path / "minian")
    for name, change in (
        ("C", {"shape": [2**40, 60], "chunks": [1, 60]}),
        ("C", {"shape": [4, 2**40], "chunks": [1, 60]}),
        ("C", {"shape": [4, 2**50], "chunks": [1, 2**50]}),
        ("C", {"filters": [{"id": "pickle"}]}),
        ("A", {"shape": [2**40, 24, 30], "chunks": [1, 24, 30]}),
        ("A", {"shape": [4, 2**30, 2**30], "chunks": [1, 24, 30]}),
    ):
        file = path / f"{name}.zarr" / name / ".zarray"
        whole = file.read_text()
        file.write_text(json.dumps(json.loads(whole) | change))
        refuses("minian", open_traces if name == "C" else open_rois, path)
        file.write_text(whole)
    open_rois(path)


@pytest.mark.parametrize("kind", WRITERS)
def test_damaged_results_are_refused_or_opened(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path / "minian")
    inside = [it for it in sorted(path.rglob("*")) if it.is_file() and it.parent.name != "S"]
    about = [it for it in inside if it.name.startswith(".z")]
    files = [it for number, other in enumerate(inside) for it in (about[number % len(about)], other)]
    damaged(files or [path], lambda: open_rois(path), lambda: open_traces(path))
