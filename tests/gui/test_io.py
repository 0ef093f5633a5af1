"""Movies come into napari lazily and go out with their pixel size."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.array as da
import h5py
import numpy as np
import pytest
import tifffile
import zarr

from napari_calcdyn.analysis.maps import SourceMaps
from napari_calcdyn.gui.launch import add_docks
from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.gui.recording.io import get_reader, read_movie, write_image
from napari_calcdyn.gui.recording.layer_options import contrast_limits
from napari_calcdyn.jobs.export.images import write_ome_tiff, write_ome_zarr, write_source_maps
from napari_calcdyn.jobs.export.results import Results
from napari_calcdyn.recording import InputError, Movie, RoiSet, open_movie

PIXELS = np.random.default_rng(0).integers(0, 4000, (20, 34, 45)).astype(np.uint16)


def test_reader_takes_what_it_can_open(tmp_path: Path) -> None:
    for name in ("a.tif", "b.TIFF", "c.npy", "d.h5", "e.nwb", "f.mat"):
        assert get_reader(str(tmp_path / name)) is read_movie
    assert get_reader(str(tmp_path / "d.png")) is None
    assert get_reader(str(tmp_path)) is None
    tifffile.imwrite(tmp_path / "a.tif", PIXELS)
    assert get_reader(str(tmp_path)) is read_movie
    assert get_reader([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]) is read_movie
    assert get_reader([str(tmp_path / "a.tif"), str(tmp_path / "b.png")]) is None
    assert get_reader([]) is None


def test_every_movie_in_an_hdf5_file_becomes_a_layer(tmp_path: Path) -> None:
    path = tmp_path / "day.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = PIXELS
    ((data, options, _),) = read_movie(str(path))
    assert options["name"] == "day.h5"
    with h5py.File(path, "r+") as file:
        file["two"] = np.stack([PIXELS + 1, PIXELS + 2], 1)
        file["mean"] = PIXELS[0]
    layers = read_movie(str(path))
    names = ["day.h5 /raw", "day.h5 /two channel 0", "day.h5 /two channel 1"]
    assert [(it[1]["name"], it[1]["visible"]) for it in layers] == list(
        zip(names, (True, False, False), strict=True)
    )
    for added, (data, _, _) in enumerate(layers):
        np.testing.assert_array_equal(np.asarray(data), PIXELS + added)


def test_reader_takes_folders_of_zarr(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "day.zarr", mode="w")
    for name, added in (("raw", 0), ("two", 1)):
        group.create_array(name, shape=PIXELS.shape, chunks=(9, 34, 45), dtype="u2")[:] = PIXELS + added
    assert get_reader(str(tmp_path / "day.zarr")) is read_movie
    layers = read_movie(str(tmp_path / "day.zarr"))
    assert [it[1]["name"] for it in layers] == ["day.zarr /raw", "day.zarr /two"]
    for added, (data, _, _) in enumerate(layers):
        np.testing.assert_array_equal(np.asarray(data), PIXELS + added)


def test_reader_takes_what_suite2p_wrote(tmp_path: Path) -> None:
    plane = tmp_path / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    assert get_reader(str(plane)) is None
    pixels = PIXELS.astype(np.int16)
    pixels.tofile(plane / "data.bin")
    db = {"Ly": 34, "Lx": 45, "nframes": 20}
    np.save(plane / "db.npy", np.array(db, object), allow_pickle=True)
    np.save(plane / "settings.npy", np.array({"fs": 9.0}, object), allow_pickle=True)
    for place in (plane / "data.bin", plane, plane.parent, tmp_path):
        assert get_reader(str(place)) is read_movie
        ((data, options, _),) = read_movie(str(place))
        np.testing.assert_array_equal(np.asarray(data), pixels)
        assert (options["name"], options["metadata"]) == ("plane0/data.bin", {"frame_rate": 9})
    np.save(plane / "db.npy", np.array(db | {"nframes": 30}, object), allow_pickle=True)
    with pytest.warns(UserWarning, match="only 20 of its 30 frames are in the file"):
        read_movie(str(plane))


def test_layer_is_lazy_scaled_and_named(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    metadata = {"axes": "TYX", "finterval": 0.1, "unit": "um"}
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(2, 4), metadata=metadata)
    ((data, options, kind),) = read_movie(str(path))
    assert kind == "image"
    assert not isinstance(data, np.ndarray) or isinstance(data, np.memmap)
    assert options["name"] == "movie.tif"
    assert options["scale"] == (1, 0.25, 0.5)
    assert options["units"] == ("pixel", "um", "um")
    assert options["metadata"] == {"frame_rate": pytest.approx(10)}
    low, high = options["contrast_limits"]
    assert 0 <= low < 100 < 3900 < high <= 4000
    np.testing.assert_array_equal(np.asarray(data), PIXELS)


def test_channels_and_planes_become_layers(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    pixels = np.arange(5 * 3 * 2 * 8 * 9).reshape(5, 3, 2, 8, 9).astype(np.uint16)
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "TZCYX"})
    layers = read_movie(str(path))
    assert [options["name"] for _, options, _ in layers][::5] == [
        "movie.tif channel 0 plane 0",
        "movie.tif channel 1 plane 2",
    ]
    assert [options["visible"] for _, options, _ in layers] == [True] + 5 * [False]
    np.testing.assert_array_equal(np.asarray(layers[5][0]), pixels[:, 2, 1])


def test_bad_file_is_explained(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "image.tif", PIXELS[0])
    with pytest.raises(InputError, match="2-D image"):
        read_movie(str(tmp_path / "image.tif"))


def test_contrast_limits_are_never_empty() -> None:
    assert contrast_limits(Movie.from_array(np.full((5, 4, 4), 3, np.uint8))) == (3, 4)
    assert contrast_limits(Movie.from_array(np.full((5, 4, 4), np.nan))) == (0, 1)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_written_movie_reads_back(tmp_path: Path, dtype: str) -> None:
    pixels = (PIXELS % 200).astype(dtype)
    meta = {
        "scale": np.array([1, 0.5, 0.25]),
        "units": ("pixel", "micrometer", "micrometer"),
        "metadata": {"frame_rate": 8.0},
    }
    path = str(tmp_path / "out.tif")
    assert write_image(path, da.from_array(pixels, chunks=(3, -1, -1)), meta) == [path]
    movie = open_movie(path)
    assert movie.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(movie.frames(0, 20), pixels)
    assert movie.pixel_size == pytest.approx((0.5, 0.25), rel=1e-6)
    assert movie.frame_rate == pytest.approx(8)


def test_written_images_read_back(tmp_path: Path) -> None:
    path = str(tmp_path / "out.tif")
    image = PIXELS[0].astype(np.float32)
    write_image(path, image, {"scale": (1, 1)})
    np.testing.assert_array_equal(tifffile.imread(path), image)
    write_image(path, [image, image[::2, ::2]], {"multiscale": True})
    np.testing.assert_array_equal(tifffile.imread(path), image)
    write_image(path, image > 2000, {})
    np.testing.assert_array_equal(tifffile.imread(path), image > 2000)
    colours = np.stack([PIXELS[0].astype(np.uint8)] * 3, axis=-1)
    write_image(path, colours, {"rgb": True})
    np.testing.assert_array_equal(tifffile.imread(path), colours)


def test_maps_by_source_are_written_once_and_not_for_every_frame(tmp_path: Path) -> None:
    path = str(tmp_path / "sources.tif")
    sources = PIXELS[:4].astype(np.float32)
    write_image(path, AtAllTimes(sources, 1000), {"scale": (1, 1, 1, 1)})
    np.testing.assert_array_equal(tifffile.imread(path), sources)


def test_exported_maps_open_in_the_place_of_their_movie(viewer: Any, tmp_path: Path) -> None:
    docks = add_docks(viewer)
    movie = tmp_path / "movie.tif"
    metadata = {"axes": "TYX", "finterval": 0.1, "unit": "um"}
    tifffile.imwrite(movie, PIXELS, imagej=True, resolution=(2, 4), metadata=metadata)
    maps = np.random.default_rng(1).random((7, *PIXELS.shape[1:]), np.float32)
    SourceMaps(maps.shape, maps.__getitem__).save(tmp_path / "contribution_sources.tif")
    about = {"provenance": {"inputs": [{"name": "movie.tif"}]}}
    results = Results(
        tmp_path,
        "run",
        about,
        pixel_size=open_movie(movie).pixel_size,
        maps={
            name: (image, name, "counts") for name, image in zip(("mean", "explained"), maps, strict=False)
        },
        rois=RoiSet.from_labels((PIXELS[0] > 3900).astype(np.int32)),
    )
    for name, write in (
        ("a.ome.tif", write_ome_tiff),
        ("b.zarr", write_ome_zarr),
        ("c.ome.tif", write_source_maps),
        ("d.zarr", write_source_maps),
    ):
        write(tmp_path / name, results)
    write_ome_tiff(tmp_path / "e.ome.tif", replace(results, maps={}))
    for name, names, expected in (
        ("a.ome.tif", ["mean", "explained"], maps),
        ("b.zarr", ["mean", "explained", "rois"], [*maps[:2], results.rois.labels]),
        ("c.ome.tif", ["maps of the sources"], [maps]),
        ("d.zarr", ["maps of the sources"], [maps]),
        ("e.ome.tif", ["rois"], [results.rois.labels]),
    ):
        layers = viewer.open(str(tmp_path / name), plugin="napari-calcdyn")
        assert [it.name for it in layers] == names
        assert docks.recording.session.recording.movie is None  # these are none
        for layer, image in zip(layers, expected, strict=False):
            np.testing.assert_array_equal(np.asarray(layer.data), image)
            assert (layer.data.dtype, layer._type_string) == (
                image.dtype,
                "labels" if image.dtype == np.int32 else "image",
            )
            layer.name = "old"
        (recording,) = viewer.open(str(movie), plugin="napari-calcdyn")
        for layer in layers:
            assert layer.scale[-2:].tolist() == recording.scale[-2:].tolist() == [0.25, 0.5]
            assert layer.units[-2:] == recording.units[-2:]
        assert recording.metadata["frame_rate"] == pytest.approx(10)
        viewer.layers.clear()
    tiff = (tmp_path / "a.ome.tif").read_bytes()
    (tmp_path / "a.ome.tif").write_bytes(tiff[: len(tiff) // 2])
    with pytest.raises(InputError):
        read_movie(str(tmp_path / "a.ome.tif"))
    shutil.rmtree(tmp_path / "d.zarr" / "0")
    with pytest.raises(InputError, match=r"d\.zarr is damaged: export the results again"):
        read_movie(str(tmp_path / "d.zarr"))


def test_what_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be written: No such file"):
        write_image(str(tmp_path / "none" / "out.tif"), PIXELS, {})
    with pytest.raises(InputError, match="4 axes"):
        write_image(str(tmp_path / "out.tif"), PIXELS[None], {})


def test_through_the_manifest(tmp_path: Path) -> None:
    npe2 = pytest.importorskip("npe2")
    manager = npe2.PluginManager.instance()
    if "napari-calcdyn" not in manager:
        manager.discover()
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, PIXELS)
    ((data, options, kind),) = npe2.read([str(path)], stack=False, plugin_name="napari-calcdyn")
    assert kind == "image"
    written = npe2.write(str(tmp_path / "out.tif"), [(data, options, kind)], plugin_name="napari-calcdyn")
    np.testing.assert_array_equal(tifffile.imread(written[0]), PIXELS)
