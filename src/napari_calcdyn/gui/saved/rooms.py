"""What keeps something in a session on disk: a room each, which says what it keeps and brings it back.

A room is a module with two functions. ``keep(session, folder)`` returns a `Kept`, on the GUI thread, and computes
nothing; the parts of it are written in the background. ``bring_back(session, saved, opening)`` reads in the background
what the room finds in a session that is opened, and returns what shows it, which is called on the GUI thread once all
rooms have read theirs: a damaged session changes nothing in the window.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_calcdyn.jobs.saved.contents import Kept, Saved

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening

# Each builds on those before it; they know each other only by what is in an `Opening`.
_ROOMS = {
    "recording": "recording.kept",
    "behaviour": "behaviour.kept",
    "neurons": "neurons.kept",
    "dynamics": "dynamics.kept",
    "inspector": "inspector.kept",
    "compare": "compare.kept",
    "layers": "saved.layers",
    "panels": "saved.panels",
}


class Room(Protocol):
    """A module that keeps something in a session."""

    def keep(self, session: Session, folder: Path) -> Kept:
        """Say what is to be kept in a folder, or raise InputError where it cannot be; on the GUI thread."""

    def bring_back(self, session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
        """Read it, off the GUI thread, and return what shows it."""


def rooms() -> dict[str, Room]:
    """Return the rooms by name, in the order in which they bring back what they kept; imported when asked for."""
    found: dict[str, Any] = {
        name: import_module(f"napari_calcdyn.gui.{module}") for name, module in _ROOMS.items()
    }
    return found
