"""How tests run the command line."""

from __future__ import annotations

import signal
import sys

import pytest

from napari_calcdyn import cli


def calcdyn(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["calcdyn", *map(str, arguments)])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object, words: str
) -> None:
    """Expect one sentence on stderr, exit code 2."""
    capsys.readouterr()
    assert calcdyn(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")
