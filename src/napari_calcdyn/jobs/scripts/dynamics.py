"""Scripts that repeat a check, a run, a test of connections and a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.ranges import format_ranges

from .pieces import FOUND, Model, Name, Script, Source, call, command_of, imported, opened_rois, python_of

_CONFIG = "VARAutoencoderConfig", "napari_calcdyn.models.var_autoencoder"


def check_script(movie: Source) -> Script:
    """Repeat the check of a recording.

    Parameters
    ----------
    movie : Source
        The recording.

    Returns
    -------
    Script
        ``calcdyn check``.

    Raises
    ------
    InputError
        If several recordings were opened as one.
    """
    if movie.joined:
        raise InputError(
            "Recordings that are opened as one are checked one by one: open one of them, and copy there."
        )
    lines = [
        "from napari_calcdyn.jobs import run_check",
        "",
        f"movie = {movie.opened}",
        'run_check(movie, "check")',
    ]
    return Script(command_of("check", movie.paths, {"out": "check", **movie.options}), python_of(lines))


def run_script(movie: Source, model: Model, rois: Path | str, device: str) -> Script:
    """Repeat the training of the dynamics, their maps, and what drives which cell.

    Parameters
    ----------
    movie : Source
        The recording.
    model : Model
        The model.
    rois : Path or str
        Its ROIs, or `FOUND`.
    device : str
        Where it is trained.

    Returns
    -------
    Script
        ``calcdyn run``; without a command for recordings opened as one, but not all in the same way.
    """
    options = {
        "out": "results",
        **model.options,
        "rois": None if rois == FOUND else rois,
        "correct": movie.correct,
        "device": None if device == "auto" else device,
        "together": True if movie.joined else None,
        **movie.options,
    }
    lines = [
        *imported(model, *_CONFIG),
        "from napari_calcdyn.jobs import run",
        "",
        f"movie = {movie.opened}",
        f"model = {model.python('VARAutoencoder')}",
        call("run", Name("movie"), "results", Name("model"), **_named(movie, rois, device)),
    ]
    return Script(command_of("run", movie.paths, options) if movie.takes_command else "", python_of(lines))


def influence_script(movie: Source, model: Model, rois: Path | str) -> Script:
    """Repeat the test of connections between ROIs.

    Parameters
    ----------
    movie : Source
        The recording.
    model : Model
        Its order counts, and what was corrected in its recording.
    rois : Path or str
        The ROIs, or `FOUND`.

    Returns
    -------
    Script
        ``calcdyn influence``; without a command for a recording of several files, which it does not take.
    """
    settings = model
    if model.folder is None:  # of which the order counts
        settings = Model(model.settings.preset("standard", order=model.settings.model_dump()["order"]))
    options = {
        "rois": rois,
        "out": "influence",
        **settings.options,
        "correct": movie.correct,
        **movie.options,
    }
    named = {} if movie.correct is None else {"correct": movie.correct}
    lines = [
        *imported(settings, *_CONFIG),
        "from napari_calcdyn.jobs import run_influence",
        "",
        f"movie = {movie.opened}",
        f"rois = {opened_rois(rois)}",
        f"model = {settings.python('VARAutoencoder')}",
        call("run_influence", Name("movie"), Name("rois"), "influence", Name("model"), **named),
    ]
    command = command_of("influence", movie.paths, options) if len(movie.paths) == 1 else ""
    return Script(command, python_of(lines))


def compare_script(
    movies: Sequence[Source],
    a: Sequence[range],
    b: Sequence[range],
    model: Model,
    rois: Path | str | None,
    permutations: int,
    block: int | str,
) -> Script:
    """Repeat a comparison.

    Parameters
    ----------
    movies : sequence of Source
        One recording, or two.
    a, b : sequence of range
        Frames.
    model : Model
        The model; of two recordings, it has to be saved.
    rois : Path, str or None
        ROIs whose activities are compared, or `FOUND`; None compares latents.
    permutations : int
        Number of draws.
    block : int or "auto"
        Frames in a block.

    Returns
    -------
    Script
        ``calcdyn compare``; without a command where a recording is in several files, each of which it would take for a
        recording, or where two are not opened in the same way.
    """
    paths = [path for movie in movies for path in movie.paths]
    options = {
        "out": "comparison",
        "a": format_ranges(a).replace(", ", ","),
        "b": format_ranges(b).replace(", ", ","),
        "rois": rois,
        **model.options,
        "correct": movies[0].correct,
        "permutations": None if permutations == 999 else permutations,
        "block": None if block == "auto" else block,
        **movies[0].options,
    }
    named: dict[str, Any] = {"permutations": permutations, "block": block}
    if rois is not None:
        named["rois"] = FOUND if rois == FOUND else Name("rois")
    if movies[0].correct is not None:
        named["correct"] = movies[0].correct
    lines = [
        *imported(model, *_CONFIG),
        "from napari_calcdyn.jobs import run_compare",
        "",
        f"movies = [{', '.join(movie.opened for movie in movies)}]",
        *([f"rois = {opened_rois(rois)}"] if rois is not None and rois != FOUND else []),
        f"model = {model.python('VARAutoencoder')}",
        f"a, b = {list(a)!r}, {list(b)!r}",
        call("run_compare", *map(Name, ("movies", "a", "b")), "comparison", Name("model"), **named),
    ]
    alike = all(len(it.paths) == 1 and it.options == movies[0].options for it in movies)
    return Script(command_of("compare", paths, options) if alike else "", python_of(lines))


def _named(movie: Source, rois: Path | str, device: str) -> dict[str, Any]:
    """Return the arguments of `run` that are not as by default."""
    named: dict[str, Any] = {} if rois == FOUND else {"rois": Name(opened_rois(rois))}
    if movie.correct is not None:
        named["correct"] = movie.correct
    return named if device == "auto" else {**named, "device": device}
