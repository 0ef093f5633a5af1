"""``calcdyn benchmark avae``: stopped by Ctrl-C, gone on with, and what it leaves."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import calcdyn, process_of_calcdyn, refused
from napari_calcdyn.jobs.avae_benchmark.figures import FIGURES

SMALL = ("--quick", "--neurons", "10", "--frame-rate", "5", "--epochs", "1", "--partitions", "1")

HEADER = [
    "sigma",
    "hidden",
    "latent",
    "beta",
    "partition",
    "method",
    "split",
    "mse",
    "ari",
    "neighbour_accuracy",
]


def rows(folder: Path) -> list[list[str]]:
    try:
        text = (folder / "runs.csv").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return list(csv.reader(text.splitlines()))[1:]


@pytest.mark.skipif(
    sys.platform == "win32", reason="there, a test cannot send Ctrl-C to another process alone"
)
# Some 10 s: it starts three processes, each of which loads torch and simulates the cultures.
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    command = ("benchmark", "avae", "--out", out, *SMALL)
    with process_of_calcdyn(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while len(rows(out)) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        # Ends only when the processes that train, which write to the same pipe, have ended too.
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == "Stopped. The same command continues from here.\n"
    kept = rows(out)
    assert 2 <= len(kept) < 12
    assert not (out / "reconstruction.csv").exists()

    refused(monkeypatch, capsys, *command, "--seed", 1, words="another benchmark")
    assert rows(out) == kept
    # A row that nobody would measure, so that it shows if it is measured again; and one that lost its last digit.
    kept[0][-3:] = ["123.5", "0.25", "0.75"]
    lines = [",".join(row) for row in [HEADER, *kept]]
    (out / "runs.csv").write_text("\n".join(lines)[:-1], encoding="utf-8")
    assert calcdyn(monkeypatch, *command) == 0
    assert rows(out)[: len(kept) - 1] == kept[:-1]
    assert kept[-1] in rows(out)
    assert len(rows(out)) == len({tuple(row[:7]) for row in rows(out)}) == 12
    assert f"are in {out}. Look at summary.md first.\n" in capsys.readouterr().out
    for name, column in (("reconstruction", "mse"), ("representation", "ari")):
        with (out / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            header, *found = csv.reader(lines)
        assert header == ["sigma", "hidden", "latent", "beta", "partition", "method", column]
        assert len(found) == 6
        assert ("123.5" in found[0]) == (name == "reconstruction")
    assert (out / "summary.md").read_text(encoding="utf-8").count("| 1 | 8 |") == 4
    for name in FIGURES:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert not list(out.glob("*.part*"))


def test_what_cannot_be_used_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    ask = ("benchmark", "avae", "--out", tmp_path, *SMALL)
    refused(monkeypatch, capsys, *ask, words="choose an empty folder")
    refused(monkeypatch, capsys, *ask, "--scaling", "neuron", words="per 'neuron'")
    refused(monkeypatch, capsys, *ask, "--latent", "3", words="no network of 3 latents")
    refused(monkeypatch, capsys, *ask, "--sigma", "0", words="σ must be above 0")
    refused(monkeypatch, capsys, *ask, "--device", "abacus", words="abacus")
