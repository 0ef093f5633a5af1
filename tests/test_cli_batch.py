"""``calcdyn batch``: its file, its plan, and whole batches on the workers of Dask."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from batch_scene import recordings, summary
from commands import calcdyn, process_of_calcdyn, refused

pytest.importorskip("distributed")

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither kill −9 nor SIGINT for others")
SPELLING = """
movies = "movies/*.tif"
out = "out"
[jobs.check]
"""


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a scheduler of Dask with two workers, each in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "distributed.cli"]
    commands = [
        [f"{dask[-1]}.dask_scheduler", "--host", address, "--no-dashboard"],
        *([f"{dask[-1]}.dask_worker", address, "--nthreads", "1", "--no-dashboard"] for _ in range(2)),
    ]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = []
    try:
        for words in commands:
            place = tmp_path_factory.mktemp("place")
            started.append(subprocess.Popen([*dask[:2], *words], cwd=place, **silent))
        yield address
    finally:
        for process in started[::-1]:
            process.kill()
            process.wait()


def written(folder: Path, text: str) -> Path:
    file = folder / "batch.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("movies = [", "is not valid TOML"),
        ("[jobs.check]", "“movies” is missing"),
        ('movies = "*.tif"', "“jobs” is missing"),
        (SPELLING.replace("out =", "where ="), "“where” is unknown, choose from movies, out"),
        (SPELLING.replace("check", "chek"), "“chek” is no job, choose from check, run"),
        (SPELLING + "rate = 30", "calcdyn check has no option “rate” in a batch"),
        (SPELLING + "[jobs.run]\ntogether = true", "calcdyn run has no option “together” in a batch"),
        (SPELLING + "[jobs.neurons]\nonto = 'map'", "calcdyn neurons has no option “onto” in a batch"),
        (SPELLING + "channel = [1]", "“jobs.check.channel” has to be a number, a text, true or false"),
        (SPELLING + 'channel = "first"', "calcdyn check cannot be called so"),
        (SPELLING + "[jobs.run]\norder = -1", "order"),
        (
            SPELLING + "[jobs.run]\nmodel = '{fun}/model'",
            "“{fun}” in “{fun}/model” of run means nothing here",
        ),
        (
            SPELLING + "[jobs.run]\nmodel = '{run}/model'",
            "waits for the results of another or of itself: run",
        ),
        (SPELLING + "[settings.short.run]\norder = 2", "Settings are given for “run”, which is not among"),
        (SPELLING + "[settings.check.check]", "“check” cannot name settings"),
        (SPELLING + "[jobs.export]\ncsv = 'tables'", "needs a line that says of which other job"),
        (SPELLING.replace("movies/", "nowhere/"), "No recording was found for “nowhere/*.tif”"),
        (SPELLING.replace('"movies/*.tif"', "[]"), "“movies” is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    words: str,
) -> None:
    (tmp_path / "movies").mkdir()
    (tmp_path / "movies" / "a.tif").touch()
    refused(monkeypatch, capsys, "batch", written(tmp_path, text), words=words)
    assert not (tmp_path / "out").exists()


def planned(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Return the commands of a batch by their folders within ``out``."""
    capsys.readouterr()
    assert calcdyn(monkeypatch, "batch", file, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    places = [Path(line.split(" in ", 1)[1]).relative_to(file.parent / "out") for line in lines[1::2]]
    return {place.as_posix(): line for place, line in zip(places, lines[::2], strict=True)}


def test_settings_multiply_only_the_jobs_that_depend_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in ("day1", "day2", "day10"):
        recordings(tmp_path / day, "a", frames=20)
    file = written(
        tmp_path,
        """
        movies = "day*/*.tif"
        out = "out"
        options = { seed = 3, frame-rate = 15 }
        [jobs.check]
        [jobs.export]
        of = "run"
        csv = "tables"
        [jobs.run]
        rois = "{folder}/{stem}.zip"
        skip = false
        [jobs.influence]
        rois = "{run}/rois.npz"
        surrogates = 19
        [settings.one]
        [settings.two.run]
        order = 2
        """,
    )
    plan = planned(file, monkeypatch, capsys)
    for name in ("day1_a", "day2_a", "day10_a"):
        of = [place for place in plan if place.startswith(f"{name}/")]
        jobs = [
            f"{name}/{settings}/{job}"
            for settings in ("one", "two")
            for job in ("run", "export", "influence")
        ]
        assert set(of) == {f"{name}/check", *jobs}
    assert next(iter(plan)) == "day1_a/check"
    assert list(plan)[-1].startswith("day10_a")  # numbers in names count as numbers
    out, run = tmp_path / "out", plan["day2_a/two/run"]
    assert f"calcdyn run {tmp_path / 'day2' / 'a.tif'}" in run
    for words in (
        f"--rois {tmp_path / 'day2' / 'a.zip'}",
        "--no-skip",
        "--seed 3",
        "--frame-rate 15",
        "--order 2",
    ):
        assert words in run
    assert "--order" not in plan["day2_a/one/run"]
    assert f"--rois {out / 'day2_a' / 'one' / 'run' / 'rois.npz'}" in plan["day2_a/one/influence"]
    assert "calcdyn export" in plan["day1_a/one/export"]
    assert str(out / "day1_a" / "one" / "run") in plan["day1_a/one/export"]
    assert "--seed" not in plan["day1_a/check"]  # which it does not have


def done(out: Path) -> dict[str, int]:
    """When each job was last done, by folder."""
    return {
        file.parent.relative_to(out).as_posix(): file.stat().st_mtime_ns for file in out.rglob("batch.json")
    }


def test_a_second_call_does_what_is_missing_or_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scheduler: str
) -> None:
    a, b = recordings(tmp_path / "movies", "ab")
    labels = np.zeros((24, 24), np.uint8)
    for cell, corner in enumerate((2, 9, 16), 1):
        labels[corner : corner + 5, corner : corner + 5] = cell
    np.save(tmp_path / "cells.npy", labels)
    text = """
        movies = "movies/*.tif"
        out = "out"
        [jobs.check]
        [jobs.influence]
        rois = "cells.npy"
        surrogates = 19
        [jobs.export]
        of = "influence"
        csv = "tables"
        """
    file, out = written(tmp_path, text), tmp_path / "out"

    def again(code: int = 0) -> set[str]:
        before = done(out)
        assert calcdyn(monkeypatch, "batch", file, "--scheduler", scheduler) == code, capsys.readouterr().out
        return {place for place, when in done(out).items() if before.get(place) != when}

    everything = {f"{name}/{job}" for name in "ab" for job in ("check", "influence", "export")}
    assert again() == everything
    assert (out / "a" / "export" / "tables").is_dir()
    assert not list(out.rglob(".unfinished*"))
    assert again() == set()
    assert {it["state"] for it in summary(out).values()} == {"as before"}

    (out / "a" / "check" / "quality.png").unlink()
    shutil.rmtree(out / "b" / "export" / "tables")
    assert again() == {"a/check", "b/export"}

    written(tmp_path, text.replace("surrogates = 19", "surrogates = 20"))
    shutil.copyfile(b, a)  # another recording under the same name
    assert again() == everything - {"b/check"}
    assert again() == set()


