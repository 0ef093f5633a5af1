"""What panels and their window were like when they were last closed, for the next start."""

from __future__ import annotations

import json
from typing import Any

from qtpy.QtCore import QSettings


def remembered(what: str) -> dict[str, Any]:
    """Return what was kept under a name; nothing where there is none, or somebody damaged the file."""
    try:
        said = json.loads(str(_settings().value(what, "{}")))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def remember(what: str, said: dict[str, Any]) -> None:
    """Keep something under a name."""
    if said != remembered(what):
        _settings().setValue(what, json.dumps(said))


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "panels")
