"""ROIs and traces of CaImAn, EXTRACT and NWB, whole, transposed and damaged."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from bad_input import refuses
from scipy import ndimage

from damage import damaged
from hdf5_files import (
    Scene,
    Writer,
    caiman,
    extract,
    image_nwb,
    nwb,
    responses,
    segmentation,
    series,
    suite2p_nwb,
)
from napari_calcdyn.recording import Movie, RoiSet, Traces, open_rois, open_traces
from napari_calcdyn.recording.traces.agreement import agreement, open_rois_of, rois_that_fit

WIDE, SQUARE = Scene(30, 44), Scene(36, 36)


def pixel_nwb(path: Path, scene: Scene) -> Path:
    image_nwb(path, scene, kind="pixel_mask")
    with h5py.File(path, "r+") as file:
        series(file, "acquisition/a", scene.movie.swapaxes(1, 2))["dimension"] = scene.movie.shape[:0:-1]
    return path


def voxel_nwb(path: Path, scene: Scene) -> Path:
    pixel_nwb(path, scene)
    with h5py.File(path, "r+") as file:
        del file["processing/ophys/ImageSegmentation"]
        segmentation(file, scene, "voxel_mask")
    return path


WRITERS: dict[str, Writer] = {
    "caiman.hdf5": caiman,
    "extract.mat": extract,
    "images.nwb": image_nwb,
    "pixels.nwb": pixel_nwb,
    "voxels.nwb": voxel_nwb,
    "suite2p.nwb": suite2p_nwb,
}


def is_scene(rois: RoiSet, scene: Scene) -> None:
    expected = RoiSet(
        scene.masks.reshape(len(scene.masks), -1), np.arange(len(scene.masks)), scene.movie.shape[1:]
    )
    assert rois.frame_shape == expected.frame_shape
    np.testing.assert_allclose(rois.footprints.toarray(), expected.footprints.toarray(), rtol=1e-5)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("scene", [WIDE, SQUARE])
def test_rois_and_traces(tmp_path: Path, name: str, scene: Scene) -> None:
    path = WRITERS[name](tmp_path / name, scene)
    shape = scene.movie.shape[1:]
    is_scene(open_rois(path), scene)
    is_scene(open_rois(path, frame_shape=shape), scene)
    refuses("belong to frames of|lie outside the frames", open_rois, path, frame_shape=(9, 9))
    traces = open_traces(path)
    np.testing.assert_allclose(traces.values, scene.traces, rtol=1e-5)
    assert traces.ids.tolist() == open_rois(path).ids.tolist()
    assert traces.frame_rate == {"caiman.hdf5": 30, "extract.mat": None}.get(name, 12)
    assert open_traces(path, frame_rate=5).frame_rate == 5
    assert (traces.unit, traces.provenance["file"]) == ("fluorescence", str(path))
    found = agreement(Movie.from_array(scene.movie), open_rois(path), traces)
    assert np.median(found.as_read) > 0.8
    assert found.fits


def test_caiman(tmp_path: Path) -> None:
    path = caiman(tmp_path / "a.hdf5", WIDE)
    rois = open_rois(path)
    assert rois.columns["accepted"].tolist() == [True, False, True] + 4 * [False]
    assert rois.cells is rois.columns["accepted"]
    assert rois.columns["SNR_comp"].tolist() == list(range(7))
    caiman(path, WIDE, YrA=None, idx_components=None, SNR_comp=None)
    assert not open_rois(path).columns
    traces = open_traces(path)
    assert (traces.unit, traces.provenance["traces"]) == ("ΔF/F", "F_dff")
    np.testing.assert_allclose(traces.values, WIDE.traces / 2, rtol=1e-5)
    assert open_traces(caiman(path, WIDE, YrA=None, F_dff=None)).provenance["traces"] == "C"
    refuses("holds no traces of CaImAn", open_traces, caiman(path, WIDE, YrA=None, F_dff=None, C=None))
    refuses("ROIs of volumes", open_rois, caiman(path, WIDE, dims=[30, 11, 4]))
    for wrong in (
        {"dims": [44, 31]},
        {"dims": [-30, -44]},
        {"A/indices": np.arange(3)},
        {"A/indptr": np.arange(8)[::-1]},
        {"A/shape": [1320, 9]},
    ):
        refuses("footprints in .* do not match", open_rois, caiman(path, WIDE, **wrong))
    refuses("as a sparse matrix", open_rois, caiman(path, WIDE, **{"A/data": None}))


def test_extract_of_another_version(tmp_path: Path) -> None:
    path = extract(tmp_path / "a.mat", WIDE, "filters", "traces")
    is_scene(open_rois(path), WIDE)
    np.testing.assert_allclose(open_traces(path).values, WIDE.traces, rtol=1e-5)
    with h5py.File(path, "w") as file:
        file["a"] = np.ones((4, 5))
    refuses("holds no ROIs of CaImAn, EXTRACT, Minian or NWB", open_rois, path)
    refuses("holds no traces of CaImAn, EXTRACT, Minian or NWB", open_traces, path)


def test_which_order_nwb_masks_are_in(tmp_path: Path) -> None:
    path, shape = tmp_path / "a.nwb", WIDE.movie.shape[1:]
    image_nwb(path, WIDE, y_first=True)
    is_scene(open_rois(path, frame_shape=shape), WIDE)
    assert open_rois(path).frame_shape == shape[::-1], "nothing tells"
    image_nwb(path, WIDE, kind="pixel_mask")
    refuses("a.nwb does not say how large the image is", open_rois, path)
    is_scene(open_rois(path, frame_shape=shape), WIDE)
    wide = Scene(20, 60)
    image_nwb(path, wide, kind="pixel_mask", y_first=True)
    is_scene(open_rois(path, frame_shape=wide.movie.shape[1:]), wide)
    suite2p_nwb(path, SQUARE, image=False)
    is_scene(open_rois(path, frame_shape=SQUARE.movie.shape[1:]), SQUARE)
    with h5py.File(path, "r+") as file:
        del file["processing/ophys/ImageSegmentation"]
        segmentation(file, SQUARE, "voxel_mask")["voxel_mask"][5, "z"] = 1
    refuses("ROIs of several planes", open_rois, path)


def test_what_else_nwb_says(tmp_path: Path) -> None:
    path = image_nwb(tmp_path / "a.nwb", WIDE)
    rois = open_rois(path)
    assert rois.cells is not None
    assert rois.cells.tolist() == [bool(it % 2) for it in range(7)]
    assert rois.columns["iscell_probability"].tolist() == [0.75] * 7
    with h5py.File(path, "r+") as file:
        segmentation(file, WIDE, name="other")
        table = file["processing/ophys/ImageSegmentation/other"]
        table["Accepted"] = np.arange(7)
        table.attrs["colnames"] = np.array(["image_mask", "Accepted", "missing"], object)
        responses(file, "processing/ophys/Fluorescence/few", WIDE.traces[[5, 2]], [5, 2], time_first=False)
        responses(file, "processing/ophys/DfOverF/all", WIDE.traces)
    refuses(
        'choose one with dataset="/processing/ophys/ImageSegmentation/PlaneSegmentation"', open_rois, path
    )
    other = open_rois(path, dataset="processing/ophys/ImageSegmentation/other")
    assert other.columns["accepted"].tolist() == [False] + 6 * [True]
    refuses("holds several RoiResponseSeries: choose one with dataset=", open_traces, path)
    few = open_traces(path, dataset="/processing/ophys/Fluorescence/few")
    assert few.ids.tolist() == [5, 2]
    np.testing.assert_allclose(few.values, WIDE.traces[[5, 2]], rtol=1e-6)
    assert open_traces(path, dataset="processing/ophys/DfOverF/all").unit == "ΔF/F"
    with nwb(path) as file:
        responses(file, "processing/ophys/a", WIDE.traces, np.arange(3))
    refuses("belongs to 3 ROIs: save it again", open_traces, path)
    refuses("holds no PlaneSegmentation", open_rois, path)


def test_transposed_rois_are_noticed(tmp_path: Path) -> None:
    """CaImAn's pixels in C order, or NWB's with x and y exchanged, do not fit the movie."""
    for scene in (SQUARE, WIDE):
        movie = Movie.from_array(scene.movie)
        path = caiman(tmp_path / "a.hdf5", scene, c_order=True)
        found = agreement(movie, open_rois(path), open_traces(path))
        assert np.median(found.as_read) < 0.3
        assert np.median(found.transposed) > 0.8
        assert not found.fits
    movie = Movie.from_array(SQUARE.movie)
    for kind in ("image_mask", "pixel_mask"):
        path = image_nwb(tmp_path / "a.nwb", SQUARE, kind=kind, y_first=True)
        wrong = open_rois(path, frame_shape=(36, 36))
        found = agreement(movie, wrong, open_traces(path))
        assert np.median(found.as_read) < 0.3
        assert not found.fits
        right = open_rois_of(movie, path)
        is_scene(right, SQUARE)
        assert right.provenance.endswith("y and x exchanged")
        assert right.columns.keys() == wrong.columns.keys()
    is_scene(open_rois_of(movie, caiman(tmp_path / "b.hdf5", SQUARE)), SQUARE)
    half = Traces(SQUARE.traces[:, :150], np.arange(7))
    assert rois_that_fit(movie, wrong, half) is wrong, "nothing to compare with"
    refuses("does not belong to these ROIs", agreement, movie, wrong, half)
    constant = Traces(np.ones_like(SQUARE.traces), np.arange(7))
    assert rois_that_fit(movie, wrong, constant) is wrong


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused_or_opened(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, Scene(16, 16, 20, cells=3))
    damaged([path], lambda: open_rois(path), lambda: open_traces(path))


@pytest.mark.parametrize(
    ("name", "rois", "shape", "frames", "rate"),
    [
        ("caiman/caiman_analysis.hdf5", 72, (128, 128), 1000, 30),
        ("nwb/nwb_test.nwb", 15, (128, 128), 250, 10),
        ("extract/extract_public_output.mat", 20, (50, 50), 2000, None),
    ],
)
def test_real_files(
    data_folder: Path, name: str, rois: int, shape: tuple[int, int], frames: int, rate: float
) -> None:
    found, traces = open_rois(data_folder / "formats" / name), open_traces(data_folder / "formats" / name)
    assert (len(found), found.frame_shape) == (rois, shape)
    assert (traces.values.shape, traces.values.dtype, traces.frame_rate) == ((rois, frames), np.float32, rate)
    assert traces.usable.all()
    compact = []
    for weights in found.footprints.toarray().reshape(rois, *shape):
        parts, count = ndimage.label(weights > 0.2 * weights.max(), np.ones((3, 3)))
        sizes = ndimage.sum(weights, parts, np.arange(1, count + 1))
        compact.append(sizes.max() / sizes.sum())
    assert np.median(compact) == pytest.approx(1)
    assert min(compact) > 0.5, "the pixels of each ROI form a blob"


def test_real_nwb_file_is_of_a_suite2p_folder(data_folder: Path) -> None:
    """The program that wrote it put y first, against NWB's rule, which only a movie could tell."""
    theirs = open_rois(data_folder / "formats" / "nwb" / "nwb_test.nwb")
    ours = open_rois(data_folder / "formats" / "suite2p" / "plane0")
    apart = np.linalg.norm(theirs.centres[:, ::-1] - ours.centres, axis=1)
    assert np.median(apart) < 1
    traces = open_traces(data_folder / "formats" / "nwb" / "nwb_test.nwb")
    same = open_traces(data_folder / "formats" / "suite2p" / "plane0", neuropil=None)
    np.testing.assert_array_equal(traces.values, same.values)
