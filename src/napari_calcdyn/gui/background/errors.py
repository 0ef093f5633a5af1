"""The last errors of this program, as a report shows them: where each was raised, and no name of a file."""

from __future__ import annotations

import sys
from collections import deque
from datetime import datetime
from types import TracebackType

from napari.utils.notifications import ErrorNotification, notification_manager

from .private import names_here, names_in, without_names

_MOST = 5
_DEEPEST = 40  # functions of a traceback that are listed
_last: deque[tuple[str, str]] = deque(maxlen=_MOST)


def note_error(error: BaseException | None) -> None:
    """Keep an error, unless it is like the one that was kept last; may be called in any thread."""
    if error is None:
        return
    text = described(error)
    if not _last or _last[-1][1] != text:
        _last.append((f"{datetime.now():%H:%M:%S}", text))


def note_handled() -> None:
    """Keep the error that is being handled, where one is."""
    note_error(sys.exc_info()[1])


def last_errors() -> list[str]:
    """Return the last errors, the oldest first."""
    return [f"{time} {text}" for time, text in _last]


def forget_errors() -> None:
    """Start anew."""
    _last.clear()


def described(error: BaseException) -> str:
    """Return an error and what it came from, with the functions that it went through by module and line."""
    names = {*names_here()}
    chain: list[BaseException] = []
    it: BaseException | None = error
    while it is not None and it not in chain:
        chain.append(it)
        names |= names_in(it.__traceback__, it)
        it = it.__cause__ or (None if it.__suppress_context__ else it.__context__)
    return "\nafter ".join(
        "\n".join([f"{type(it).__name__}: {without_names(str(it), names)}", *_places(it.__traceback__)])
        for it in chain
    )


def _places(traceback: TracebackType | None) -> list[str]:
    """Return the functions of a traceback; modules have names where files have paths."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__", "?")
        found.append(f"  {module}, line {traceback.tb_lineno}, in {frame.f_code.co_qualname}")
        traceback = traceback.tb_next
    return found[-_DEEPEST:]


def _on_notification(notification: object) -> None:
    if isinstance(notification, ErrorNotification):
        note_error(notification.exception)


notification_manager.notification_ready.connect(_on_notification)
