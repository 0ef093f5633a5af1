"""How a recording was opened: which part of a file, kept with its layer and remembered for its folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QSettings

from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.session import SessionPart
from napari_calcdyn.recording import Movie, MovieInfo
from napari_calcdyn.recording.movies.readers.array_stack import ArrayInfo

OPENED = "napari-calcdyn movie"  # metadata key of a layer that shows a movie we opened

OpenedPath = str | Path | list[Path]


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


@dataclass(frozen=True)
class Question:
    """What the user must say before a file can be opened."""

    path: OpenedPath
    text: str
    choice: Choice
    arrays: tuple[ArrayInfo, ...] = ()
    about_axes: bool = False


class Asking(SessionPart):
    """The question about a file that cannot be opened before it is answered.

    Parameters
    ----------
    session : Session
        That keeps it.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.question: Question | None = None

    def ask(self, question: Question | None) -> None:
        """Ask something else, or nothing."""
        if question is not self.question:
            self.question = question
            self.changed.emit()


def opened_by_us(layer: Image | None) -> Opened | None:
    """Return how a layer's movie was opened, or None where it came another way."""
    opened = layer.metadata.get(OPENED) if layer is not None else None
    return opened if isinstance(opened, Opened) else None


def remember(path: OpenedPath, choice: Choice) -> None:
    """Keep what was chosen for the files of a folder, for the next one of them."""
    said = {key: value for key, value in asdict(choice).items() if value is not None}
    if said or remembered(path) != Choice():
        _settings().setValue(_key(path), json.dumps(said))


def remembered(path: OpenedPath) -> Choice:
    """Return what was chosen for the files of a folder before; it need not fit this file."""
    try:
        said = json.loads(str(_settings().value(_key(path), "{}")))
        number = {key: said[key] for key in ("channel", "plane") if isinstance(said.get(key), int)}
        text = {key: said[key] for key in ("dataset", "axes") if isinstance(said.get(key), str)}
    except (ValueError, AttributeError):  # a file that somebody edited
        return Choice()
    return Choice(**number, **text)


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "folders")


def _key(path: OpenedPath) -> str:
    first = Path(path[0] if isinstance(path, list) else path).expanduser().absolute()
    folder = first if first.is_dir() else first.parent
    return hashlib.sha256(str(folder).encode(errors="replace")).hexdigest()[:32]
