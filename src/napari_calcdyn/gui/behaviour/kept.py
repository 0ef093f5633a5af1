"""What a session keeps of the behaviour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved
from napari_calcdyn.recording import Behaviour, InputError
from napari_calcdyn.recording.packed import load_object, save_object

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening

_FILE = "behaviour.npz"


def keep(session: Session, folder: Path) -> Kept:
    """Keep the columns, which may have come from a file that is changed later."""
    behaviour = session.recording.behaviour
    if behaviour is None:
        return Kept()
    path = session.recording.behaviour_path
    values = {"path": None if path is None else str(path)}
    return Kept(values, {"table": Part((behaviour,), lambda place, _: save_object(place / _FILE, behaviour))})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read them, and see whether they are of the recording."""
    place, movie = saved.parts.get("table"), opening.movie
    if place is None:
        return lambda: None
    behaviour = load_object(place / _FILE, Behaviour)
    if movie is None or any(it.shape != (movie.n_frames,) for it in behaviour.columns.values()):
        raise InputError("The behaviour in the session is not of its recording: save the session again.")

    path = saved.values.get("path")

    def show() -> None:
        session.recording.behaviour_path = None if path is None else Path(path)
        session.recording.behaviour = behaviour

    return show
