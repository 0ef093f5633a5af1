"""``calcdyn run --resume``: a run that was killed or cancelled ends with the result of a whole one."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from safetensors.numpy import load_file

from commands import calcdyn, process_of_calcdyn, refused
from napari_calcdyn.jobs import maps as job
from napari_calcdyn.jobs import unfinished
from napari_calcdyn.jobs.result_folder import BY_RECORDING, ONLY_SOMETIMES, RESULTS
from napari_calcdyn.models import training
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig, objective
from napari_calcdyn.recording import InputError, open_movie
from napari_calcdyn.simulate.movie import simulate_movie

STEPS = 60
OPTIONS = ("--steps", STEPS, "--patience", 1000, "--latents", 12, "--order", 2, "--device", "cpu")
SETTINGS = VARAutoencoderConfig(steps=STEPS, patience=1000, latents=12, order=2)
WRITTEN = sorted({*RESULTS["run"], *ONLY_SOMETIMES["run"]} - {BY_RECORDING})
KEPT = ["corrections.safetensors", "training.safetensors"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def every_step_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_REPORTS", 0.0)


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that moves, with a stretch of dark frames."""
    pixels = simulate_movie(
        frames=200, height=40, width=40, dynamic=3, silent=1, flicker=1, motion=1.0
    ).movie.copy()
    pixels[90:95] = 0
    path = tmp_path_factory.mktemp("movie") / "cells.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


@pytest.fixture(scope="module")
def whole(movie: Path) -> Path:
    """The results of a run that was not interrupted."""
    job.run(open_movie(movie), movie.parent / "whole", SETTINGS, device="cpu")
    return movie.parent / "whole"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbers(folder: Path) -> dict[str, np.ndarray]:
    """Everything in a result folder, by file and name."""
    found = {path.name: tifffile.imread(path) for path in folder.glob("*.tif")}
    found |= load_file(folder / "model" / "model.safetensors")
    found["latents"] = np.load(folder / "latents.npy")
    with np.load(folder / "var.npz") as var:
        found |= {f"var.{name}": var[name] for name in var}
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    differ = ("seconds", "peak_rss_mb", "provenance")
    found["metrics"] = np.array(str({name: it for name, it in metrics.items() if name not in differ}))
    return found


def assert_same_results(folder: Path, whole: Path) -> None:
    assert names(folder) == WRITTEN
    mine, theirs = numbers(folder), numbers(whole)
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        if value.dtype.kind == "f":
            size = np.nanmax(np.abs(value))
            np.testing.assert_allclose(mine[name], value, rtol=0, atol=1e-6 * size, err_msg=name)
        else:
            np.testing.assert_array_equal(mine[name], value, err_msg=name)


class Interruption(Exception):
    pass


def interrupt_at(stage: str, step: int = 0) -> Callable[[Progress], None]:
    """Return a callback that ends a job at a stage, from a step on."""

    def tell(progress: Progress) -> None:
        if progress.stage == stage and progress.step >= step:
            raise Interruption

    return tell


