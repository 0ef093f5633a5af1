"""Copying and exporting what the Inspector shows."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from qtpy.QtWidgets import QApplication, QMenu, QPushButton

from napari_calcdyn.gui.docks.saving import ask_file
from napari_calcdyn.recording.errors import InputError

from .arrows import page as arrows_page
from .files import as_text, picture, trace_table, write_picture, write_table
from .rankings import frame_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording.progress import ProgressCallback

    from .arrows.page import ArrowsPage
    from .inspection import Inspection
    from .plot import InspectorPlot
    from .sources_page import SourcesPage

Rows = list[list[object]]


class Shown(Protocol):
    """What the Inspector shows, and how it was found."""

    session: Session
    inspection: Inspection
    traces: InspectorPlot
    sources: SourcesPage
    arrows: ArrowsPage


def trace_rows(dock: Shown) -> Rows:
    """Return the traces that are drawn, as a table with a row for each frame."""
    prepared, shown = dock.inspection.prepared, dock.traces.shown
    return trace_table(shown, None if prepared is None else frame_rate(prepared))


def source_rows(dock: Shown) -> Rows:
    """Return the sources of the current region, as a table."""
    return dock.sources.rows()


def arrow_rows(dock: Shown) -> Rows:
    """Return the arrows that are shown, as a table."""
    return [list(arrows_page.COLUMNS), *dock.arrows.rows()]


_TABLES: dict[str, Callable[[Shown], Rows]] = {
    "Traces": trace_rows,
    "Sources": source_rows,
    "Arrows": arrow_rows,
}


class _ShownMenu(QPushButton):  # type: ignore[misc]
    """A button with a menu.

    Parameters
    ----------
    title, tooltip : str
        Of the button.
    dock : Shown
        Which shows what the menu is about; held weakly, as a cycle of widgets is taken apart in the wrong order.
    """

    def __init__(self, title: str, tooltip: str, dock: Shown) -> None:
        super().__init__(title)
        self._reference = weakref.ref(dock)
        self.setToolTip(f"<qt>{tooltip}</qt>")
        self.setMenu(QMenu(self))

    @property
    def _dock(self) -> Shown:
        dock = self._reference()
        assert dock is not None  # a button is pressed in a dock that is there
        return dock


class CopyMenu(_ShownMenu):
    """Puts what a dock shows on the clipboard."""

    def __init__(self, dock: Shown) -> None:
        tooltip = "To the clipboard: tables for a spreadsheet, or the plot as a picture."
        super().__init__("Copy", tooltip, dock)
        menu = self.menu()
        for name, rows in _TABLES.items():
            menu.addAction(name).triggered.connect(lambda _=False, rows=rows: self._copy(rows))
        menu.addAction("Picture of the plot").triggered.connect(self._copy_picture)

    def _copy(self, rows: Callable[[Shown], Rows]) -> None:
        QApplication.clipboard().setText(as_text(rows(self._dock)))

    def _copy_picture(self) -> None:
        QApplication.clipboard().setImage(picture(self._dock.traces.plot))


class ExportMenu(_ShownMenu):
    """Writes what a dock shows into files."""

    def __init__(self, dock: Shown) -> None:
        tooltip = "Tables as CSV, the plot as PNG or SVG, and the arrows between all ROIs."
        super().__init__("Export", tooltip, dock)
        menu = self.menu()
        for name, rows in _TABLES.items():
            menu.addAction(f"{name} …").triggered.connect(
                lambda _=False, name=name, rows=rows: self._ask_table(name, rows)
            )
        menu.addSeparator()
        menu.addAction("Plot …").triggered.connect(self._ask_picture)
        menu.addSeparator()
        menu.addAction("Arrows between all ROIs …").triggered.connect(self._ask_graph)

    def _ask_table(self, name: str, rows: Callable[[Shown], Rows]) -> None:
        path = self._ask(f"Export {name.lower()}", name.lower(), ("csv",))
        if path is not None:
            self._write(path, lambda: write_table(path, rows(self._dock)))

    def _ask_picture(self) -> None:
        path = self._ask("Export the plot", "traces", ("png", "svg"))
        if path is not None:
            self._write(path, lambda: write_picture(path, self._dock.traces.plot))

    def _ask_graph(self) -> None:
        """Write the graph of all ROIs in the background: it may have a million edges."""
        session = self._dock.session
        influence, alpha = session.answers.influence, self._dock.arrows.alpha
        if influence is None:
            session.work.tell(
                "inspector", "There are no arrows yet: open ROIs first, in the Neurons panel.", True
            )
            return
        path = self._ask("Export the arrows between all ROIs", "influence", ("graphml", "csv"))
        if path is None:
            return

        def compute(progress: ProgressCallback) -> None:
            write = influence.write_graphml if path.suffix.lower() == ".graphml" else influence.write_csv
            write(path, alpha=alpha)

        def done(_: None) -> None:
            session.work.tell("inspector", f"Written to {path}.")

        session.work.start("inspector", f"Writing {path.name}", compute, done)

    def _ask(self, title: str, name: str, endings: Sequence[str]) -> Path | None:
        region = self._dock.inspection.region
        start = name if region is None else f"{name} of {region.name}"
        return ask_file(self, self._dock.session, "inspector", title, start.replace(" ", "_"), endings)

    def _write(self, path: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except InputError as error:
            self._dock.session.work.tell("inspector", str(error), True)
        else:
            self._dock.session.work.tell("inspector", f"Written to {path}.")
