"""What a batch is to do, as its TOML file says it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
)

from napari_calcdyn.recording import InputError

Job = Literal["check", "run", "neurons", "influence", "compare", "export"]
JOBS: tuple[Job, ...] = get_args(Job)
Value = StrictBool | StrictInt | StrictFloat | StrictStr | datetime
Options = dict[str, Value]


class BatchConfig(BaseModel):
    """Recordings, jobs and settings of a batch.

    Options have the names that they have on the command line, with ``_`` or ``-`` between words. Texts may contain
    ``{folder}`` and ``{stem}`` of the recording's path, and ``{run}`` for the folder of another job's results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    movies: list[str] = Field(min_length=1)
    """Paths of recordings, or patterns such as ``day*/*.tif``."""
    out: str = "results"
    """Folder for all results."""
    options: Options = {}
    """For every job that has an option of this name."""
    jobs: dict[Job, Options] = Field(min_length=1)
    """Jobs to do, with their options."""
    settings: dict[str, dict[Job, Options]] = {}
    """Named settings to compare: for each, options that differ from those of `jobs`."""

    @field_validator("movies", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("options", "jobs", "settings", mode="before")
    @classmethod
    def _underscores(cls, value: object) -> object:
        """Take the names of options with either ``_`` or ``-``; names of settings stay as they are."""
        return _with_underscores(value)

    @field_validator("settings")
    @classmethod
    def _plain_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name in JOBS or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(
                    f"“{name}” cannot name settings, as it names a folder beside those of the jobs: choose another"
                    " name of letters and digits"
                )
        return value


def _with_underscores(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {
        key if isinstance(it, dict) else str(key).replace("-", "_"): _with_underscores(it)
        for key, it in value.items()
    }


def read_config(file: Path) -> BatchConfig:
    """Read a batch from its TOML file.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    BatchConfig
        What it says.

    Raises
    ------
    InputError
        If it cannot be read, is no TOML, or says what cannot be done.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror or error}): give a TOML file.") from error
    except ValueError as error:  # also of texts that are not UTF-8
        raise InputError(f"{file} is not valid TOML: {str(error).rstrip('.')}.") from error
    return checked_config(values, str(file))


def checked_config(values: Mapping[str, Any], where: str) -> BatchConfig:
    """Return a batch from values, or say in a sentence what is wrong with the first of them.

    Parameters
    ----------
    values : mapping
        As a TOML file has them.
    where : str
        Where they stand, for messages.

    Returns
    -------
    BatchConfig
        The batch.

    Raises
    ------
    InputError
        If something is missing, unknown, or of the wrong kind.
    """
    try:
        return BatchConfig(**values)
    except ValidationError as error:
        raise InputError(f"{where}: {_in_words(error.errors()[0])}.") from error


def _in_words(error: Any) -> str:
    """Say what pydantic found, with the way to the place as TOML writes it."""
    path = [str(part) for part in error["loc"]]
    kind = error["type"]
    if kind == "missing":
        return f"“{path[0]}” is missing"
    if kind == "extra_forbidden":
        return f"“{path[0]}” is unknown, choose from {', '.join(BatchConfig.model_fields)}"
    if path[-1] == "[key]":
        return f"“{path[-2]}” is no job, choose from {', '.join(JOBS)}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "too_short":
        return f"“{path[0]}” is empty"
    depth = {"options": 2, "jobs": 3, "settings": 4}.get(path[0], 1)
    if len(path) >= depth > 1:
        return f"“{'.'.join(path[:depth])}” has to be a number, a text, true or false"
    wanted = "a list of texts" if path[0] == "movies" else "a text" if path[0] == "out" else "a table"
    return f"“{'.'.join(path)}” has to be {wanted}"