def test_a_job_goes_on_after_an_interruption_anywhere(
    movie: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks, steps = [], []
    check, loss = job.corrected, objective.Objective.loss
    monkeypatch.setattr(job, "corrected", lambda *given: checks.append(1) or check(*given))
    monkeypatch.setattr(
        objective.Objective, "loss", lambda self, step, total: steps.append(step) or loss(self, step, total)
    )
    out = tmp_path / "out"

    def run(tell: Callable[[Progress], None] | None = None) -> None:
        job.run(open_movie(movie), out, SETTINGS, device="cpu", resume=True, on_progress=tell)

    for stage, step in (
        ("Checking the recording", 0),
        ("Computing the mean frame", 0),
        ("Finding the first footprints", 0),
        ("Training the reconstruction", 7),
        ("Training the dynamics", 25),
        ("Training the dynamics", 55),
        ("Estimating the dynamics", 0),
        ("Encoding every frame", 0),
        ("Mapping contributions", 0),
        ("Writing the results", 0),
    ):
        with pytest.raises(Interruption):
            run(interrupt_at(stage, step))
        kept = [] if stage.startswith("Checking") else KEPT if steps else KEPT[:1]
        assert names(out / ".unfinished-run") == kept if kept else not out.exists()
    assert len(checks) == 2
    run()
    assert_same_results(out, whole)
    assert len(checks) == 2
    assert set(steps) == set(range(STEPS))
    assert len(steps) == STEPS + 3  # a step is repeated where its report was the interruption


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_run_that_is_killed_goes_on(
    movie: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ("run", movie, "--out", out, *OPTIONS, "--resume")
    keep = "from napari_calcdyn.models import training\ntraining._SECONDS_BETWEEN_SAVES = 0.0\n"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    kept = out / ".unfinished-run"
    moments = np.random.default_rng().uniform(0, 0.8, 3)
    for moment, awaited in zip(moments, (kept / KEPT[1], kept / "new", kept / "new"), strict=True):
        shutil.rmtree(kept / "new", ignore_errors=True)  # it shows when the next one has begun
        with process_of_calcdyn(*command, first=keep, env=environment) as process:
            deadline = time.monotonic() + 60
            while not awaited.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(moment)
            process.kill()
        # all or nothing, however fast the computer is
        assert names(out) in ([".unfinished-run"], WRITTEN), moments
    assert calcdyn(monkeypatch, *command) == 0
    assert_same_results(out, whole)


@pytest.fixture
def killed(movie: Path, tmp_path: Path) -> Path:
    """The folder of a run that was killed in its training."""
    with pytest.raises(Interruption):
        job.run(
            open_movie(movie),
            tmp_path / "out",
            SETTINGS,
            device="cpu",
            on_progress=interrupt_at("Training the dynamics", 30),
        )
    kept = tmp_path / "out" / ".unfinished-run"
    (kept / "new").mkdir()
    for half in ("new/mean.part.tif", "training.part.safetensors"):
        (kept / half).write_bytes(b"half")
    return tmp_path / "out"


def test_another_run_is_not_gone_on_with(
    movie: Path, killed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def says(words: str, *options: object, path: Path = movie) -> None:
        command = ("run", path, "--out", killed, *OPTIONS, *options, "--resume")
        expected = (
            f"The unfinished run in {killed} had another {words}: repeat the command without --resume to start anew,"
            " or choose another folder."
        )
        refused(monkeypatch, capsys, *command, words=expected)
        assert set(names(killed / ".unfinished-run")) == {*KEPT, "training.part.safetensors"}

    says("seed (0, not 1)", "--seed", 1)
    says("order (2, not 1)", "--order", 1)
    says("prediction weight (1.5, not 0.5)", "--prediction-weight", 0.5)
    says("choice of corrections (auto, not none)", "--correct", "none")
    copy = killed.parent / movie.name
    shutil.copy2(movie, copy)
    says("recording, or its file was changed since", path=copy)
    monkeypatch.setattr(unfinished, "version", lambda name: "99.0")
    says(f"version of the program ({metadata.version('napari-calcdyn')}, not 99.0)")


def test_a_file_that_was_changed_is_not_gone_on_with(
    movie: Path, killed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = movie.stat()
    os.utime(movie)
    words = "had another recording, or its file was changed since"
    refused(monkeypatch, capsys, "run", movie, "--out", killed, *OPTIONS, "--resume", words=words)
    os.utime(movie, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert calcdyn(monkeypatch, "run", movie, "--out", killed, *OPTIONS, "--resume") == 0


@pytest.mark.parametrize("file", KEPT)
def test_a_damaged_checkpoint_is_one_sentence(
    file: str, movie: Path, killed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", movie, "--out", killed, *OPTIONS)
    (killed / ".unfinished-run" / file).write_bytes(b"")
    words = f"The unfinished run in {killed} is damaged: repeat the command without --resume."
    refused(monkeypatch, capsys, *command, "--resume", words=words)


def test_without_resume_a_run_begins_anew_and_says_so(
    movie: Path,
    whole: Path,
    killed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert calcdyn(monkeypatch, "run", movie, "--out", killed, *OPTIONS) == 0
    assert capsys.readouterr().err == (
        f"{killed} holds an unfinished run, which this one replaces; --resume goes on with one.\n"
    )
    assert_same_results(killed, whole)


def test_resume_without_a_checkpoint_begins(
    movie: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert calcdyn(monkeypatch, "run", movie, "--out", tmp_path / "out", *OPTIONS, "--resume") == 0
    assert_same_results(tmp_path / "out", whole)


def test_an_error_of_the_input_leaves_nothing(
    movie: Path, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise InputError("The recording cannot be used: take another.")

    monkeypatch.setattr(job, "look_between_rois", wrong)
    with pytest.raises(InputError, match="take another"):
        job.run(open_movie(movie), killed, SETTINGS, device="cpu", resume=True)
    assert names(killed.parent) == ["out"]
    assert names(killed) == []


def test_a_run_that_was_killed_while_it_moved_its_results_goes_on(
    movie: Path,
    whole: Path,
    killed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    new = killed / ".unfinished-run" / "new"
    for name in RESULTS["run"][:3]:
        shutil.copy(whole / name, killed / name)
    command = ("run", movie, "--out", killed, *OPTIONS, "--resume")
    refused(monkeypatch, capsys, *command, words="holds a mean.tif that is not from an earlier run")
    new.mkdir(exist_ok=True)
    shutil.copy(whole / "metrics.json", new)  # written before anything is moved, and moved last
    assert calcdyn(monkeypatch, *command) == 0
    assert_same_results(killed, whole)


def test_a_saved_model_is_applied_again_without_another_check(
    movie: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out = job.VARAutoencoder.load(whole / "model", device="cpu"), tmp_path / "out"
    with pytest.raises(Interruption):
        job.run(open_movie(movie), out, model, on_progress=interrupt_at("Encoding every frame"))
    assert names(out / ".unfinished-run") == KEPT[:1]
    for changes, words in (
        ({"correct": "auto"}, r"choice of corrections \(as for the model, not auto\): repeat"),
        ({"model": SETTINGS}, "another model: repeat"),
    ):
        with pytest.raises(InputError, match=words):
            job.run(open_movie(movie), out, **({"model": model, "resume": True} | changes))
    monkeypatch.setattr(job, "corrected", None)
    job.run(open_movie(movie), out, model, resume=True)
    assert names(out) == WRITTEN
