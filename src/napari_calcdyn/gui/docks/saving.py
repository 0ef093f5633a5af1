"""Asking where to save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_calcdyn.gui.background.status import Topic

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session


def ask_file(
    parent: QWidget, session: Session, topic: Topic, title: str, name: str, endings: Sequence[str]
) -> Path | None:
    """Ask for a file to write, of a kind as ``"csv"``; None where the user thought better of it.

    One without such an ending gets the first; where that exists already, which the dialog could not ask about, the dock
    of the topic says so.
    """
    kinds = ";;".join(f"{ending.upper()} (*.{ending})" for ending in endings)
    chosen, kind = QFileDialog.getSaveFileName(parent, title, f"{name}.{endings[0]}", kinds)
    if not chosen:
        return None
    path = Path(chosen)
    if path.suffix.lower().lstrip(".") in endings:
        return path
    wanted = next((ending for ending in endings if f"*.{ending})" in kind), endings[0])
    path = path.with_name(f"{path.name}.{wanted}")
    if path.exists():
        session.work.tell(topic, f"{path} exists already: choose it, or another name.", True)
        return None
    return path
