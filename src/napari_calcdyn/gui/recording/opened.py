"""How a recording was opened: which part of a file, kept with its layer and remembered for its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from napari.layers import Image

from napari_calcdyn.gui.opening import folders
from napari_calcdyn.gui.opening.folders import OpenedPath
from napari_calcdyn.recording import Movie, MovieInfo
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.recording.movies.readers.array_stack import ArrayInfo

OPENED = "napari-calcdyn movie"  # metadata key of a layer that shows a movie we opened


@dataclass(frozen=True)
class Choice:
    """Which part of a file is the movie; None where the file says it, or it must be asked."""

    channel: int | None = None
    plane: int | None = None
    dataset: str | None = None
    axes: str | None = None


@dataclass(frozen=True)
class Opened:
    """What a layer that we opened shows: kept in the layer's metadata."""

    movie: Movie
    path: OpenedPath
    info: MovieInfo
    choice: Choice
    arrays: tuple[ArrayInfo, ...] = ()  # of the file, one of which it is
    question: str = ""  # what should be looked at, as it was neither said nor is it known
    # The recordings that it was made of, and how they are corrected.
    joined: tuple[tuple[Opened, Corrections], ...] = ()


@dataclass(frozen=True)
class Question:
    """What the user must say before a file can be opened."""

    path: OpenedPath
    text: str
    choice: Choice
    arrays: tuple[ArrayInfo, ...] = ()
    about_axes: bool = False


def opened_by_us(layer: Image | None) -> Opened | None:
    """Return how a layer's movie was opened, or None where it came another way."""
    opened = layer.metadata.get(OPENED) if layer is not None else None
    return opened if isinstance(opened, Opened) else None


def places_of(movie: Movie, layer: Image) -> list[Path]:
    """Return the files or folders that the recording in a layer was opened from; empty where it is in none."""
    opened = opened_by_us(layer)
    if opened is not None:
        return places_of_opened(opened)
    return _absolute(movie.path if movie.files else [])


def places_of_opened(opened: Opened) -> list[Path]:
    """Return the files or folders that a recording was opened from."""
    return _absolute(opened.path)


def _absolute(given: OpenedPath | None) -> list[Path]:
    paths = [] if given is None else given if isinstance(given, list) else [given]
    return [Path(it).expanduser().absolute() for it in paths]


def remember(path: OpenedPath, choice: Choice) -> None:
    """Keep what was chosen for the files of a folder, for the next one of them."""
    folders.remember(path, asdict(choice))


def remembered(path: OpenedPath) -> Choice:
    """Return what was chosen for the files of a folder before; it need not fit this file."""
    said = folders.remembered(path)
    number = {key: said[key] for key in ("channel", "plane") if isinstance(said.get(key), int)}
    text = {key: said[key] for key in ("dataset", "axes") if isinstance(said.get(key), str)}
    return Choice(**number, **text)
