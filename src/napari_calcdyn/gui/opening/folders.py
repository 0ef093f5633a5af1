"""What was chosen for the files of a folder, remembered for the next one of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSettings

OpenedPath = str | Path | list[Path]

_EXCHANGED = "exchanged"


def remembered(path: OpenedPath) -> dict[str, Any]:
    """Return what was chosen in the folder of a file before, by name; it need not fit this file."""
    try:
        said = json.loads(str(_settings().value(_key(path), "{}")))
    except ValueError:  # a file that somebody edited
        return {}
    return said if isinstance(said, dict) else {}


def remember(path: OpenedPath, said: dict[str, Any]) -> None:
    """Keep what was chosen in the folder of a file; None forgets a choice, and what is not named stays."""
    before = remembered(path)
    now = {key: value for key, value in (before | said).items() if value is not None}
    if now != before:
        _settings().setValue(_key(path), json.dumps(now))


def was_exchanged(path: Path) -> bool:
    """Whether y and x of ROIs in such a file of its folder were exchanged when one was opened before."""
    kinds = remembered(path).get(_EXCHANGED)
    return isinstance(kinds, list) and _kind(path) in kinds


def remember_exchanged(path: Path, exchanged: bool) -> None:
    """Keep for the files of this kind in a folder whether y and x of their ROIs are exchanged."""
    kinds = remembered(path).get(_EXCHANGED)
    others = [kind for kind in kinds if kind != _kind(path)] if isinstance(kinds, list) else []
    remember(path, {_EXCHANGED: [*others, _kind(path)] if exchanged else others or None})


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else path.suffix.lower()


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-calcdyn", "folders")


def _key(path: OpenedPath) -> str:
    first = Path(path[0] if isinstance(path, list) else path).expanduser().absolute()
    folder = first if first.is_dir() else first.parent
    return hashlib.sha256(str(folder).encode(errors="replace")).hexdigest()[:32]
