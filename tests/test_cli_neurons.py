"""``calcdyn neurons``: every kind of input, what it writes, and one sentence for what it cannot use."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile

from commands import calcdyn, refused
from hdf5_files import Scene, caiman, nwb, responses, segmentation, series
from napari_calcdyn.jobs import neurons as job
from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.simulate.movie import SimulatedMovie, simulate_movie

SHORT = ("--epochs", 3, "--hidden", 8, "--latent", 2, "--device", "cpu")


@pytest.fixture(scope="module")
def simulated() -> SimulatedMovie:
    return simulate_movie(frames=80, height=64, width=64, dynamic=8, silent=2, flicker=2)


@pytest.fixture
def suite2p(tmp_path: Path, simulated: SimulatedMovie) -> Path:
    """Twelve ROIs of the simulated movie, one of them no cell."""
    folder = tmp_path / "plane0"
    folder.mkdir()
    stat = []
    for number in range(1, 13):
        y, x = np.nonzero(simulated.labels == number)
        stat.append(
            {"ypix": y, "xpix": x, "lam": np.ones(len(y), np.float32), "overlap": np.zeros(len(y), bool)}
        )
    np.save(folder / "stat.npy", np.array(stat), allow_pickle=True)
    np.save(folder / "ops.npy", {"Ly": 64, "Lx": 64, "fs": 10.0}, allow_pickle=True)
    np.save(folder / "F.npy", noisy(simulated) + 100)
    np.save(folder / "Fneu.npy", np.full_like(simulated.traces, 10))
    np.save(folder / "iscell.npy", np.column_stack([np.arange(12) != 11, np.ones(12)]))
    return folder


@pytest.fixture
def movie(tmp_path: Path, simulated: SimulatedMovie) -> Path:
    simulated.save(tmp_path)
    return tmp_path / "movie.tif"


@pytest.fixture
def traces(tmp_path: Path, simulated: SimulatedMovie) -> Path:
    path = tmp_path / "traces.npy"
    np.save(path, noisy(simulated))
    return path


def noisy(simulated: SimulatedMovie) -> np.ndarray:
    return simulated.traces + np.random.default_rng(0).normal(size=simulated.traces.shape)


def outline(left: int, top: int, size: int = 8) -> roifile.ImagejRoi:
    corners = np.array([(0, 0), (size, 0), (size, size), (0, size)]) + np.array([left, top])
    return roifile.ImagejRoi.frompoints(corners)


def table(out: Path) -> list[dict[str, str]]:
    with (out / "neurons.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_setting_is_a_flag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert calcdyn(monkeypatch, "neurons", "--help") == 0
    shown = capsys.readouterr().out
    for name in AVAEConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in shown
    for name in ("--rois", "--frame-rate", "--seed", "--model", "--baseline-method", "--baseline-window-s"):
        assert name in shown


def test_settings_reach_the_job(suite2p: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def record(read: Callable[..., Any], out: Path, model: object, device: str, seed: int) -> None:
        asked.append((read(lambda *_: None)[0], model, device, seed))

    monkeypatch.setattr("napari_calcdyn.cli.neurons.analyse_and_tell", record)
    out = ("--out", suite2p.parent / "out")
    assert calcdyn(monkeypatch, "neurons", suite2p, *out) == 0
    options = ("--preset", "paper", "--hidden", 32, "--latent", 4, "--beta", 1, "--seed", 5, "--neuropil", 0)
    relative = ("--baseline-method", "percentile", "--baseline-percentile", 20, "--frame-rate", 5)
    assert calcdyn(monkeypatch, "neurons", suite2p, *out, *options, *relative, "--only-cells") == 0
    plain, model, device, seed = asked[0]
    assert (model, device, seed) == (AVAEConfig.preset("standard"), "auto", 0)
    assert (plain.unit, plain.frame_rate, len(plain)) == ("fluorescence", 10.0, 12)
    assert plain.provenance["neuropil"] == {"coefficient": 0.7}
    changed, model, device, seed = asked[1]
    assert model == AVAEConfig.preset("paper", hidden=32, latent=4, beta=1)
    assert seed == 5
    assert (changed.unit, changed.frame_rate, len(changed)) == ("ΔF/F", 5.0, 11)
    assert changed.provenance["neuropil"] is None
    assert changed.provenance["baseline"]["percentile"] == 20


def test_suite2p_folder(
    suite2p: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.load(suite2p / "F.npy")
    values[2], values[5] = 7, np.nan
    np.save(suite2p / "F.npy", values)
    out = suite2p.parent / "new" / "out"
    assert calcdyn(monkeypatch, "neurons", suite2p, "--out", out, *SHORT) == 0
    said = capsys.readouterr().out
    assert "10 neurons (2 left out), 2 latents" in said
    assert str(out) in said
    assert sorted(path.name for path in out.iterdir()) == sorted((*RESULTS["neurons"], "rois.npz"))
    rows = table(out)
    assert [row["roi_id"] for row in rows] == [str(number) for number in range(12)]
    for number, row in enumerate(rows):  # kept and flagged
        assert (row["mu_1"] == "") == (row["tsne_1"] == "") == (number in (2, 5))
    assert rows[2]["cluster"] == rows[5]["cluster"] == "-1"
    reconstruction = np.load(out / "reconstruction.npy")
    assert reconstruction.shape == (12, 80)
    np.testing.assert_array_equal(np.isnan(reconstruction).all(1), np.isin(np.arange(12), (2, 5)))


def test_movie_with_rois_of_suite2p_and_of_imagej(
    movie: Path, suite2p: Path, simulated: SimulatedMovie, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = movie.parent / "first"
    command = ("neurons", movie, "--out", out, "--neuropil", 0, *SHORT)
    assert calcdyn(monkeypatch, *command, "--rois", suite2p, "--baseline-method", "percentile") == 0
    assert [row["roi_id"] for row in table(out)] == [str(number) for number in range(12)]

    rois = movie.parent / "squares.zip"
    roifile.roiwrite(rois, [outline(4 + 16 * (n % 4), 4 + 16 * (n // 4)) for n in range(12)])
    assert calcdyn(monkeypatch, *command, "--rois", rois) == 0  # over the results of the first
    assert [row["roi_id"] for row in table(out)] == [str(number) for number in range(1, 13)]
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["neurons"], metrics["samples"]) == (12, 80)


def test_files_of_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(36, 36, 80, cells=12)
    caiman(tmp_path / "caiman.hdf5", scene, idx_components=np.arange(11))
    with nwb(tmp_path / "day.nwb") as file:
        series(file, "acquisition/raw", scene.movie.swapaxes(1, 2))
        series(file, "acquisition/corrected", scene.movie.swapaxes(1, 2))
        segmentation(file, scene, y_first=True)
        responses(file, "processing/ophys/few", scene.traces[:11], np.arange(11)[::-1])
    given: list[Any] = []

    def record(read: Callable[..., Any], *_: object) -> None:
        given.append(read(lambda *_: None))

    monkeypatch.setattr("napari_calcdyn.cli.neurons.analyse_and_tell", record)
    movie = (tmp_path / "day.nwb", "--rois", tmp_path / "day.nwb", "--correct", "none", "--neuropil", 0)
    chosen = (*movie, "--dataset", "/acquisition/corrected")
    for words in ((tmp_path / "caiman.hdf5", "--only-cells"), (tmp_path / "day.nwb",), chosen):
        assert calcdyn(monkeypatch, "neurons", *words, "--out", tmp_path / "out") == 0
    (first, _), (second, rois), (third, _) = given
    assert rois.ids.tolist() == second.ids.tolist()
    np.testing.assert_allclose(first.values, scene.traces[:11], rtol=1e-5)
    assert second.ids.tolist() == list(range(11))[::-1]
    alike = [np.corrcoef(*pair)[0, 1] for pair in zip(third.values, scene.traces, strict=True)]
    assert np.median(alike) > 0.8, "y and x of the masks were exchanged, which their traces show"
    words = 'choose one with dataset="/acquisition/corrected", dataset="/acquisition/raw"'
    refused(monkeypatch, capsys, "neurons", *movie, "--out", tmp_path / "out", words=words)


def test_movie_whose_cells_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate_movie(frames=300, height=96, width=96, dynamic=12, silent=0, flicker=0, seed=1).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert calcdyn(monkeypatch, "neurons", "movie.tif", "--rois", "found", "--out", "out", *SHORT) == 0
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {*RESULTS["neurons"], "cells_found.tif", "rois.npz"}
    cells = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["cells_found"]
    assert cells >= 10
    assert f"{cells} cells were found in the movie" in capsys.readouterr().out
    assert len(np.unique(tifffile.imread(out / "cells_found.tif"))) == len(table(out)) + 1 == cells + 1


def test_same_seed_same_result_and_a_saved_model_is_applied(
    traces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, third = (traces.parent / name for name in ("one", "two", "third"))
    for out in (one, two):
        assert calcdyn(monkeypatch, "neurons", traces, "--out", out, "--seed", 3, *SHORT) == 0
    assert (one / "neurons.csv").read_bytes() == (two / "neurons.csv").read_bytes()
    np.testing.assert_array_equal(*(np.load(out / "reconstruction.npy") for out in (one, two)))

    capsys.readouterr()
    text = traces.with_suffix(".csv")
    np.savetxt(text, np.load(traces)[:11], delimiter=",")
    assert calcdyn(monkeypatch, "neurons", text, "--out", third, "--model", one / "model") == 0
    assert "on all neurons" in capsys.readouterr().out
    np.testing.assert_allclose(
        np.load(third / "reconstruction.npy"), np.load(one / "reconstruction.npy")[:11], rtol=1e-3
    )
    short = traces.parent / "short.npy"
    np.save(short, np.load(traces)[:, :50])
    for arguments, words in (
        ((short, "--model", one / "model"), "trained on traces of 80 samples"),
        ((traces, "--model", one), "is not a model of napari-calcdyn"),
        ((traces, "--model", one / "model", "--beta", 1), "leave out either --model or the settings"),
    ):
        fourth = traces.parent / "fourth"
        refused(monkeypatch, capsys, "neurons", *arguments, "--out", fourth, words=words)
        assert not fourth.exists()


def bad_input(what: str, folder: Path, movie: Path, suite2p: Path, traces: Path) -> list[object]:
    """Return the arguments of a command that cannot work."""
    values = np.load(traces)
    if what == "movie without ROIs":
        return [movie]
    if what == "no ROIs":
        np.save(suite2p / "stat.npy", np.array([], object), allow_pickle=True)
        return [movie, "--rois", suite2p]
    if what == "ROIs of another size":
        small = folder / "small.tif"
        tifffile.imwrite(small, np.zeros((20, 32, 32), np.uint16), photometric="minisblack")
        return [small, "--rois", suite2p]
    if what == "ROI outside":
        outline(300, 300).tofile(folder / "far.roi")
        return [movie, "--rois", folder / "far.roi"]
    if what == "no stat.npy":
        (suite2p / "stat.npy").unlink()
    if what == "other traces":
        np.save(suite2p / "F.npy", values[:11])
        np.save(suite2p / "Fneu.npy", values[:11])
    if what in ("no stat.npy", "other traces"):
        return [suite2p]
    if what == "mask of a movie":
        return [movie, "--rois", suite2p, "--mask", traces]
    if what == "few":
        values[3:] = 1
    if what == "unequal":
        lines = [",".join(map(str, row[: 80 - number])) for number, row in enumerate(values)]
        (folder / "traces.csv").write_text("\n".join(lines), encoding="utf-8")
        return [folder / "traces.csv"]
    if what == "text":
        lines = [",".join(map(str, row)) for row in values]
        lines[1] = "neuron two," + lines[1]
        (folder / "traces.csv").write_text("\n".join(lines), encoding="utf-8")
        return [folder / "traces.csv"]
    if what == "cells of traces":
        return [traces, "--only-cells"]
    if what == "no frame rate":
        return [traces, "--baseline-method", "maximin"]
    np.save(traces, values)
    return [traces]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("movie without ROIs", "movie.tif is a movie: say with --rois where its ROIs are"),
        ("no ROIs", "no ROIs"),
        ("ROIs of another size", "belong to frames of 64 × 64 pixels but the movie has 32 × 32"),
        ("ROI outside", "lies outside the image (64 × 64 pixels)"),
        ("no stat.npy", "holds no stat.npy"),
        ("other traces", "plane0 has 12 ROIs but 11 traces"),
        ("mask of a movie", "leave out either --mask or --rois"),
        ("few", "3 neurons with a usable trace are too few to compare: give at least 10"),
        ("unequal", "traces of unequal lengths (69 to 80 samples)"),
        ("text", "has text in row 2, column 1"),
        ("cells of traces", "does not say what is a cell: leave out --only-cells"),
        ("no frame rate", "has no frame rate"),
    ],
)
def test_bad_input(
    what: str,
    words: str,
    tmp_path: Path,
    movie: Path,
    suite2p: Path,
    traces: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("training began")

    monkeypatch.setattr(job.AVAE, "fit_steps", never)
    arguments = bad_input(what, tmp_path, movie, suite2p, traces)
    refused(monkeypatch, capsys, "neurons", *arguments, "--out", tmp_path / "out", words=words)
    assert not (tmp_path / "out").exists()


def test_unequal_lengths_with_a_mask(traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values, mask = np.load(traces), np.ones((12, 80))
    mask[3, 60:] = 0
    lines = [",".join(map(str, row[: 60 if number == 3 else 80])) for number, row in enumerate(values)]
    text, valid = traces.with_suffix(".csv"), traces.parent / "mask.csv"
    text.write_text("\n".join(lines), encoding="utf-8")
    np.savetxt(valid, mask, delimiter=",")
    out = traces.parent / "out"
    assert calcdyn(monkeypatch, "neurons", text, "--mask", valid, "--out", out, *SHORT) == 0
    assert np.isfinite(np.load(out / "reconstruction.npy")).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--preset", "fast"), "no preset 'fast'"),
        (("--latent", 0), "setting 'latent' cannot be used"),
        (("--architecture", "gru"), "setting 'architecture' cannot be used"),
        (("--baseline-window-s", -1), "setting 'baseline_window_s' cannot be used"),
        (("--device", "tpu"), "no device 'tpu'"),
        (("--frame-rate", 0), "frame rate of 0"),
    ],
)
def test_bad_options(
    options: tuple[object, ...],
    words: str,
    traces: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = traces.parent / "out"
    refused(monkeypatch, capsys, "neurons", traces, "--out", out, *options, words=words)
    assert not out.exists()


def test_results_of_another_command_are_not_replaced(
    traces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = traces.parent / "run"
    out.mkdir()
    (out / "metrics.json").write_text(
        '{"made_by": "napari-calcdyn 0.1.0", "command": "run"}', encoding="utf-8"
    )
    words = "holds a metrics.json that is not from an earlier run of `calcdyn neurons`"
    refused(monkeypatch, capsys, "neurons", traces, "--out", out, words=words)
