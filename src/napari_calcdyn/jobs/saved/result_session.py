"""Results of the command line as a session: what they were made from, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_calcdyn.jobs.result_folder import METRICS, Command, read_metrics
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.movies.joining import joined_name

from .contents import Saved

_PARTS: dict[Command, tuple[str, str]] = {
    "run": ("dynamics", "run"),
    "neurons": ("neurons", "result"),
    "influence": ("inspector", "influence"),
    "compare": ("compare", "result"),
}
"""The room that shows the results of a command, and what it calls them."""


def holds_results(folder: Path) -> bool:
    """Tell whether a folder has results that can be shown.

    Parameters
    ----------
    folder : Path
        There or not.

    Returns
    -------
    bool
        Of ``calcdyn run``, ``neurons``, ``influence`` or ``compare``.
    """
    return bool(_commands(folder))


def results_as_session(folder: Path) -> dict[str, Saved]:
    """Describe results as `read_session` describes a session.

    Parameters
    ----------
    folder : Path
        Written by a command.

    Returns
    -------
    dict of str to Saved
        The recording, and what was found in it.

    Raises
    ------
    InputError
        If there are none, or they do not say what they were made from.
    """
    found: dict[str, Saved] = {}
    for command, about in _commands(folder).items():
        room, part = _PARTS[command]
        found[room] = Saved({}, {part: folder})
        movies = [it for it in _inputs(about) if it.get("kind") == "movie"]
        if command != "neurons" and not movies:
            raise InputError(
                f"{folder} does not say of which recording it is: open the recording, then load the model."
            )
        if movies:
            first, *others = [_about(it) for it in movies]
            made = movies
            if command in ("run", "influence") and others:
                first, others = _joined([first, *others]), []
                made = [{"recordings": movies}]
            found["recording"] = Saved(
                {"movie": first, "others": others, "kinds": [], "unchecked": "", "fingerprints": made}
            )
            if command == "compare":
                found[room].values["movies"] = [it["name"] for it in movies]
    if not found:
        raise InputError(f"{folder} holds neither a session nor results: choose another folder.")
    return found


def _commands(folder: Path) -> dict[Command, dict[str, Any]]:
    """Return what the JSON file of each command says whose results are there."""
    commands: tuple[Command, ...] = tuple(_PARTS)
    known = {it: read_metrics(folder, it) for it in commands if (folder / METRICS[it]).is_file()}
    return {command: about for command, about in known.items() if about}


def _inputs(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    made = about.get("provenance")
    inputs = made.get("inputs") if isinstance(made, Mapping) else None
    return [it for it in inputs or () if isinstance(it, Mapping)]


def _joined(recordings: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe recordings that were joined; they are corrected again as they were."""
    names = [it["name"] for it in recordings]
    name = joined_name(names)
    rate = next((it["frame_rate"] for it in recordings if it["frame_rate"]), None)
    return {
        "name": name,
        "layer": name,
        "recordings": recordings,
        "frame_rate": rate,
        "pixel_size": recordings[0]["pixel_size"],
    }


def _about(movie: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a recording was, as the window keeps it."""
    files = [str(it[0]) for it in movie.get("files", ()) if isinstance(it, list) and it]
    name = str(movie.get("name", "movie"))
    return {
        "name": name,
        "layer": name,
        "paths": [],
        "absolute": files,
        "choice": {},
        "frame_rate": movie.get("frame_rate"),
        "pixel_size": movie.get("pixel_size"),
    }
