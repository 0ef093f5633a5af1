"""Keys for the daily steps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from napari._app_model import get_app_model
from napari.settings import get_settings
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.docks.keys import DAILY_KEYS, _Shortcut, panel_in_front
from napari_calcdyn.gui.docks.panels import frame_of
from napari_calcdyn.gui.help.pages import PANEL_PAGES, SHORTCUTS, page_file
from napari_calcdyn.gui.help.window import help_window
from napari_calcdyn.gui.inspector.roi_keys import NEXT, PIN, PREVIOUS
from napari_calcdyn.gui.saved import menu
from napari_calcdyn.gui.session import session_of

OURS = {it.key: it for it in DAILY_KEYS}


def normal(key: object) -> str:
    return QKeySequence(str(key)).toString()


def test_no_key_of_napari_is_used(viewer: Any) -> None:
    names = (
        "Copy",
        "Paste",
        "Cut",
        "Undo",
        "Redo",
        "Find",
        "SelectAll",
        "Quit",
        "Close",
        "FullScreen",
        "Save",
    )
    standard = [
        key for name in names for key in QKeySequence.keyBindings(getattr(QKeySequence.StandardKey, name))
    ]
    theirs = {
        *(normal(key) for keys in default_shortcuts.values() for key in keys),
        *(normal(it.keybinding) for it in get_app_model().keybindings),
        *(key.toString() for key in standard),
    }
    assert {"Ctrl+Y", "Alt+S", "Ctrl+S", "Ctrl+Alt+S"} <= theirs
    ours = [*(normal(key) for key in OURS), PREVIOUS, NEXT, PIN]
    assert len(set(ours)) == len(ours)
    assert not theirs & set(ours)


def test_the_page_lists_every_key() -> None:
    page = page_file(SHORTCUTS).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", page, re.MULTILINE)
    assert rows[: len(OURS)] == [(it.key, it.words) for it in DAILY_KEYS]
    assert [key for key, _ in rows[len(OURS) :]] == [PREVIOUS, NEXT, PIN]
    assert [it.words.split()[-1].lower() for it in DAILY_KEYS[:7]] == list(PANEL_PAGES)


@pytest.fixture
def press(viewer: Any, qtbot: Any) -> Any:
    """Press keys as a user does who looks at the picture."""

    def press(key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        window = viewer.window._qt_window
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=3000)
        held = Qt.KeyboardModifier.NoModifier
        for it in modifiers:
            held |= it
        qtbot.keyClick(QApplication.focusWidget() or window, key, held)

    return press


def test_keys_open_panels_press_their_button_save_and_help(
    docks: Any, viewer: Any, press: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alt, ctrl = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
    session = session_of(viewer)
    qtbot.wait(100)
    assert len(viewer.window._qt_window.findChildren(_Shortcut)) == len(DAILY_KEYS)
    viewer.window._qt_viewer.canvas.native.setFocus()

    press(Qt.Key.Key_5, alt)
    qtbot.waitUntil(lambda: panel_in_front(session).topic == "compare", timeout=2000)
    press(Qt.Key.Key_7, alt)
    qtbot.waitUntil(lambda: "behaviour" in [it.topic for it in session.panels], timeout=2000)
    press(Qt.Key.Key_2, alt)
    qtbot.waitUntil(lambda: panel_in_front(session).topic == "dynamics", timeout=2000)

    press(Qt.Key.Key_F1)
    assert help_window(session).browser.source().fileName() == "first_recording.md"
    help_window(session).close()

    dynamics = panel_in_front(session)
    dynamics.model.form.editors["steps"].value = 5000
    press(Qt.Key.Key_Return, ctrl)
    assert session.work.doing
    assert dynamics.model.train.text() == "Stop"
    press(Qt.Key.Key_Return, ctrl)
    qtbot.waitUntil(lambda: session.work.job is None, timeout=20_000)

    saved: list[Any] = []
    monkeypatch.setattr(menu, "ask_name", lambda session, parent: saved.append(session))
    press(Qt.Key.Key_S, ctrl, Qt.KeyboardModifier.ShiftModifier)
    assert saved == [session]

    docks[0].parentWidget().setFloating(True)
    docks[0].look.setFocus()
    assert panel_in_front(session) in (dynamics, docks[0])
    for dock in session.panels:
        frame_of(dock).hide()
    assert panel_in_front(session) is None
    press(Qt.Key.Key_F1)
    assert help_window(session).browser.source().fileName() == "index.md"


def test_a_key_of_the_preferences_keeps_its_meaning(viewer: Any, add_dock: Any, qtbot: Any) -> None:
    from napari_calcdyn.gui.compare.dock import CompareDock

    shortcuts = get_settings().shortcuts
    shortcuts.shortcuts = {**shortcuts.shortcuts, "napari:reset_view": [QKeySequence("F1").toString()]}
    try:
        dock = add_dock(CompareDock, "Compare")
        qtbot.waitUntil(dock.isVisible, timeout=2000)
        bound = [it.key().toString() for it in viewer.window._qt_window.findChildren(_Shortcut)]
        assert "F1" not in bound
        assert "Alt+1" in bound
    finally:
        shortcuts.reset()
