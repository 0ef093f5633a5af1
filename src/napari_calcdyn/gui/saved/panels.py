"""What a session keeps of the panels: which are open, and what their settings are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QDockWidget

from napari_calcdyn.gui.background.status import Topic
from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.panels import panel_class, panel_name
from napari_calcdyn.gui.forms.values import show_values, values_of
from napari_calcdyn.jobs.saved.contents import Kept, Saved
from napari_calcdyn.recording import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.docks.dock import Dock
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening


def keep(session: Session, folder: Path) -> Kept:
    """Keep what each panel says of itself."""
    panels = [
        {
            "topic": dock.topic,
            "settings": values_of(dock.settings()),
            "front": in_front(dock),
            "hidden": _frame(dock).isHidden(),
        }
        for dock in session.panels
    ]
    return Kept({"panels": panels})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Open the panels that were open, with their settings."""
    kept = [it for it in saved.values.get("panels", ()) if isinstance(it, dict)]
    if any(it.get("topic") not in get_args(Topic) or not isinstance(it.get("settings"), dict) for it in kept):
        raise InputError("The session names a panel that this version does not have: update napari-calcdyn.")

    def show() -> None:
        there = {dock.topic: dock for dock in session.panels}
        for it in kept:
            dock = there.get(it["topic"]) or _opened(session, it["topic"])
            if dock is not None:
                there[it["topic"]] = dock
                show_values(dock.settings(), it["settings"])
        for it in kept:
            frame = _frame(there[it["topic"]]) if it["topic"] in there else None
            if frame is not None:
                frame.setVisible(not it.get("hidden"))
                if it.get("front"):  # once the window has laid its tabs out, which raises the last one
                    QTimer.singleShot(0, frame.raise_)

    return show


def _opened(session: Session, topic: str) -> Dock | None:
    viewer = session.viewer
    if viewer is None:
        return None
    kind = panel_class(topic)
    dock = kind(viewer)
    viewer.window.add_dock_widget(dock, name=panel_name(topic), area=kind.area, tabify=kind.area == "right")
    return dock


def _frame(dock: Dock) -> Any:
    """Return what napari put around a panel, or the panel itself where it is alone."""
    frame = dock.parentWidget()
    return frame if isinstance(frame, QDockWidget) else dock