@UNIX
def test_damage_death_and_memory_end_what_they_concern_and_nothing_else(
    tmp_path: Path,
) -> None:
    movies = recordings(tmp_path / "movies", "abcd")
    (tmp_path / "movies" / "g.tif").write_bytes(movies[0].read_bytes()[:200])
    np.save(tmp_path / "movies" / "h.npy", np.random.default_rng(0).random((40, 1600, 1600), np.float32))
    out = tmp_path / "out"
    command = ("batch", "--movies", tmp_path / "movies" / "*", "--jobs", "check", "--out", out)
    with process_of_calcdyn(
        *command, "--workers", 2, "--memory", 0.8, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        killed = kill_a_worker(process.pid, out)
        said = process.communicate(timeout=200)[0]
    assert process.returncode == 1, said
    rows = summary(out)
    states = {name.split("/")[0]: row["state"] for name, row in rows.items()}
    assert states == dict.fromkeys("abcd", "done") | {"g": "failed", "h": "failed"}
    assert "g.tif" in rows["g/check"]["why"]
    assert "more than the 0.8 GB of memory" in rows["h/check"]["why"]
    assert "Its worker was lost" in rows[f"{killed}/check"]["note"]
    assert rows[f"{killed}/check"]["attempts"] == "2"
    page = (out / "summary.html").read_text(encoding="utf-8")
    assert "more than the 0.8 GB of memory" in page
    assert "Its worker was lost" in page
    assert 'src="a/check/quality.png"' in page
    assert (out / "g" / "check" / "log.txt").read_text().strip() == rows["g/check"]["why"]
    assert not list(out.rglob(".unfinished*"))


def kill_a_worker(batch: int, out: Path) -> str:
    """Kill −9 the worker of the first job that runs, and return the job's recording."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        for job in psutil.Process(batch).children(recursive=True):
            try:
                words = job.cmdline()
                name = Path(words[words.index("check") + 1]).stem
                if name in "abcd" and (out / name / "check" / ".unfinished-check").exists():
                    job.parent().kill()
                    return name
            except (psutil.Error, ValueError, IndexError, AttributeError):
                continue
        time.sleep(0.02)
    raise AssertionError("no job ran")


@UNIX
def test_ctrl_c_ends_all_jobs_within_seconds(tmp_path: Path) -> None:
    recordings(tmp_path / "movies", "abc", frames=400)
    out = tmp_path / "out"
    command = ("batch", "--movies", tmp_path / "movies" / "*.tif", "--jobs", "check", "--out", out)
    with process_of_calcdyn(
        *command, "--workers", 2, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not list(out.glob("*/check/.unfinished-check")):
            assert process.poll() is None
            time.sleep(0.02)
        jobs = psutil.Process(process.pid).children(recursive=True)
        interrupted = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        said = process.communicate(timeout=60)
        took = time.monotonic() - interrupted
    assert process.returncode == 130, said
    assert "nothing is half-written" in said[1]
    assert took < 15
    left = psutil.wait_procs(jobs, timeout=5)[1]
    assert [it for it in left if it.is_running() and it.status() != psutil.STATUS_ZOMBIE] == []
    assert not list(out.rglob(".unfinished*"))
    assert not list(out.rglob("quality.png"))
    states = {row["state"] for row in summary(out).values()}
    assert states == {"stopped", "waiting"}


def test_workers_of_a_running_scheduler_in_other_folders_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    recordings(tmp_path / "movies", "a")
    monkeypatch.chdir(tmp_path)
    batch = ("batch", "--movies", "movies/*.tif", "--jobs", "check", "--out", "there")
    assert calcdyn(monkeypatch, *batch, "--scheduler", scheduler) == 0
    assert calcdyn(monkeypatch, "check", tmp_path / "movies" / "a.tif", "--out", "here") == 0
    here, there = (
        [line for line in (tmp_path / file).read_text().splitlines() if "seconds" not in line]
        for file in ("here/quality.json", "there/a/check/quality.json")
    )
    assert here == there
    assert {row["state"] for row in summary(tmp_path / "there").values()} == {"done"}


def test_the_script_for_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dask_jobqueue")
    recordings(tmp_path / "movies", "a", frames=20)
    common = ("batch", "--movies", tmp_path / "movies" / "*.tif", "--out", tmp_path / "out", "--dry-run")
    slurm = ("--slurm", "gpu", "--walltime", "02:30:00", "--account", "lab", "--sbatch=--gres=gpu:1")
    assert calcdyn(monkeypatch, *common, *slurm, "--threads", "6", "--memory", "12") == 0
    script = capsys.readouterr().out.splitlines()
    for line in ("-p gpu", "-A lab", "-t 02:30:00", "--cpus-per-task=6", "--mem=12G", "--gres=gpu:1"):
        assert f"#SBATCH {line}" in script
    worker = next(line for line in script if "dask_worker" in line)
    assert worker.startswith(sys.executable)
    assert "--nthreads 1" in worker
    assert not (tmp_path / "out").exists()


def test_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from napari_calcdyn.jobs.batch import cluster

    recordings(tmp_path / "movies", "a", frames=20)
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    assert (
        calcdyn(monkeypatch, "batch", "--movies", tmp_path / "movies" / "a.tif", "--out", tmp_path / "out")
        == 2
    )
    assert 'pip install "napari-calcdyn[cluster]"' in capsys.readouterr().err
    assert not (tmp_path / "out" / "summary.html").exists()
