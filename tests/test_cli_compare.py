"""``calcdyn compare``: what it writes, and what it says when it cannot go on."""

from __future__ import annotations

import json
from functools import partialmethod
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile

from commands import calcdyn, refused
from napari_calcdyn.analysis.sequences.comparison import Comparison
from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.recording.rois.saved import load_rois
from napari_calcdyn.simulate.movie import simulate_movie

QUICK = ("--preset", "quick", "--steps", 10, "--latents", 12, "--permutations", 19, "--device", "cpu")


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("movie") / "cells.tif"
    pixels = simulate_movie(frames=160, height=24, width=40, dynamic=3, silent=1, flicker=1).movie
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "behaviour.csv"
    speed = (
        np.where(np.arange(160) // 40 % 2, 20, 1) + np.arange(160) % 2 * 8
    )  # at rest it flickers between 1 and 9
    light = np.where(np.arange(160) < 80, "on", "off")
    rows = [f"{value},{word}" for value, word in zip(speed, light, strict=True)]
    path.write_text("speed,light\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def compared(monkeypatch: pytest.MonkeyPatch, out: Path, *arguments: object) -> dict[str, list[list[int]]]:
    assert calcdyn(monkeypatch, "compare", *arguments, "--out", out, *QUICK) == 0
    assert {path.name for path in out.iterdir()} == set(RESULTS["compare"])
    found: dict[str, list[list[int]]] = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    return found


def test_two_stretches(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(monkeypatch, tmp_path / "out", movie, "--a", ":40,50:80", "--b", "80:")
    assert found["a"] == [[0, 40], [50, 80]]
    assert found["b"] == [[80, 160]]
    said = capsys.readouterr().out
    assert f"p = {found['p_value']:.3g}" in said
    assert "ivelier" in said
    assert "report.html" in said


def test_two_recordings(movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, tmp_path / "out", movie, movie, "--b", "20:")
    assert found["a"] == [[0, 160]]
    assert found["b"] == [[20, 160]]
    assert len(found["movies"]) == 2


@pytest.mark.parametrize("second", [True, False])
def test_activities_of_rois(
    movie: Path,
    second: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = np.zeros((24, 40), np.uint8)
    for number, (top, left) in zip((5, 9, 14), ((2, 2), (2, 20), (14, 10)), strict=True):
        labels[top : top + 7, left : left + 7] = number
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    stretches = (movie, "--b", "20:") if second else ("--a", ":80", "--b", "80:")
    out, rois = tmp_path / "out", ("--rois", tmp_path / "labels.tif")
    command = ("compare", movie, *stretches, *rois, "--order", 1, "--permutations", 199, *QUICK[:6])
    monkeypatch.setattr(Comparison, "edges", partialmethod(Comparison.edges, 1.0))  # whatever changed
    assert calcdyn(monkeypatch, *command, "--out", out, "--device", "cpu") == 0
    assert {path.name for path in out.iterdir()} == {*RESULTS["compare"], "rois.npz"}
    found = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert (found["rois"], found["order"], found["cells_found"]) == (3, 2, None)
    assert "latents" not in found
    named = {(it["source"], it["target"]) for it in found["edges"]}
    assert named == set(product((5, 9, 14), repeat=2))
    at_two = {it["source"] == it["target"] for it in found["edges"] if it["lag"] == 2 and it["p_value"] < 1}
    assert False not in at_two  # only its own past reaches back two frames
    assert [it["kind"] for it in found["provenance"]["inputs"]][-1] == "ROIs"
    assert load_rois(out / "rois.npz").ids.tolist() == [5, 9, 14]
    assert "ROI" in capsys.readouterr().out


def test_cells_that_are_found(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ("compare", movie, "--a", ":80", "--b", "80:", "--rois", "found", "--out", out, *QUICK)
    assert calcdyn(monkeypatch, *command) == 0
    assert {path.name for path in out.iterdir()} == {*RESULTS["compare"], "rois.npz", "cells_found.tif"}
    found = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert found["cells_found"] == found["rois"] == len(load_rois(out / "rois.npz"))
    assert "found in the movie" in capsys.readouterr().out


def test_behaviour_says_what_is_what(
    movie: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = (movie, "--behaviour", table)
    light = compared(monkeypatch, tmp_path / "light", *behaviour, "--column", "light", "--value", "on")
    assert light["a"] == [[0, 80]]
    assert light["b"] == [[80, 160]]
    fast = ("--column", "speed", "--above", 6, "--smooth", 2)
    speed = compared(monkeypatch, tmp_path / "speed", *behaviour, *fast)
    assert [start for start, _ in speed["a"]] == pytest.approx([40, 120], abs=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--a", "0:80"), "Say what to compare"),
        (("--a", "0:80", "--b", "70:160"), "overlap"),
        (("--a", "0:80", "--b", "150:160"), "B is too short"),
        (("--a", "0:80", "--b", "80:200"), "160"),
        (("--a", "0:80", "--b", "80:160", "--block", "ten"), "--block"),
        (("--a", "0:80", "--b", "80:160", "--block", "30"), "room for 2 blocks"),
        (("--a", "0:80", "--b", "80:160", "--column", "speed"), "--behaviour"),
        (("--a", "0:80", "--b", "80:160", "--smooth", "5"), "--behaviour"),
        (("--a", "0:80", "--b", "80:160", "--network", "convolutional"), "needs a linear network"),
        (("--a", "200:", "--b", "80:160"), "starts after the recording, which has 160 frames"),
        (("--a", "0:80", "--b", "80:160", "--model", "saved"), "leave out either --model or the settings"),
    ],
)
def test_one_sentence_where_it_cannot_go_on(
    movie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    words: str,
) -> None:
    out = tmp_path / "out"
    refused(monkeypatch, capsys, "compare", movie, "--out", out, *options, *QUICK, words=words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--above", "5"), "choose one with --column, speed, light"),
        (("--column", "speeed", "--above", "5"), "no column “speeed”"),
        (("--column", "speed", "--above", "5", "--a", "0:80"), "leave out --a"),
        (("--column", "speed", "--above", "6"), "too short"),
        (("--column", "light", "--value", "on", "--smooth", "3"), "leave out --smooth"),
        (("--column", "speed"), "with either --above or --value"),
        (("--column", "speed", "--above", "5", "--value", "20"), "with either --above or --value"),
        (("--column", "speed", "--above", "99"), "never above 99: choose a number between 1 and 28"),
        (("--column", "speed", "--above", "0"), "speed is always above 0: choose a number"),
        (("--column", "light", "--value", "dim"), "light is never “dim”: choose one of its values, off, on."),
    ],
)
def test_one_sentence_about_behaviour(
    movie: Path,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    words: str,
) -> None:
    command = ("compare", movie, "--behaviour", table, "--out", tmp_path / "out")
    refused(monkeypatch, capsys, *command, *options, *QUICK, words=words)
