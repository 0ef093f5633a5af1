"""``calcdyn export``: results come back from other programs' files as they were."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from commands import calcdyn, refused
from napari_calcdyn.jobs.export.images import write_ome_zarr, write_source_maps
from napari_calcdyn.jobs.export.results import read_results
from napari_calcdyn.jobs.export.tables import write_tables
from napari_calcdyn.recording import InputError, RoiSet, open_movie, open_rois
from napari_calcdyn.recording.rois.boundaries import trace_mask
from napari_calcdyn.recording.rois.imagej_writing import write_imagej_rois
from napari_calcdyn.recording.rois.polygons import fill_outline
from napari_calcdyn.recording.rois.saved import load_rois, save_rois
from napari_calcdyn.simulate.movie import simulate_movie

QUICK = ("--preset", "quick", "--device", "cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a result folder of each command."""
    top: Path = tmp_path_factory.mktemp("results")
    simulated = simulate_movie(frames=160, height=40, width=56, dynamic=8, silent=2, flicker=2, seed=2)
    about = {"axes": "TYX", "unit": "um", "fps": 8}
    tifffile.imwrite(top / "movie.tif", simulated.movie, imagej=True, resolution=(2, 4), metadata=about)
    labels = simulated.labels.copy()
    labels[0, 0] = labels[-1, -1] = 1  # an ROI of several parts, at the edges
    tifffile.imwrite(top / "labels.tif", labels)
    commands = (
        ("run", "--steps", 10),
        ("neurons", "--rois", top / "labels.tif", "--epochs", 2),
        ("influence", "--rois", top / "labels.tif", "--surrogates", 19, "--steps", 10),
        ("compare", "--a", ":80", "--b", "80:", "--permutations", 19, "--steps", 10),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, *options in commands:
            assert calcdyn(patch, name, top / "movie.tif", *options, *QUICK, "--out", top / name) == 0
    return top


def same_pixels(a: RoiSet, b: RoiSet) -> bool:
    return a.frame_shape == b.frame_shape and ((a.footprints > 0) != (b.footprints > 0)).nnz == 0


def random_masks(count: int) -> list[np.ndarray]:
    """Masks with holes, several parts, parts that touch at a corner, and whole frames."""
    rng = np.random.default_rng(0)
    masks = [rng.random((9, 13)) < share for share in rng.uniform(0.05, 1, count)]
    return [mask for mask in masks if mask.any()] + [np.ones((9, 13), bool)]


def test_outlines_hold_the_pixels_of_the_mask() -> None:
    for mask in random_masks(200):
        paths = [path - 0.5 for path in trace_mask(mask)]
        pixels, cut = fill_outline(paths, mask.shape)
        np.testing.assert_array_equal(np.sort(pixels), np.flatnonzero(mask))
        assert not cut
    [square] = trace_mask(np.ones((3, 2), bool))
    np.testing.assert_array_equal(square, [[0, 0], [0, 2], [3, 2], [3, 0]])


def test_imagej_gets_the_same_pixels(tmp_path: Path) -> None:
    masks = random_masks(60)
    rois = RoiSet(np.array([mask.ravel() for mask in masks]), np.arange(len(masks)) + 5, (9, 13))
    write_imagej_rois(tmp_path / "rois.zip", rois, "about")
    again = open_rois(tmp_path / "rois.zip", frame_shape=(9, 13))
    assert same_pixels(rois, again)
    assert again.columns["name"].tolist() == [str(number) for number in rois.ids]
    with zipfile.ZipFile(tmp_path / "rois.zip") as archive:
        assert archive.comment == b"about"


def test_saved_rois_come_back_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).random((4, 30)) * (np.random.default_rng(2).random((4, 30)) < 0.4)
    rois = RoiSet(weights, np.array([9, 2, 4, 7]), (5, 6), "mine")
    save_rois(tmp_path / "rois.npz", rois)
    again = open_rois(tmp_path / "rois.npz", frame_shape=(5, 6))
    assert abs(again.footprints - rois.footprints).max() < 1e-7
    assert again.ids.tolist() == [9, 2, 4, 7]
    content = (tmp_path / "rois.npz").read_bytes()
    rng = np.random.default_rng(0)
    for number in range(200):
        damaged = bytearray(content)
        for at in rng.integers(len(damaged), size=4):
            damaged[at] = rng.integers(256)
        (tmp_path / "bad.npz").write_bytes(damaged[: len(damaged) - number % 2 * 200])
        with suppress(InputError):  # what is damaged may be a weight, which nobody can tell
            load_rois(tmp_path / "bad.npz")
    np.savez(
        tmp_path / "far.npz",
        indptr=[0, 1],
        indices=[99],
        weights=[1.0],
        ids=[1],
        frame_shape=[5, 6],
        source="",
    )
    with pytest.raises(ValueError, match=r"far\.npz is damaged"):
        load_rois(tmp_path / "far.npz")


