"""What napari's menu File → IO Utilities offers: save a session, open one, or one of the last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.jobs.saved.session_folder import ENDING

from .opening import open_session
from .recent import recent_sessions
from .saving import SavedSession, named

if TYPE_CHECKING:
    from napari.viewer import Viewer

_NONE = "No session was saved or opened yet."


def save_session() -> None:
    """Save what is in the window under its name, or ask for one."""
    viewer = current_viewer()
    if viewer is not None and not session_of(viewer).part(SavedSession).save():
        ask_name(session_of(viewer), _window(viewer))


def save_session_as() -> None:
    """Save what is in the window under another name."""
    viewer = current_viewer()
    if viewer is not None:
        ask_name(session_of(viewer), _window(viewer))


def choose_session() -> None:
    """Ask for a session, and open it."""
    viewer = current_viewer()
    if viewer is not None:
        ask_session(session_of(viewer), _window(viewer))


def choose_recent() -> None:
    """Ask for one of the last sessions, and open it."""
    viewer = current_viewer()
    if viewer is None:
        return
    session, names = session_of(viewer), [str(it) for it in recent_sessions()]
    if not names:
        session.work.tell("recording", _NONE)
        return
    name, chosen = QInputDialog.getItem(_window(viewer), "Recent sessions", "Open", names, 0, False)
    if chosen:
        open_in_place(session, _window(viewer), Path(name))


def ask_name(session: Session, parent: QWidget) -> None:
    """Ask how a session is to be called, and save it."""
    movie, saved = session.recording.source, session.part(SavedSession)
    beside = movie.path.parent if movie is not None and movie.path is not None else Path()
    place = saved.folder or beside / f"{Path(movie.name).stem if movie is not None else 'session'}{ENDING}"
    name, _ = QFileDialog.getSaveFileName(parent, "Save the session: name its folder", str(place))
    if not name:
        return
    folder = named(Path(name))
    if folder == saved.folder or not folder.exists() or _may_replace(folder, parent):
        saved.save_as(folder)


def ask_session(session: Session, parent: QWidget) -> None:
    """Ask for a session or for results of the command line, and open it."""
    name = QFileDialog.getExistingDirectory(
        parent, f"Open a session (NAME{ENDING}) or results: choose its folder"
    )
    if name:
        open_in_place(session, parent, Path(name))


def open_in_place(session: Session, parent: QWidget, folder: Path) -> bool:
    """Open a session in place of what is in the window, after asking where that is not saved.

    Returns whether it is being opened.
    """
    viewer, saved = session.viewer, session.part(SavedSession)
    unsaved = viewer is not None and bool(len(viewer.layers)) and saved.folder is None
    if unsaved:
        button = QMessageBox.StandardButton
        text = "What is in this window is not saved. Open the session in its place?"
        answer = QMessageBox.question(parent, "Open a session", text, button.Open | button.Cancel)
        if answer != button.Open:
            return False
    return open_session(session, folder)


def _may_replace(folder: Path, parent: QWidget) -> bool:
    """Ask whether another session is replaced; the dialog before did not see the ending of its name."""
    button = QMessageBox.StandardButton
    text = f"{folder.name} is there already. Save this session in its place?"
    answer = QMessageBox.question(parent, "Save the session", text, button.Save | button.Cancel)
    return bool(answer == button.Save)


def _window(viewer: Viewer) -> QWidget:
    window: QWidget = viewer.window._qt_window
    return window
