"""Pieces of scripts: recordings, models, and how they are written for the shell and for Python."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_calcdyn.models.settings import Settings
from napari_calcdyn.recording import InputError

FOUND = "found"
"""In place of ROIs: those that are found in the recording."""


@dataclass(frozen=True)
class Script:
    """What to type, or to run, to get the same.

    Attributes
    ----------
    command : str
        For a shell; empty where no command does it.
    python : str
        A script.
    """

    command: str
    python: str


@dataclass(frozen=True)
class Source:
    """A recording as it is opened and corrected.

    Attributes
    ----------
    paths : tuple of Path
        Its files.
    options : dict
        Arguments of `open_movie`.
    correct : str or None
        What is corrected, where it is not what is by default.
    joined : tuple of Source
        Recordings that were opened as one; then it has the paths of all of them.
    """

    paths: tuple[Path, ...]
    options: dict[str, Any] = field(default_factory=dict)
    correct: str | None = None
    joined: tuple[Source, ...] = ()

    @property
    def takes_command(self) -> bool:
        """Whether the command line opens it so: a single recording, or several in the same way."""
        return all(len(it.paths) == 1 and it.options == self.options for it in self.joined)

    @property
    def opened(self) -> str:
        """The call that opens it."""
        if self.joined:
            recordings = ", ".join(it.opened for it in self.joined)
            return f"cd.join(cd.correct_movies([{recordings}]))"
        given = self.paths[0].as_posix() if len(self.paths) == 1 else [it.as_posix() for it in self.paths]
        return call("cd.open_movie", given, **self.options)


@dataclass(frozen=True)
class Model:
    """A model: how it is trained, or where it was saved.

    Attributes
    ----------
    settings : Settings
        As it was trained.
    folder : Path or None
        Where it was saved; None where it is trained anew.
    """

    settings: Settings
    folder: Path | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What the command line is told of it."""
        if self.folder is not None:
            return {"model": self.folder}
        preset, changes = nearest_preset(self.settings)
        # The command line has no word for a setting that is left open.
        unsaid = next((name for name, value in changes.items() if value is None), None)
        if unsaid is not None:
            raise InputError(f"No command can leave the setting {unsaid!r} open: copy as Python.")
        return {"preset": None if preset == "standard" else preset, **changes}

    def python(self, kind: str) -> str:
        """Return the expression for it; `kind` is the name of the model's class."""
        if self.folder is not None:
            return call(f"cd.{kind}.load", self.folder.as_posix())
        preset, changes = nearest_preset(self.settings)
        return call(f"{type(self.settings).__name__}.preset", preset, **changes)


class Name(str):
    """A piece of code among values."""

    def __repr__(self) -> str:
        """Return it as it is, without quotes."""
        return str(self)


def opened_rois(rois: Path | str) -> str:
    """Return the expression that opens ROIs, or ``None`` where they are to be found."""
    return "None" if rois == FOUND else call("cd.open_rois", Path(rois).as_posix())


def imported(model: Model, kind: str, module: str) -> list[str]:
    """Return the line that imports the settings of a model that is trained anew."""
    return [] if model.folder is not None else [f"from {module} import {kind}"]


def call(function: str, *values: Any, **named: Any) -> str:
    """Return the call of a function with these arguments."""
    parts = [*map(text_of, values), *(f"{name}={text_of(value)}" for name, value in named.items())]
    return f"{function}({', '.join(parts)})"


def text_of(value: Any) -> str:
    """Return the expression for a value; a path is a text, with slashes."""
    return repr(value.as_posix() if isinstance(value, Path) else value)


def python_of(lines: Sequence[str]) -> str:
    """Return a script, its imports first."""
    imports = {line for line in lines if line.startswith(("from ", "import "))}
    rest = [line for line in lines if line not in imports]
    plain = sorted(
        {it for it in imports if it.startswith("import ")} | {"import napari_calcdyn as cd"}, reverse=True
    )
    return "\n".join([*plain, *sorted(imports - set(plain)), *rest]) + "\n"


def command_of(name: str, paths: Sequence[Path], options: Mapping[str, Any]) -> str:
    """Return a line of the command line, quoted for the shell; options that are None are left out."""
    words = ["calcdyn", name, *map(str, paths)]
    for option, value in options.items():
        flag = f"--{option.replace('_', '-')}"
        if value is True or value is False:
            words.append(flag if value else f"--no-{flag[2:]}")
        elif value is not None:
            words += [flag, repr(value) if isinstance(value, float) else str(value)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def nearest_preset(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return the preset with the fewest changes to it, and these."""
    now = settings.model_dump()
    found = {}
    for name in settings.presets:
        before = settings.preset(name).model_dump()
        found[name] = {key: value for key, value in now.items() if value != before[key]}
    best = min(found, key=lambda name: (len(found[name]), name != "standard"))
    return best, found[best]
