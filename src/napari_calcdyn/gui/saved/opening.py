"""Opening a session, or results of the command line as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtWidgets import QFileDialog

from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.opening import MovieMovedError, Opening
from napari_calcdyn.jobs.saved.contents import Saved
from napari_calcdyn.jobs.saved.result_session import holds_results, results_as_session
from napari_calcdyn.jobs.saved.session_folder import is_session, read_session
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.errors import Cancelled

from .rooms import rooms
from .saving import OPENING, SavedSession

if TYPE_CHECKING:
    from napari_calcdyn.recording import ProgressCallback

_BEING_SAVED = "The session in this window is being saved: open another one after that."


class _Found(NamedTuple):
    """What was read: what shows it, and the folders that it came from by ``room-part``."""

    shows: list[Callable[[], object]]
    parts: dict[str, str]


def opens_as_session(folder: Path) -> bool:
    """Whether a folder holds a session, or results of the command line."""
    return is_session(folder) or holds_results(folder)


def open_session(session: Session, folder: Path, moved: dict[str, Path] | None = None) -> bool:
    """Open a session in the background, in place of what is in the window; returns whether it was started.

    Parameters
    ----------
    session : Session
        Whose viewer shows it.
    folder : Path
        Of a session, or of results that the command line wrote.
    moved : dict of str to Path, optional
        Where recordings are now, by the names that they have in the session.
    """
    moved = {} if moved is None else moved
    if session.part(SavedSession).saving:
        session.work.tell("recording", _BEING_SAVED, True)
        return False

    def compute(progress: ProgressCallback) -> _Found | MovieMovedError:
        try:
            return _read(session, folder, moved, progress)
        except MovieMovedError as error:
            return error

    def done(found: _Found | MovieMovedError) -> None:
        if isinstance(found, MovieMovedError):
            _ask(session, folder, moved, found)
            return
        session.part(SavedSession).take(None, {})  # what is shown now is not saved over it half-way
        clear(session)
        for show in found.shows:
            show()
        session.part(SavedSession).take(folder.absolute() if is_session(folder) else None, found.parts)

    return session.work.start("recording", OPENING, compute, done)


def clear(session: Session) -> None:
    """Empty the window: layers, models and answers; panels stay."""
    viewer, work = session.viewer, session.work
    work.stop_check()
    session.recording.layer = None
    session.recording.take(None)
    session.dynamics.maps = session.dynamics.chosen = session.dynamics.path = None
    session.dynamics.model, session.dynamics.var, session.dynamics.history = None, None, ()
    session.answers.between = session.answers.influence = session.answers.comparison = None
    neurons, rois = session.neurons, session.rois
    neurons.result = neurons.shown_traces = neurons.mapped_with = neurons.model = None
    neurons.fluorescence = neurons.traces = None
    neurons.columns, neurons.history = {}, ()
    rois.loaded = rois.path = None
    rois.selected = rois.pinned = ()
    if viewer is not None:
        viewer.layers.clear()
    work.notice = None


def _read(session: Session, folder: Path, moved: dict[str, Path], progress: ProgressCallback) -> _Found:
    """Read all of it before anything is shown."""
    results = not is_session(folder) and holds_results(folder)
    saved = results_as_session(folder) if results else read_session(folder)
    opening = Opening(folder, progress, dict(moved))
    shows, names = [], rooms()
    for number, (name, room) in enumerate(names.items()):
        if progress(number, len(names)):
            raise Cancelled
        try:
            shows.append(room.bring_back(session, saved.get(name, Saved()), opening))
        except (InputError, Cancelled):
            raise
        except Exception as error:  # whatever a value that is not as it was written raises
            raise InputError(f"The session {folder} is damaged ({name}): choose another one.") from error
    parts = {f"{room}-{part}": place.name for room, it in saved.items() for part, place in it.parts.items()}
    return _Found(shows, parts)


def _ask(session: Session, folder: Path, moved: dict[str, Path], missing: MovieMovedError) -> None:
    """Ask where a recording is, and open the session with it."""
    viewer = session.viewer
    session.work.tell("recording", str(missing))
    if viewer is None:
        return
    name, _ = QFileDialog.getOpenFileName(
        viewer.window._qt_window, f"Where is {missing.name} now?", str(folder.parent)
    )
    if name:
        open_session(session, folder, moved | {missing.name: Path(name)})
