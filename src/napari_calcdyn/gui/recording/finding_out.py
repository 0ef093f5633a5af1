"""Finding out what a file holds, before it is shown or asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_calcdyn.gui.opening.folders import OpenedPath
from napari_calcdyn.recording import MovieInfo, inspect_movie, open_movie
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.axes import AxesUnknown
from napari_calcdyn.recording.movies.reading import arrays_in

from .opened import Choice, Opened, Question, remembered


def find_out(path: OpenedPath, choice: Choice | None = None) -> Opened | Question:
    """Open a movie, or say what is to be asked first.

    Parameters
    ----------
    path : str, Path or list of them
        As for `open_movie`.
    choice : Choice, optional
        Which part of the file; what was chosen in its folder before, if nothing is said.

    Returns
    -------
    Opened or Question
        The movie; it has a `question` of its own where something was guessed. No pixels were read.

    Raises
    ------
    InputError
        If it cannot be opened, whatever is chosen.
    """
    arrays = arrays_in(path)
    names = [it.name for it in arrays]
    said = choice or remembered(path)
    if choice is None and said.dataset is not None:
        known = said.dataset if said.dataset in names else None
        said = replace(said, dataset=known, axes=said.axes if known else None)
    if len(arrays) > 1 and said.dataset is None:
        file = Path(path[0] if isinstance(path, list) else path).name
        text = f"{file} holds {len(arrays)} arrays that may be the movie: choose the data set."
        return Question(path, text, said, arrays)
    try:
        info = inspect_movie(path, dataset=said.dataset, axes=said.axes)
    except InputError as error:
        if choice is None and said.axes is not None:  # remembered of another file, which this one is not like
            return find_out(path, replace(said, axes=None))
        if not isinstance(error, AxesUnknown):
            raise
        return Question(path, str(error), replace(said, axes=said.axes or error.guess), arrays, True)
    axes = info.axes if info.unsure else said.axes
    channel, plane = (
        min(number or 0, count - 1)
        for number, count in ((said.channel, info.channels), (said.plane, info.planes))
    )
    movie = open_movie(
        path,
        channel=channel,
        plane=plane,
        dataset=said.dataset,
        axes=axes,
    )
    question = "" if choice is not None else _question(info, said)
    return Opened(movie, path, info, Choice(channel, plane, said.dataset, axes), arrays, question)


def _question(info: MovieInfo, said: Choice) -> str:
    """Return what should be looked at, where neither the file nor the user has said it."""
    several = [
        f"{number} {what}s"
        for what, number, chosen in (
            ("channel", info.channels, said.channel),
            ("plane", info.planes, said.plane),
        )
        if number > 1 and chosen is None
    ]
    if several:
        return f"{info.name} has {' and '.join(several)}: choose the one that is the movie."
    if info.unsure:
        return (
            f"The frames of {info.name} seem to lie along the last axis: change the axes if it looks wrong."
        )
    return ""
