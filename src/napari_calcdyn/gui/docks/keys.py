"""Keys for the daily steps, wherever the focus is in the window."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, get_args

from napari.settings import get_settings
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QMainWindow, QShortcut

from napari_calcdyn.gui.background.status import Topic
from napari_calcdyn.gui.help.pages import CONTENTS, PANEL_PAGES
from napari_calcdyn.gui.help.window import show_help

from .fronts import in_front
from .panels import open_panel

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session

    from .dock import Dock


class DailyKey(NamedTuple):
    """A key, what it does in words, and what does it."""

    key: str
    words: str
    act: Callable[[Session, QMainWindow], object]


def panel_in_front(session: Session) -> Dock | None:
    """Return the panel with the focus, else the one that can be seen beside the picture, else any that can be seen."""
    focus = QApplication.focusWidget()
    shown: list[Dock] = [it for it in session.panels if in_front(it)]
    inside = [it for it in shown if focus is not None and it.isAncestorOf(focus)]
    return next(iter([*inside, *(it for it in shown if it.area == "right"), *shown]), None)


def _press(session: Session, window: QMainWindow) -> None:
    panel = panel_in_front(session)
    main = panel.main_button() if panel is not None else None
    if main is not None:
        main.click()  # nothing where it is disabled


def _help(session: Session, window: QMainWindow) -> None:
    panel = panel_in_front(session)
    show_help(session, CONTENTS if panel is None else PANEL_PAGES[panel.topic])


def _save(session: Session, window: QMainWindow) -> None:
    # Imported when asked for, as docks are: sessions know the docks.
    import_module("napari_calcdyn.gui.saved.menu").save_session()


def _open(topic: str, session: Session, window: QMainWindow) -> None:
    open_panel(window, session, topic)


DAILY_KEYS = (
    *(
        DailyKey(f"Alt+{number}", f"open the panel {topic.capitalize()}", partial(_open, topic))
        for number, topic in enumerate(get_args(Topic), start=1)
    ),
    DailyKey("Ctrl+Return", "train, compare or test in the panel in front, or stop it", _press),
    DailyKey("Ctrl+Shift+S", "save the session", _save),
    DailyKey("F1", "read the page about the panel in front", _help),
)


def bind_keys(session: Session, window: QMainWindow) -> None:
    """Bind the keys in a window, once; one that napari's preferences give another meaning keeps that.

    Parameters
    ----------
    session : Session
        Of the viewer.
    window : QMainWindow
        Its window.
    """
    if window.findChild(_Shortcut) is not None:
        return
    taken = {str(key) for keys in get_settings().shortcuts.shortcuts.values() for key in keys}
    for it in DAILY_KEYS:
        if it.key not in taken:
            _Shortcut(it, session, window)


class _Shortcut(QShortcut):  # type: ignore[misc]
    """One of ours, by which a window is known whose keys are bound; it keeps neither window nor session alive."""

    def __init__(self, key: DailyKey, session: Session, window: QMainWindow) -> None:
        super().__init__(QKeySequence(key.key), window)
        self._act, self._session = key.act, weakref.ref(session)
        self.activated.connect(self._on_activated)

    def _on_activated(self) -> None:
        session = self._session()
        if session is not None:
            self._act(session, self.parent())
