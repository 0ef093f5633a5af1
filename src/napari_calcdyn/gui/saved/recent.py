"""The sessions that were saved or opened last."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings

_MOST = 8
_KEY = "recent"


def recent_sessions() -> list[Path]:
    """Return the folders of those that are still there, the last one first."""
    return [place for place in map(Path, _kept()) if place.is_dir()]


def remember_session(folder: Path) -> None:
    """Put a session first."""
    name = str(folder.absolute())
    _settings().setValue(_KEY, [name, *(it for it in _kept() if it != name)][:_MOST])


def _kept() -> list[str]:
    value = _settings().value(_KEY, [])
    return [str(it) for it in value] if isinstance(value, list) else [str(value)] if value else []


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "sessions")
