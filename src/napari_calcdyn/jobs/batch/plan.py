"""The single jobs of a batch: what each is called with, where it writes, and what it depends on."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.movies.places import natural_key

from .config import BatchConfig, Job, Options, Value
from .fingerprints import files_fingerprint

Offered = Mapping[Job, frozenset[str]]
"""Names of the options that each job has on the command line."""

_INPUTS = ("rois", "model", "behaviour", "mask", "movie2")
_OUTPUTS = ("nwb", "csv", "imagej_rois", "ome_tiff", "ome_zarr", "source_maps", "anndata")
_FOUND = "found"  # in place of ROIs: cells are found
_OF = "of"  # of an export: the job whose results are meant


@dataclass(frozen=True)
class Task:
    """One job on one recording with one choice of settings.

    Parameters
    ----------
    recording : str
        Its name in this batch.
    settings : str
        Name of the settings; empty where they make no difference to this job.
    job : str
        Name of the command.
    folder : Path
        For its results.
    arguments : tuple of str
        What the command is called with, without ``--out``.
    key : str
        Digest of everything that the result depends on.
    needs : tuple of Path
        Folders of the tasks that have to be done before.
    """

    recording: str
    settings: str
    job: Job
    folder: Path
    arguments: tuple[str, ...]
    key: str
    needs: tuple[Path, ...] = ()


def plan(config: BatchConfig, base: Path, offered: Offered) -> list[Task]:
    """Return every task of a batch, each after those that it needs.

    Parameters
    ----------
    config : BatchConfig
        What is to be done.
    base : Path
        Folder from which relative paths count.
    offered : mapping
        Names of the options of each job.

    Returns
    -------
    list of Task
        For one recording after the other.

    Raises
    ------
    InputError
        If there are no such recordings, an option is unknown, or jobs wait for each other.
    """
    _check_names(config, offered)
    needs = {job: _needed_by(job, config) for job in config.jobs}
    order = _in_order(needs)
    varied: set[Job] = set()
    for job in order:
        if any(job in changes for changes in config.settings.values()) or varied & needs[job]:
            varied.add(job)
    tasks: dict[Path, Task] = {}
    for name, movie in _recordings(config.movies, base).items():
        for settings in config.settings or [""]:
            folders = {
                job: base / config.out / name / (settings if job in varied else "") / job for job in order
            }
            for job in order:
                if folders[job] not in tasks:  # what no settings change is done once
                    words: dict[str, Path | str] = {str(other): place for other, place in folders.items()}
                    words |= {"folder": movie.parent, "stem": movie.stem}
                    options = {
                        option: _filled(value, words, job)
                        for option, value in _options(config, settings, job, offered).items()
                    }
                    arguments = _arguments(job, movie, options, base, folders)
                    before = [tasks[folders[it]] for it in order if it in needs[job]]
                    tasks[folders[job]] = Task(
                        name,
                        settings if job in varied else "",
                        job,
                        folders[job],
                        tuple(arguments),
                        _key(movie, arguments, options, before),
                        tuple(it.folder for it in before),
                    )
    return list(tasks.values())


def _check_names(config: BatchConfig, offered: Offered) -> None:
    for changes in config.settings.values():
        for job in changes:
            if job not in config.jobs:
                raise InputError(
                    f"Settings are given for “{job}”, which is not among the jobs of this batch."
                )
    for option in config.options:
        if not any(option in offered[job] for job in config.jobs):
            raise InputError(f"No job of this batch has the option “{option}”.")
    for tables in (config.jobs, *config.settings.values()):
        for job, options in tables.items():
            for option in options:
                if option not in offered[job] and (job, option) != ("export", _OF):
                    raise InputError(
                        f"calcdyn {job} has no option “{option}” in a batch: see calcdyn {job} --help."
                    )
            for option in set(options) & set(_OUTPUTS):
                place = Path(str(options[option]))
                if job == "export" and (place.is_absolute() or ".." in place.parts):
                    raise InputError(
                        f"The export “{option}” is to be written to {place}: give a name, as each recording has its"
                        " own folder."
                    )
    of = config.jobs.get("export", {}).get(_OF)
    if "export" in config.jobs and of not in set(config.jobs) - {"export", "check"}:
        raise InputError(
            'The job export needs a line that says of which other job of this batch, such as of = "run".'
        )


def _options(config: BatchConfig, settings: str, job: Job, offered: Offered) -> Options:
    """Return the options of a job, those of the settings before its own and those for all jobs last."""
    general = {name: value for name, value in config.options.items() if name in offered[job]}
    return general | config.jobs[job] | config.settings.get(settings, {}).get(job, {})


def _needed_by(job: Job, config: BatchConfig) -> set[Job]:
    """Return the jobs to whose results the options of a job point."""
    tables = [config.options, config.jobs[job], *(it.get(job, {}) for it in config.settings.values())]
    named = {
        word
        for options in tables
        for value in options.values()
        for word in re.findall(r"\{(\w+)\}", str(value))
    }
    if job == "export":
        named |= {str(options[_OF]) for options in tables if _OF in options}
    return {other for other in config.jobs if other in named}


def _in_order(needs: Mapping[Job, set[Job]]) -> list[Job]:
    order: list[Job] = []
    while len(order) < len(needs):
        ready = [job for job in needs if job not in order and needs[job] <= set(order)]
        if not ready:
            waiting = ", ".join(job for job in needs if job not in order)
            raise InputError(f"Each of these jobs waits for the results of another or of itself: {waiting}.")
        order += ready
    return order


def _recordings(patterns: list[str], base: Path) -> dict[str, Path]:
    """Return the paths of the recordings by their names: short ones, but different."""
    found: list[Path] = []
    for pattern in patterns:
        whole = str(base / Path(pattern).expanduser())
        matched = (
            [Path(whole)] if Path(whole).exists() else [Path(it) for it in glob.glob(whole, recursive=True)]
        )
        if not matched:
            raise InputError(f"No recording was found for “{pattern}” from {base}: mend the path or pattern.")
        found += sorted(matched, key=lambda it: [natural_key(Path(part)) for part in it.parts])
    movies = list(dict.fromkeys(Path(os.path.abspath(it)) for it in found))
    top = Path(os.path.commonpath([it.parent for it in movies]))
    parts = [it.relative_to(top) for it in movies]
    names = ["_".join(it.with_suffix("").parts) for it in parts]
    names = [
        name if names.count(name) == 1 else "_".join(it.parts) for name, it in zip(names, parts, strict=True)
    ]
    for name, movie in zip(names, movies, strict=True):
        if names.count(name) > 1:
            raise InputError(
                f"{movie} and another recording would both be called {name}: rename one of them."
            )
    return dict(zip(names, movies, strict=True))


def _filled(value: Value, words: Mapping[str, Path | str], job: Job) -> Value:
    """Put what is known of this recording into a text."""
    if not isinstance(value, str):
        return value

    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise InputError(
                f"“{{{match[1]}}}” in “{value}” of {job} means nothing here: choose from"
                f" {', '.join(f'{{{it}}}' for it in words)}."
            )
        return str(words[match[1]])

    return re.sub(r"\{(\w+)\}", word, value)


def _arguments(job: Job, movie: Path, options: Options, base: Path, folders: Mapping[Job, Path]) -> list[str]:
    """Return what the command is called with, and make the paths among the options whole."""
    for name in set(options) & set(_INPUTS):
        path = base / Path(str(options[name])).expanduser()
        if name != "rois" or options[name] != _FOUND or path.exists():
            options[name] = os.path.abspath(path)
    arguments = [job, str(movie)]
    if job == "export":
        arguments = [job, str(next(folders[it] for it in folders if it == options.get(_OF)))]
    if "movie2" in options:
        arguments.append(str(options["movie2"]))
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        elif name not in ("movie2", _OF):
            arguments += [f"--{flag}", value.isoformat() if isinstance(value, datetime) else str(value)]
    return arguments


def _key(movie: Path, arguments: list[str], options: Options, before: list[Task]) -> str:
    results = [it.folder for it in before]
    inputs = [movie, *(Path(str(options[name])) for name in _INPUTS if name in options)]
    # Of results of this batch, the keys of their tasks say what they are.
    prints = [files_fingerprint(it) for it in inputs if not any(it.is_relative_to(at) for at in results)]
    text = json.dumps([arguments, prints, [it.key for it in before]])
    return hashlib.sha256(text.encode()).hexdigest()
