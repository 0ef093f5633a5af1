"""What a session keeps of the panels: which are open, and what their settings are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari_calcdyn.gui.background.status import Topic
from napari_calcdyn.gui.docks.layout import open_panels, show_panels
from napari_calcdyn.gui.forms.values import show_values, values_of
from napari_calcdyn.jobs.saved.contents import Kept, Saved
from napari_calcdyn.recording import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening


def keep(session: Session, folder: Path) -> Kept:
    """Keep what each panel says of itself."""
    panels = [
        {**about, "settings": values_of(dock.settings())}
        for about, dock in zip(open_panels(session), session.panels, strict=True)
    ]
    return Kept({"panels": panels})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Open the panels that were open, with their settings."""
    kept = [it for it in saved.values.get("panels", ()) if isinstance(it, dict)]
    if any(it.get("topic") not in get_args(Topic) or not isinstance(it.get("settings"), dict) for it in kept):
        raise InputError("The session names a panel that this version does not have: update napari-calcdyn.")

    def show() -> None:
        show_panels(session, kept)
        settings = {it["topic"]: it["settings"] for it in kept}
        for dock in session.panels:
            show_values(dock.settings(), settings.get(dock.topic, {}))

    return show
