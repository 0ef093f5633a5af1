"""A session on disk: one JSON file, and folders of results that it names.

The JSON file is replaced in one step, and what it names is complete by then: whenever the program is killed, the folder
holds the old session or the new one. Nothing in it is executed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_calcdyn.jobs.provenance import made_from
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.writing import replacing, writing

from .contents import Kept, Part, Saved, parts_of

ENDING = ".calcdyn"
FORMAT = "napari-calcdyn session"
VERSION = 1
"""Of the format; one that is read must not be larger."""

_FILE = "session.json"
_MOST_BYTES = 200 * 2**20  # of the JSON file
_PART = re.compile(r"[a-z]+-[a-z]+-[0-9]+")


Rooms = Mapping[str, Kept]
Written = dict[str, tuple[Part, str]]
"""Parts by ``room-part``, and the names of their folders."""


def write_session(
    folder: Path, rooms: Rooms, before: Written | None = None, progress: ProgressCallback | None = None
) -> Written:
    """Write a session, or what has changed in it.

    Parameters
    ----------
    folder : Path
        Of the session; made if it does not exist.
    rooms : mapping of str to Kept
        What to keep, by words of small letters.
    before : dict, optional
        What was returned when the session in this folder was written last.
    progress : callable or None
        Called with parts written and in all; returns True to stop, which leaves the session as it was.

    Returns
    -------
    dict
        For the next time.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds something else.
    Cancelled
        If `progress` asked to stop.
    """
    _refuse_to_replace(folder)
    named = _names(folder)
    before = {} if before is None else before
    parts = parts_of(rooms)
    written: Written = {}
    fresh: list[Path] = []
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for number, (key, part) in enumerate(parts.items()):
            report(progress, number, len(parts))
            name = _written_before(before, key, part)
            if name in named and (folder / name).is_dir():
                written[key] = part, name
                continue
            place = _free(folder, key)
            fresh.append(place)
            with writing(folder):
                place.mkdir()
                part.write(place, partial(_stopped, progress, number, len(parts)))
            written[key] = part, place.name
        content = {
            "format": FORMAT,
            "version": VERSION,
            "made_by": f"napari-calcdyn {version('napari-calcdyn')}",
            "rooms": {
                room: {
                    "values": {**kept.values, **(kept.later() if kept.later is not None else {})},
                    "parts": {name: written[f"{room}-{name}"][1] for name in kept.parts},
                }
                for room, kept in rooms.items()
            },
        }
        text = json.dumps(content, indent=1)
        with writing(folder), replacing(folder / _FILE) as beside, beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        for place in fresh:
            shutil.rmtree(place, ignore_errors=True)
        raise
    _remove_others(folder, {name for _, name in written.values()})
    return written


def read_session(folder: Path) -> dict[str, Saved]:
    """Read a session.

    Parameters
    ----------
    folder : Path
        Of the session.

    Returns
    -------
    dict of str to Saved
        By room.

    Raises
    ------
    InputError
        If there is none, or it is damaged, of a newer version, or names folders outside of itself.
    """
    content = _content(folder)
    rooms = content.get("rooms")
    damaged = InputError(f"The session {folder} is damaged: choose another one.")
    if not isinstance(rooms, dict):
        raise damaged
    found = {}
    for room, kept in rooms.items():
        values, parts = (
            (kept.get(it) for it in ("values", "parts")) if isinstance(kept, dict) else (None, None)
        )
        if not isinstance(values, dict) or not isinstance(parts, dict):
            raise damaged
        for name in parts.values():
            if not isinstance(name, str) or not _PART.fullmatch(name):
                raise InputError(f"The session {folder} names files outside of itself and is refused.")
            if not (folder / name).is_dir() or (folder / name).is_symlink():
                raise InputError(
                    f"In the session {folder}, the folder {name} is missing: copy the session again."
                )
        found[room] = Saved(values, {part: folder / name for part, name in parts.items()})
    return found


def is_session(folder: Path) -> bool:
    """Whether a folder holds a session, of whatever version.

    Parameters
    ----------
    folder : Path
        There or not.

    Returns
    -------
    bool
        Not for a session whose file cannot be read.
    """
    try:
        _parsed(folder)
    except InputError:
        return False
    return True


def same_recording(about: Mapping[str, Any], movie: Movie) -> bool:
    """Whether a recording is the one of a session.

    Parameters
    ----------
    about : mapping
        From `provenance.fingerprint`, when it was saved.
    movie : Movie
        The recording as it is stored.

    Returns
    -------
    bool
        Wherever its files are now.

    Raises
    ------
    InputError
        If frames cannot be read.
    """
    return made_from({"provenance": {"inputs": [about]}}, movie)


def _stopped(progress: ProgressCallback | None, number: int, parts: int, done: int, total: int) -> bool:
    """Whether to stop, where the progress within a part is not told."""
    return bool(progress is not None and progress(number, parts))


def _content(folder: Path) -> dict[str, Any]:
    content = _parsed(folder)
    saved = content.get("version")
    if not isinstance(saved, int) or saved > VERSION:
        raise InputError(
            f"The session {folder} was saved by a newer version of napari-calcdyn: update this one."
        )
    return content


def _parsed(folder: Path) -> dict[str, Any]:
    file = folder / _FILE
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{folder} holds no session ({error.strerror or error}): choose another folder."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The session {folder} is damaged: choose another one.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{folder} holds no session: choose another folder.")
    return content


def _refuse_to_replace(folder: Path) -> None:
    """Raise InputError if a session cannot be written there without something else being lost."""
    empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not empty and not is_session(folder):
        raise InputError(f"{folder} holds something that is no session: choose another name.")
    if not empty:
        _content(folder)  # which refuses one of a newer version


def _names(folder: Path) -> set[str]:
    return {place.name for place in folder.glob("*-*-*") if _PART.fullmatch(place.name)}


def _written_before(before: Written, key: str, part: Part) -> str:
    """Return the folder that holds a part already, maybe as another part of its room; empty if there is none.

    Frames of a recording stay where they are when another one becomes the recording: they are read from there.
    """
    room = key.split("-")[0]
    same = {
        known: name for known, (old, name) in before.items() if known.split("-")[0] == room and part.same(old)
    }
    return same.get(key) or next(iter(same.values()), "")


def _free(folder: Path, key: str) -> Path:
    """Return a name for a folder that is not there: one that is named may be in use until the new session is whole."""
    number = 1
    while (folder / f"{key}-{number}").exists():
        number += 1
    return folder / f"{key}-{number}"


def _remove_others(folder: Path, names: set[str]) -> None:
    """Remove the folders of the session before; one that cannot be removed now is removed after the next saving."""
    for name in _names(folder) - names:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
