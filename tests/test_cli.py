"""The command line: what it writes, what it leaves alone, and what it says when it cannot go on."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import tifffile

from commands import CALCDYN, calcdyn, process_of_calcdyn, refused
from napari_calcdyn.jobs import maps as job
from napari_calcdyn.jobs import result_folder
from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.recording import open_rois
from napari_calcdyn.simulate.cultures import simulate_cultures
from napari_calcdyn.simulate.movie import simulate_movie

RESULTS = result_folder.RESULTS["run"]
BESIDE = [it for it in result_folder.ONLY_SOMETIMES["run"] if it != result_folder.BY_RECORDING]
KEPT = ["corrections.safetensors", "training.safetensors"]
SHORT = {VARAutoencoderConfig: {"steps": 10}, AVAEConfig: {"epochs": 3, "hidden": 8, "latent": 2}}
KEYS = {
    *("mode", "skip", "frames", "height", "width", "latents", "order", "lam", "nonzeros"),
    *("reconstruction_error", "latent_prediction_error", "latent_snr", "seconds", "peak_rss_mb"),
    *("device", "seed"),
}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return simulate_movie(frames=100, height=24, width=40, dynamic=3, silent=1, flicker=1).movie


@pytest.fixture
def movie(tmp_path: Path, pixels: np.ndarray) -> Path:
    path = tmp_path / "cells.tif"
    tifffile.imwrite(
        path, pixels, imagej=True, resolution=(2, 2), metadata={"axes": "TYX", "unit": "um", "fps": 8}
    )
    return path


def test_run_writes_everything(
    movie: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = movie.parent / "new" / "results"
    options = ("--preset", "quick", "--steps", 20, "--order", 2, "--seed", 3, "--device", "cpu")
    assert calcdyn(monkeypatch, "run", movie, "--out", out, *options) == 0
    assert str(out) in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == sorted((*RESULTS, *BESIDE))

    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics.keys() >= KEYS
    assert (metrics["frames"], metrics["height"], metrics["width"]) == (100, 24, 40)
    assert (metrics["mode"], metrics["skip"], metrics["order"]) == ("end-to-end", True, 2)
    assert (metrics["device"], metrics["seed"]) == ("cpu", 3)
    assert metrics["seconds"] > 0
    assert metrics["peak_rss_mb"] is None or metrics["peak_rss_mb"] > 50

    d = metrics["latents"]
    maps = ("explained", "amplitude", "own", "driven", "driving")
    for name in ("mean", *(f"contribution_{it}" for it in maps)):
        image = tifffile.imread(out / f"{name}.tif")
        assert (image.shape, image.dtype) == ((24, 40), np.float32)
    np.testing.assert_allclose(tifffile.imread(out / "mean.tif"), tifffile.imread(movie).mean(0), rtol=1e-6)
    sources = tifffile.imread(out / "contribution_sources.tif")
    explained = tifffile.imread(out / "contribution_explained.tif")
    assert metrics["rois"] == metrics["cells_found"] > 0
    assert sources.shape == (metrics["rois"] + 1, 24, 40)
    assert np.abs(sources.sum(0) - explained).max() < 1e-6 * np.abs(explained).max()
    own, driven = (tifffile.imread(out / f"contribution_{it}.tif") for it in ("own", "driven"))
    assert np.abs(own + driven - explained).max() < 1e-6 * np.abs(explained).max()
    rois = open_rois(out / "rois.npz", frame_shape=(24, 40))
    assert len(rois) == metrics["rois"]
    assert np.load(out / "traces.npy").shape == (len(rois), 100)
    with (out / "connections.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rois) * (len(rois) - 1)
    assert np.load(out / "latents.npy").shape == (100, d)
    with np.load(out / "var.npz") as var:
        assert var["coefficients"].shape == (2, d, d)
        assert np.count_nonzero(var["coefficients"]) == metrics["nonzeros"] > 0
        assert var["lam"].shape == (d,)
        assert var["knots"].shape[1] == d
    assert (out / "model" / "model.json").is_file()
    assert matplotlib.image.imread(out / "overview.png").shape[1] > 1000


def test_rois_can_be_given(movie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, out = np.zeros((24, 40), np.uint8), movie.parent / "given"
    labels[4:9, 5:10], labels[12:18, 20:26] = 3, 7
    tifffile.imwrite(movie.parent / "labels.tif", labels)
    options = ("--rois", movie.parent / "labels.tif", "--preset", "quick", "--steps", 10)
    assert calcdyn(monkeypatch, "run", movie, "--out", out, *options) == 0
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["rois"], metrics["cells_found"]) == (2, None)
    assert not (out / result_folder.CELLS_FILE).exists()
    driven = tifffile.imread(out / "contribution_driven.tif")
    assert (driven[labels == 0] == 0).all()
    with (out / "connections.csv").open(newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {"3", "7"}


def test_a_recording_without_cells_has_maps_of_latents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    glow = 200 + 20 * np.sin(np.arange(90) / 5)[:, None, None]
    tifffile.imwrite(
        tmp_path / "glow.tif", rng.poisson(np.broadcast_to(glow, (90, 24, 40))).astype(np.uint16)
    )
    out = tmp_path / "out"
    command = (
        "run",
        tmp_path / "glow.tif",
        "--out",
        out,
        "--correct",
        "none",
        "--preset",
        "quick",
        "--steps",
        10,
    )
    assert calcdyn(monkeypatch, *command) == 0
    assert "0 cells were found" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == set(RESULTS)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert tifffile.imread(out / "contribution_sources.tif").shape == (metrics["latents"], 24, 40)
    assert "No cells were found" in (out / "report.html").read_text(encoding="utf-8")


def test_flags_of_the_issue_reach_the_settings(movie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def record(movie: object, out: Path, config: object, *others: object) -> None:
        asked.append(config)

    monkeypatch.setattr("napari_calcdyn.cli.run.run_and_tell", record)
    options = ("--preset", "quick", "--mode", "two-stage", "--no-skip", "--prediction-weight", "0.5")
    assert calcdyn(monkeypatch, "run", movie, "--out", movie.parent / "out", *options) == 0
    assert calcdyn(monkeypatch, "run", movie, "--out", movie.parent / "out") == 0
    changed = VARAutoencoderConfig.preset("quick", mode="two-stage", skip=False, prediction_weight=0.5)
    assert asked == [changed, VARAutoencoderConfig.preset("standard")]


def test_every_setting_is_a_flag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert calcdyn(monkeypatch, "run", "--help") == 0
    shown = capsys.readouterr().out
    for name in VARAutoencoderConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in shown


def test_a_second_run_replaces_the_first_and_nothing_else(
    movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = movie.parent / "results"
    command = ("run", movie, "--out", out, "--preset", "quick", "--steps", 10)
    assert calcdyn(monkeypatch, *command) == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    assert calcdyn(monkeypatch, *command, "--seed", 1) == 0
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))["seed"] == 1
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in out.iterdir()) == sorted((*RESULTS, *BESIDE, "notes.txt"))


def test_a_saved_model_is_applied(
    movie: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = movie.parent / "first", movie.parent / "second"
    assert calcdyn(monkeypatch, "run", movie, "--out", first, "--preset", "quick", "--steps", 20) == 0
    assert calcdyn(monkeypatch, "run", movie, "--out", second, "--model", first / "model") == 0
    for name in ("contribution_explained.tif", "contribution_sources.tif"):
        np.testing.assert_array_equal(tifffile.imread(first / name), tifffile.imread(second / name))
    assert "on the held-out frames" in capsys.readouterr().out

    cut = movie.parent / "cut.tif"
    tifffile.imwrite(cut, pixels[:, 2:], photometric="minisblack")
    for arguments, words in (
        ((cut, "--model", first / "model"), "trained on frames of 24 × 40 pixels and cut.tif has 22 × 40"),
        ((movie, "--model", first), "is not a model of napari-calcdyn"),
        ((movie, "--model", first / "model", "--order", 2), "leave out either --model or the settings"),
    ):
        third = movie.parent / "third"
        refused(monkeypatch, capsys, "run", *arguments, "--out", third, words=words)
        assert not third.exists()


def bad_movie(folder: Path, what: str, pixels: np.ndarray) -> Path:
    path = folder / f"{what.replace(' ', '_')}.tif"
    if what == "truncated":
        tifffile.imwrite(path, pixels)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    elif what == "colour":
        tifffile.imwrite(path, np.zeros((24, 40, 3), np.uint8), photometric="rgb")
    elif what == "one image":
        tifffile.imwrite(path, pixels[0])
    elif what == "three frames":
        tifffile.imwrite(path, pixels[:3], photometric="minisblack")
    elif what == "short":
        tifffile.imwrite(path, pixels[:20], photometric="minisblack")
    elif what == "constant":
        tifffile.imwrite(path, np.full_like(pixels, 7))
    elif what in ("nan", "infinite"):
        pixels = pixels.astype(np.float32)
        pixels[61, 3, 4] = np.nan if what == "nan" else np.inf
        tifffile.imwrite(path, pixels)
    return path


@pytest.mark.parametrize("what", ["nan", "infinite"])
def test_pixels_that_are_no_numbers_are_left_out(
    what: str, tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = bad_movie(tmp_path, what, pixels), tmp_path / "out"
    options = ("--out", out, "--preset", "quick", "--steps", "20", "--device", "cpu")
    assert calcdyn(monkeypatch, "run", path, *options) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["masked_pixels"] >= 1
    assert "pixels" in metrics["corrections"]
    assert np.isnan(tifffile.imread(out / "contribution_explained.tif")[3, 4])


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing", "There is no file or folder"),
        ("truncated", "truncated"),
        ("colour", "colour"),
        ("one image", "one_image.tif"),
        ("three frames", "3 frames"),
        ("short", "20 frames"),
        ("constant", "constant, every pixel is 7"),
    ],
)
def test_bad_recordings(
    what: str,
    words: str,
    tmp_path: Path,
    pixels: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, out = bad_movie(tmp_path, what, pixels), tmp_path / "out"
    refused(monkeypatch, capsys, "run", path, "--out", out, "--preset", "quick", words=words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--preset", "fast"), "no preset 'fast': choose quick, standard or thorough"),
        (("--order", 0), "setting 'order' cannot be used"),
        (("--mode", "three-stage"), "setting 'mode' cannot be used"),
        (("--device", "tpu"), "no device 'tpu': choose auto, cuda, mps or cpu"),
        (("--channel", 1), "has no channel 1"),
        (("--frame-rate", 0), "frame rate of 0"),
    ],
)
def test_bad_options(
    options: tuple[object, ...],
    words: str,
    movie: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused(monkeypatch, capsys, "run", movie, "--out", movie.parent / "out", *options, words=words)
    assert not (movie.parent / "out").exists()


def test_folders_that_cannot_be_written_are_refused_before_the_training(
    movie: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("training began")

    monkeypatch.setattr(job.VARAutoencoder, "fit_steps", never)
    refused(monkeypatch, capsys, "run", movie, "--out", movie, words="is a file: choose a folder")
    refused(
        monkeypatch,
        capsys,
        "run",
        movie,
        "--out",
        movie / "deeper",
        words="cannot be written (Not a directory)",
    )
    mine = movie.parent / "mine"
    mine.mkdir()
    (mine / "mean.tif").write_text("mine", encoding="utf-8")
    refused(
        monkeypatch,
        capsys,
        "run",
        movie,
        "--out",
        mine,
        words="holds a mean.tif that is not from an earlier run",
    )
    assert [path.name for path in mine.iterdir()] == ["mean.tif"]
    if os.geteuid() != 0:  # root may write everywhere
        mine.chmod(0o500)
        refused(monkeypatch, capsys, "run", movie, "--out", mine / "new", words="cannot be written")


def test_an_error_while_writing_leaves_the_earlier_results(
    movie: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = movie.parent / "results"
    command = ("run", movie, "--out", out, "--preset", "quick", "--steps", 10)
    assert calcdyn(monkeypatch, *command) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job.np, "savez_compressed", full)
    refused(monkeypatch, capsys, *command, words="cannot be written (No space left on device)")
    kept = out / ".unfinished-run"
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path != kept} == before
    assert sorted(path.name for path in kept.iterdir()) == KEPT  # for when there is room again


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_no_result(movie: Path, sent: signal.Signals) -> None:
    out = movie.parent / "new" / "results"
    options = ["--preset", "quick", "--steps", "20000", "--patience", "1000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = ("run", movie, "--out", out, *options)
    with process_of_calcdyn(*command, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 60
        while not (out / ".unfinished-run" / KEPT[-1]).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(sent)
        _, said = process.communicate(timeout=30)
    assert said == (
        "Cancelled; no results were written. `calcdyn run` with --resume goes on from the last checkpoint.\n"
    )
    assert process.returncode == 130
    assert [path.name for path in out.iterdir()] == [".unfinished-run"]
    assert sorted(path.name for path in (out / ".unfinished-run").iterdir()) == KEPT


def test_simulate_writes_movie_and_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("simulate", "movie", "--out", tmp_path / "s", "--frames", 30, "--height", 40, "--width", 48)
    assert calcdyn(monkeypatch, *command, "--seed", 5) == 0
    assert tifffile.imread(tmp_path / "s" / "movie.tif").shape == (30, 40, 48)
    with np.load(tmp_path / "s" / "truth.npz") as truth:
        cells = len(truth["kind"])
        assert set(truth["kind"]) == {"dynamic", "silent", "flicker"}
        assert truth["footprints"].shape == (cells, 40, 48)
        assert truth["traces"].shape == (cells, 30)
        assert "coefficients" in truth

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "movie.tif").write_text("mine", encoding="utf-8")
    for command in (("simulate", "movie"), ("demo",)):
        refused(monkeypatch, capsys, *command, "--out", mine, words="movie.tif that was not simulated")
    assert (mine / "movie.tif").read_text(encoding="utf-8") == "mine"
    refused(monkeypatch, capsys, "simulate", "movie", "--out", mine, "--frames", 2, words="not simulated")
    refused(
        monkeypatch, capsys, "simulate", "movie", "--out", tmp_path / "t", "--frames", 2, words="frames is 2"
    )


def test_demo_runs_both_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    presets = {config: config.preset("quick", **short) for config, short in SHORT.items()}
    small = simulate_movie(frames=80, height=64, width=64, dynamic=8, silent=2, flicker=2)
    for config, preset in presets.items():
        monkeypatch.setattr(config, "preset", lambda name, preset=preset: preset)
    cultures = simulate_cultures(cultures=1, neurons=12, seconds=8, frame_rate=10.0)
    monkeypatch.setattr("napari_calcdyn.simulate.simulate_movie", lambda **_: small)
    monkeypatch.setattr("napari_calcdyn.simulate.simulate_cultures", lambda **_: cultures)
    monkeypatch.setenv("CI", "1")
    out = tmp_path / "demo"
    assert calcdyn(monkeypatch, "demo", "--out", out) == 0
    assert {path.name for path in out.iterdir()} == {
        *RESULTS,
        *BESIDE,
        "movie.tif",
        "truth.npz",
        "cultures",
        "neurons",
    }
    assert {path.name for path in (out / "neurons").iterdir()} == set(result_folder.RESULTS["neurons"])
    said = capsys.readouterr().out
    assert "36 neurons" in said
    assert str(out / "neurons") in said


def test_gui_says_what_is_missing(
    movie: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(monkeypatch, capsys, "gui", movie.parent / "none.tif", words="There is no file or folder")
    refused(monkeypatch, capsys, "gui", "--results", movie.parent, words="give the recording too")
    monkeypatch.setattr("napari_calcdyn.cli.gui.has_display", lambda: False)
    refused(monkeypatch, capsys, "gui", movie, words="There is no display")


def test_neither_help_nor_the_check_of_a_recording_waits_for_torch() -> None:
    code = """
import json, sys, napari_calcdyn.cli
helped = sorted(sys.modules)
import napari_calcdyn.jobs.check, napari_calcdyn.jobs.batch.tasks
print(json.dumps([helped, sorted(sys.modules)]))
"""
    helped, checked = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert not {"torch", "numba", "matplotlib", "napari", "dask", "sklearn", "openTSNE"} & set(helped)
    assert not {"torch", "napari", "sklearn", "openTSNE"} & set(checked)


# Some 8 s: a whole training on a real recording, from the start of the program to its files.
def test_the_real_recording(mouse_movie_path: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        CALCDYN,
        "run",
        mouse_movie_path,
        "--preset",
        "quick",
        "--out",
        tmp_path / "out",
    ]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert time.monotonic() - start < 60  # start-up included
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["frames"], metrics["height"], metrics["width"]) == (500, 64, 64)
    assert metrics["latent_prediction_error"] < 0.5


def test_too_little_memory_is_said_before_anything_is_computed(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calcdyn(monkeypatch, "run", movie, "--out", tmp_path / "out", "--memory", 0.2) != 0
    assert "at least 1 GB" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
