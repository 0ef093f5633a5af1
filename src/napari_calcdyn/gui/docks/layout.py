"""Which panels are open and where: for a session on disk, and for the next start of the window."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from qtpy.QtCore import QByteArray, QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow

from napari_calcdyn.gui.background.status import Topic

from .fronts import in_front
from .panels import add_panel, frame_of
from .remembered import remember, remembered

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session

_KEY = "window"


def open_panels(session: Session) -> list[dict[str, Any]]:
    """Return the panels that are open, as JSON can hold it: which, whether in front, whether hidden."""
    return [
        {"topic": dock.topic, "front": in_front(dock), "hidden": frame_of(dock).isHidden()}
        for dock in session.panels
    ]


def show_panels(session: Session, kept: Sequence[dict[str, Any]], *, stay: bool = False) -> None:
    """Open panels that are not open yet, and hide and raise them as they were.

    Parameters
    ----------
    session : Session
        Of the viewer.
    kept : sequence of dict
        Of `open_panels`.
    stay : bool
        Whether something else puts new ones in their places.
    """
    there = {dock.topic: dock for dock in session.panels}
    for it in kept:  # all of them first: the last one that is made comes to the front
        made = None if it["topic"] in there else add_panel(session, it["topic"], stay=stay)
        there |= {} if made is None else {it["topic"]: made}
    for it in kept:
        if it["topic"] not in there:
            continue
        frame = frame_of(there[it["topic"]])
        frame.setVisible(not it.get("hidden"))
        if it.get("front"):  # once the window has laid its tabs out, which raises the last one
            QTimer.singleShot(0, frame.raise_)


def keep_layout(session: Session, window: QMainWindow) -> None:
    """Remember panels and places of a window whenever it is about to close."""
    _AtClose(session, window)


def layout_comes_back(session: Session, window: QMainWindow) -> bool:
    """Open the panels of the last window in their places; returns whether there were any.

    Parameters
    ----------
    session : Session
        Of the viewer.
    window : QMainWindow
        Its window, which is shown.
    """
    said = remembered(_KEY)
    kept = said.get("panels")
    kept = [it for it in kept if isinstance(it, dict)] if isinstance(kept, list) else []
    kept = [it for it in kept if it.get("topic") in get_args(Topic)]
    if not kept:
        return False
    show_panels(session, kept, stay=True)
    try:
        state = base64.b64decode(str(said.get("state", "")), validate=True)
    except (binascii.Error, ValueError):
        return True

    def place() -> None:
        window.restoreState(QByteArray(state))
        show_panels(session, kept)  # Qt puts the last tab of a place in front

    QTimer.singleShot(0, place)  # Qt crashes where they move while they are being shown
    return True


class _AtClose(QObject):  # type: ignore[misc]
    """Looks at a window when it is asked to close: before napari docks what floats, and takes panels out."""

    def __init__(self, session: Session, window: QMainWindow) -> None:
        super().__init__(window)
        self._session = session
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Close:
            state = base64.b64encode(watched.saveState().data()).decode("ascii")
            remember(_KEY, {"panels": open_panels(self._session), "state": state})
        return False