def test_tables(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, files in (
        ("run", {"latents.csv", "dynamics.csv", "traces.csv", "rois.csv", "connections.csv", "about.json"}),
        (
            "neurons",
            {
                "traces.csv",
                "denoised.csv",
                "denoised_sd.csv",
                "redrawn.csv",
                "neurons.csv",
                "rois.csv",
                "about.json",
            },
        ),
        ("influence", {"rois.csv", "connections.csv", "about.json"}),
        ("compare", {"connections.csv", "about.json"}),
    ):
        out = tmp_path / command
        assert calcdyn(monkeypatch, "export", folders / command, "--csv", out) == 0
        assert {path.name for path in out.iterdir()} == files
        about = json.loads((out / "about.json").read_text(encoding="utf-8"))
        assert about["provenance"]["inputs"][0]["sha256"]
    with (tmp_path / "neurons" / "traces.csv").open(newline="") as file:
        first, *rows = csv.reader(file)
    traces = np.load(folders / "neurons" / "traces.npy")
    assert first[0] == "time_s"
    assert len(first) == len(traces) + 1
    np.testing.assert_allclose(np.array(rows, float)[:, 1:].T, traces, rtol=1e-6)
    np.testing.assert_allclose(np.array(rows, float)[:, 0], np.arange(160) / 8)
    var = np.load(folders / "run" / "var.npz")["coefficients"]
    rois = load_rois(folders / "run" / "rois.npz")
    with (tmp_path / "run" / "connections.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rois) * (len(rois) - 1) > 0
    with (tmp_path / "run" / "dynamics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == np.count_nonzero(var)
    for row in rows[:20]:
        at = int(row["lag"]) - 1, int(row["target"]), int(row["source"])
        assert float(row["coefficient"]) == pytest.approx(var[at], rel=1e-6)


def test_layers_keep_scale_and_dtype(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "maps.ome.tif"
    assert calcdyn(monkeypatch, "export", folders / "run", "--ome-tiff", out) == 0
    with tifffile.TiffFile(out) as file:
        [series] = file.series
        assert (series.axes, series.dtype) == ("CYX", np.float32)
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        image = series.asarray()
    assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"]) == (0.25, 0.5)
    names = [channel["Name"] for channel in pixels["Channel"]]
    parts = [f"contribution_{name}" for name in ("own", "driven", "driving", "amplitude")]
    assert names == ["mean", "contribution_explained", *parts]
    np.testing.assert_array_equal(image[1], tifffile.imread(folders / "run" / "contribution_explained.tif"))

    for command in ("run", "influence"):
        assert (
            calcdyn(monkeypatch, "export", folders / command, "--ome-zarr", tmp_path / f"{command}.zarr") == 0
        )
    group = zarr.open_group(tmp_path / "run.zarr", mode="r")
    [described] = group.attrs["ome"]["multiscales"]
    assert [axis["name"] for axis in described["axes"]] == ["c", "y", "x"]
    assert described["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 0.25, 0.5]}
    ]
    np.testing.assert_array_equal(group["0"][...], image)
    assert group.attrs["napari-calcdyn"]["provenance"]["inputs"][0]["sha256"]
    labels = zarr.open_group(tmp_path / "influence.zarr", mode="r")["0"]
    assert labels.dtype == np.int32


@pytest.mark.parametrize("ending", [".ome.tif", ".zarr"])
def test_maps_of_single_sources(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    place, maps = tmp_path / f"sources{ending}", tifffile.imread(folders / "run" / "contribution_sources.tif")
    assert calcdyn(monkeypatch, "export", folders / "run", "--source-maps", place) == 0
    if ending == ".zarr":
        group = zarr.open_group(place, mode="r")
        image, [described] = group["0"][...], group.attrs["ome"]["multiscales"]
        assert [axis["name"] for axis in described["axes"]] == ["c", "y", "x"]
        assert group.attrs["napari-calcdyn"]["command"] == "run"
    else:
        with tifffile.TiffFile(place) as file:
            image, pixels = file.asarray(), tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"]) == (0.25, 0.5)
        assert [it["Name"] for it in pixels["Channel"]] == [f"source_{at}" for at in range(len(maps))]
        assert place.stat().st_size < maps.nbytes
    np.testing.assert_array_equal(image, maps)
    results = read_results(folders / "compare")
    with pytest.raises(InputError, match="holds no maps of sources: choose"):
        write_source_maps(tmp_path / "other.zarr", results)
    with pytest.raises(InputError, match=r"call it maps\.ome\.tif or \.zarr"):
        write_source_maps(tmp_path / "maps.tif", results)


def test_a_result_without_a_single_connection_is_exported(folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "influence"
    shutil.copytree(folders / "influence", folder)
    head = (folder / "influence.csv").read_text().splitlines()[0]
    (folder / "influence.csv").write_text(head + "\n")
    assert all(len(column) == 0 for column in read_results(folder).connections.values())
    write_tables(tmp_path / "tables", read_results(folder))
    assert len((tmp_path / "tables" / "connections.csv").read_text().splitlines()) == 1


def test_large_maps_get_coarser_levels(folders: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((1030, 2100)).astype(np.float32)
    image[:3] = np.nan
    labels = np.zeros(image.shape, np.int32)
    labels[100:900, 50:2000] = 7
    maps = {"mean": (image, "mean", "counts")}
    results = replace(read_results(folders / "influence"), maps=maps, rois=RoiSet.from_labels(labels))
    write_ome_zarr(tmp_path / "large.zarr", results)
    group = zarr.open_group(tmp_path / "large.zarr", mode="r")
    [described] = group.attrs["ome"]["multiscales"]
    assert [it["path"] for it in described["datasets"]] == ["0", "1", "2"]
    assert [group[str(it)].shape for it in range(3)] == [(1, 1030, 2100), (1, 515, 1050), (1, 258, 525)]
    half = np.asarray(group["1"][0])
    np.testing.assert_allclose(half[9, 9], image[18:20, 18:20].mean(), rtol=1e-6)
    assert np.isnan(half[0]).all()
    np.testing.assert_allclose(half[1], image[3].reshape(-1, 2).mean(1), rtol=1e-6)
    np.testing.assert_allclose(group["2"][0, -1, 3], half[-1, 6:8].mean(), rtol=1e-6)
    scale, shift = described["datasets"][2]["coordinateTransformations"]
    assert scale["scale"] == [1, 4 * 0.25, 4 * 0.5]
    assert shift["translation"] == [0, 1.5 * 0.25, 1.5 * 0.5]
    cells = zarr.open_group(tmp_path / "large.zarr", mode="r")["labels/rois"]
    assert set(np.unique(cells["2"][...])) == set(np.unique(cells["0"][...]))
    assert len(cells.attrs["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"]) == 1


def test_nwb_holds_everything_and_another_file_is_added_to(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pynwb = pytest.importorskip("pynwb")
    file = tmp_path / "all.nwb"
    animal = ("--subject-id", "m1", "--species", "Mus musculus", "--sex", "F", "--age", "P90D")
    where = ("--brain-area", "VISp")
    for command in ("run", "neurons", "influence", "compare", "neurons"):
        assert calcdyn(monkeypatch, "export", folders / command, "--nwb", file, *animal, *where) == 0
    assert list(tmp_path.iterdir()) == [file]
    neurons = read_results(folders / "neurons")
    with pynwb.NWBHDF5IO(file, "r") as io:
        nwb = io.read()
        assert nwb.subject.species == "Mus musculus"
        assert [it.location for it in nwb.imaging_planes.values()] == ["VISp"]
        module = nwb.processing["ophys"].containers
        latents = module["CalcdynLatents"]
        np.testing.assert_array_equal(latents.data[:], np.load(folders / "run" / "latents.npy"))
        assert latents.rate == 8
        activity = module["CalcdynActivity"]["raw"].data[:].T
        np.testing.assert_array_equal(activity, np.load(folders / "run" / "traces.npy"))
        for name in ("CalcdynFluorescence", "CalcdynFluorescence_2"):
            raw = module[name]["raw"]
            np.testing.assert_array_equal(raw.data[:].T, neurons.traces)
            assert raw.rois.table["roi_id"][:].tolist() == neurons.rois.ids.tolist()
        explained = module["CalcdynMaps"]["contribution_explained"].data[:].T
        np.testing.assert_array_equal(
            explained, tifffile.imread(folders / "run" / "contribution_explained.tif")
        )
        for name, pairs in (
            ("CalcdynInfluence", read_results(folders / "run").roi_connections),
            ("CalcdynInfluence_2", read_results(folders / "influence").connections),
        ):
            influence = module[name]
            rows = influence["source"].data[:]
            assert influence["source"].table["roi_id"][:][rows].tolist() == pairs["source"].tolist()
            np.testing.assert_allclose(influence["p_value"][:], pairs["p_value"])
        dynamics = module["CalcdynDynamics"]
        assert len(dynamics["coefficient"]) == np.count_nonzero(
            np.load(folders / "run" / "var.npz")["coefficients"]
        )
        made = json.loads(nwb.scratch["calcdyn_run"].data)
        assert made["provenance"]["inputs"][0]["sha256"]
    assert open_movie(file).shape == (160, 40, 56)
    found, own, *_ = segmentations(file)
    assert same_pixels(open_rois(file, dataset=f"{found}"), load_rois(folders / "run" / "rois.npz"))
    assert same_pixels(open_rois(file, dataset=f"{own}"), neurons.rois)

    before = file.read_bytes()
    monkeypatch.setattr("napari_calcdyn.jobs.export.nwb_content.add_results", fail)
    with pytest.raises(RuntimeError):
        calcdyn(monkeypatch, "export", folders / "run", "--nwb", file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
    (tmp_path / "no.nwb").write_bytes(b"no")
    words = "no.nwb is no NWB file that can be read"
    refused(monkeypatch, capsys, "export", folders / "run", "--nwb", tmp_path / "no.nwb", words=words)


def test_the_brain_area_of_a_labs_own_file_stays(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pynwb = pytest.importorskip("pynwb")

    def exported(*areas: str) -> list[str]:
        """Return the areas of the planes after an export into a file with planes in these."""
        lab = pynwb.NWBFile(
            session_description="Of a lab.",
            identifier="lab",
            session_start_time=datetime(2026, 1, 1, tzinfo=UTC),
        )
        device = lab.create_device(name="Microscope")
        for at, area in enumerate(areas):
            lab.create_imaging_plane(
                name=f"Of the lab {at}",
                description="Theirs.",
                optical_channel=pynwb.ophys.OpticalChannel(
                    name="Channel", description="Green.", emission_lambda=520.0
                ),
                device=device,
                excitation_lambda=920.0,
                indicator="GCaMP6f",
                location=area,
            )
        file = tmp_path / f"lab{len(areas)}.nwb"
        with pynwb.NWBHDF5IO(file, "w") as io:
            io.write(lab)
        where = ("--brain-area", "VISp") if len(areas) == 1 else ()
        assert calcdyn(monkeypatch, "export", folders / "influence", "--nwb", file, *where) == 0
        with pynwb.NWBHDF5IO(file, "r") as io:
            return sorted(it.location for it in io.read().imaging_planes.values())

    assert exported() == ["unknown"]
    assert exported("CA1") == ["CA1"]  # also where another one is given
    assert exported("CA1", "CA1") == ["CA1", "CA1", "CA1"]
    assert exported("CA1", "DG", "DG") == ["CA1", "DG", "DG", "unknown"]


def segmentations(file: Path) -> list[str]:
    import h5py

    found: list[str] = []
    with h5py.File(file) as opened:
        opened.visititems(
            lambda name, it: (
                found.append(name) if it.attrs.get("neurodata_type") == "PlaneSegmentation" else None
            )
        )
    return found


def fail(*_: object) -> None:
    raise RuntimeError


def test_other_programs_read_traces_and_latents(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pynwb")
    nap = pytest.importorskip("pynapple")
    for command in ("run", "neurons"):
        assert calcdyn(monkeypatch, "export", folders / command, "--nwb", tmp_path / "all.nwb") == 0
    data = nap.load_file(str(tmp_path / "all.nwb"))
    for name in ("CalcdynLatents", "raw", "denoised", "denoised_sd", "redrawn"):
        assert isinstance(data[name], nap.TsdFrame)
        assert data[name].shape[0] == 160


def test_anndata(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anndata = pytest.importorskip("anndata")
    assert calcdyn(monkeypatch, "export", folders / "neurons", "--anndata", tmp_path / "n.h5ad") == 0
    found = anndata.read_h5ad(tmp_path / "n.h5ad")
    np.testing.assert_array_equal(found.X, np.load(folders / "neurons" / "traces.npy"))
    assert {"X_latents", "X_tsne", "spatial"} <= set(found.obsm)
    assert json.loads(found.uns["napari-calcdyn"])["provenance"]["inputs"][0]["sha256"]


def test_what_cannot_be_done_is_said(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(words: str, command: str, *options: object) -> None:
        refused(monkeypatch, capsys, "export", folders / command, *options, words=words)

    say("Say what to write", "run")
    say("holds no results", "nothing", "--csv", tmp_path / "t")
    say("holds no ROIs", "compare", "--imagej-rois", tmp_path / "r.zip")
    say("has another ending: call it r.ome.tif", "run", "--ome-tiff", tmp_path / "r.tif")
    (tmp_path / "r.zip").write_text("mine")
    say("r.zip is there already", "neurons", "--imagej-rois", tmp_path / "r.zip")
    say("holds no neurons", "run", "--anndata", tmp_path / "n.h5ad")
    for package, option in (("pynwb", "--nwb"), ("zarr", "--ome-zarr"), ("anndata", "--anndata")):
        monkeypatch.setitem(sys.modules, package, None)
        say(f"needs {package}: pip install", "neurons", option, tmp_path / "out")
    old = tmp_path / "old"
    shutil.copytree(folders / "run", old)
    about = json.loads((old / "metrics.json").read_text())
    (old / "metrics.json").write_text(
        json.dumps({name: it for name, it in about.items() if name != "provenance"})
    )
    refused(
        monkeypatch, capsys, "export", old, "--csv", tmp_path / "t", words="was written by an older version"
    )
    assert not (tmp_path / "t").exists()
