"""``calcdyn simulate culture``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from commands import calcdyn, refused
from napari_calcdyn.simulate.cultures import FILES, simulate_cultures

SMALL = ("--types", "CH, RS", "--cultures", 1, "--neurons", 20, "--seconds", 2, "--frame-rate", 20)


def test_simulate_culture_writes_what_the_function_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "cultures"
    for _ in range(2):  # the second replaces the first
        assert (
            calcdyn(monkeypatch, "simulate", "culture", "--out", out, *SMALL, "--sigma", 0.5, "--seed", 3)
            == 0
        )
    said = capsys.readouterr()
    assert said.out.endswith(f"The traces (40 of 40 samples) and the true types are in {out}.\n")
    assert said.err == ""
    assert {path.name for path in out.iterdir()} == set(FILES)
    expected = simulate_cultures(("CH", "RS"), 1, 20, 2.0, 0.5, 20.0, seed=3)
    np.testing.assert_array_equal(np.load(out / "traces.npy"), expected.traces)
    np.testing.assert_array_equal(np.load(out / "clean.npy"), expected.clean)
    assert json.loads((out / "culture.json").read_text(encoding="utf-8"))["kinds"] == ["CH", "RS"]
    lines = (out / "neurons.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 41
    assert lines[0] == ",".join(expected.table)


@pytest.mark.parametrize("name", ["traces.npy", "neurons.csv"])
def test_simulate_culture_spares_files_that_it_did_not_write(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    words = f"{name} that was not simulated"
    refused(monkeypatch, capsys, "simulate", "culture", "--out", tmp_path, *SMALL, words=words)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_simulate_culture_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("simulate", "culture", "--out", tmp_path)
    refused(monkeypatch, capsys, *command, "--types", "RS,FS", words="choose among RS, IB, CH")
    refused(monkeypatch, capsys, *command, "--neurons", 1, words="choose 2 to 20000")
    refused(monkeypatch, capsys, *command, "--sigma", -1, words="sigma is -1")
    assert not list(tmp_path.iterdir())


def test_interrupting_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_calcdyn.simulate.cultures.simulate_spikes", interrupted)
    assert calcdyn(monkeypatch, "simulate", "culture", "--out", tmp_path / "out", *SMALL) == 130
    assert capsys.readouterr().err == "Cancelled; nothing was written.\n"
    assert not (tmp_path / "out").exists()
