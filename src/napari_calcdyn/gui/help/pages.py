"""Where the pages are: in the package where it was installed, else in the repository that it is run from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_calcdyn.gui.background.status import Topic

CONTENTS, SHORTCUTS = "index.md", "shortcuts.md"
PANEL_PAGES: Mapping[Topic, str] = {
    "recording": "recording.md#what-the-panel-finds",
    "dynamics": "first_recording.md#3-train",
    "neurons": "neurons.md",
    "inspector": "inspector.md",
    "compare": "compare_dock.md",
    "traces": "traces.md#the-panel-traces",
    "behaviour": "behaviour.md",
}
"""The page of each panel, and the section of it that is about the panel."""

_ONLINE = "https://github.com/napari-calcdyn/napari-calcdyn/blob/main/"


def pages_root() -> Path:
    """Return the folder that has ``docs`` in it, as the repository has."""
    here = Path(__file__).resolve()
    installed = here.with_name("pages")
    return installed if installed.is_dir() else here.parents[4]


def page_file(name: str) -> Path:
    """Return where a page or a picture is, by its name in ``docs``."""
    return pages_root() / "docs" / name


def online(path: Path) -> str:
    """Return the address of a file that did not come with the package."""
    place = path.resolve()
    root = pages_root().resolve()
    return _ONLINE + (place.relative_to(root).as_posix() if place.is_relative_to(root) else "")
