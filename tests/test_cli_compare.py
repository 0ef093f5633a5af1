"""``calcdyn compare``: what it writes, and what it says when it cannot go on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from commands import calcdyn, refused
from napari_calcdyn.jobs.result_folder import RESULTS
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
