"""How tests run the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from napari_calcdyn import cli

# A shell lets what it runs in the background ignore Ctrl-C, and so do the children of that: they listen again.
CALCDYN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from napari_calcdyn.cli import main
main()
"""


@contextmanager
def process_of_calcdyn(
    *arguments: object, first: str = "", **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run some code and the command in a process of its own, which is gone when the block is left."""
    command = [sys.executable, "-c", first + CALCDYN, *map(str, arguments)]
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


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
