"""The dock *Behaviour* below the picture: what the animal did, the movie's time in it, and what goes with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QWidget,
    QWidgetAction,
)
from superqt.utils import signals_blocked

from napari_calcdyn.analysis.behaviour.correlation import numeric_columns
from napari_calcdyn.gui.docks.bottom_dock import BottomDock
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.plots.trace_plot import RAW, Row, TracePlot

from .correlations import KINDS, Correlations
from .files import choose_behaviour, load_behaviour
from .goes_with import GoesWith
from .script import script_of

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script

MOST_CURVES = 8
_FIRST_CURVES = 4
_HINT = (
    "Open a CSV table of what the animal did, or drop it here: its first row names the columns, such as speed; below "
    "is one row for each frame, or any number of rows with a column <b>time</b> in seconds."
)


class BehaviourDock(BottomDock):
    """Columns of the behaviour over the movie's time, and the ROIs and sources that go with them."""

    topic = "behaviour"
    own = ("kind",)

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._correlations = Correlations(self.session)
        self._listener.at_end(self._correlations.close)
        self._columns: dict[str, NDArray[np.float64]] = {}
        self.setAcceptDrops(True)
        self._build()
        self.listen(self.session.recording.events.behaviour, self._on_behaviour)
        self.listen(self.session.recording.events.movie, self._on_behaviour)
        self.follow_time(napari_viewer)
        self.follow_theme(napari_viewer)
        self._on_behaviour()
        self.show_remembered()

    # What the dock is made of

    def _build(self) -> None:
        self.open = button(
            "Open …",
            "<qt>A CSV table with a row for each frame, or with times in seconds.</qt>",
            self._on_open,
        )
        self.list = QListWidget()
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.setSizeAdjustPolicy(QListWidget.SizeAdjustPolicy.AdjustToContents)
        self.list.itemChanged.connect(self._show_curves)
        self.columns = QPushButton("Columns")
        self.columns.setToolTip("Tick the columns to draw.")
        menu, action = QMenu(self.columns), QWidgetAction(self.columns)
        action.setDefaultWidget(self.list)  # which stays open while several are ticked
        menu.addAction(action)
        self.columns.setMenu(menu)
        self.plot = TracePlot()
        self.plot.moved.connect(self._on_moved)
        self.hint = wrapped(_HINT)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture = QStackedWidget()
        for widget in (self.hint, self.plot):
            self.picture.addWidget(widget)
        self.goes_with = GoesWith(self.session, self._correlations, self._listener)
        self._lay_out()

    def _lay_out(self) -> None:
        top = beside(self.open, self.columns)
        top.addStretch(1)
        top.addWidget(self.goes_with.choice)
        top.addWidget(MoreButton(self.session, self.topic, self.script))
        top.addWidget(self.help)
        parts = QSplitter(Qt.Orientation.Horizontal)
        for part, least, share in ((self.picture, 200, 5), (self.goes_with, 185, 2)):
            part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            part.setMinimumWidth(least)
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, share)
        parts.setChildrenCollapsible(False)
        stacked(top, self.message, (parts, 1), parent=self, margins=(8, 4, 8, 4), spacing=3)

    # What the user does

    def _on_open(self) -> None:
        choose_behaviour(self.session, self)

    def dropped(self, paths: list[Path]) -> None:
        """Read the table that was dropped."""
        load_behaviour(self.session, paths[0])

    def _on_moved(self, frame: int) -> None:
        show_frame(self.session, frame)

    # What the dock shows

    def _on_behaviour(self, *_: object) -> None:
        """List the columns; those of the same name stay ticked."""
        behaviour = self.session.recording.behaviour
        before = set(self._ticked())
        self._columns = {} if behaviour is None else numeric_columns(behaviour)
        names = list(self._columns)
        ticked = before & set(names) or set(names[:_FIRST_CURVES])
        with signals_blocked(self.list):
            self.list.clear()
            for name in names:
                item = QListWidgetItem(name)
                item.setToolTip(name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if name in ticked else Qt.CheckState.Unchecked)
                self.list.addItem(item)
        if behaviour is None:
            self.hint.setText(
                _HINT if self.session.recording.movie is not None else f"Open a recording first. {_HINT}"
            )
        else:
            self.hint.setText("Tick a column under “Columns”." if names else _no_numbers(behaviour.name))
        for widget in (self.columns, self.goes_with, self.goes_with.choice):
            widget.setVisible(bool(names))
        self.goes_with.offer(names)
        self._show_curves()

    def _show_curves(self, *_: object) -> None:
        names = self._ticked()[:MOST_CURVES]
        rows = tuple(Row(name, None, {RAW: self._columns[name].astype(np.float32)}) for name in names)
        rate = self.session.recording.movie.frame_rate if self.session.recording.movie is not None else None
        self.plot.show_rows(rows, unit=names[0] if len(names) == 1 else "", frame_rate=rate)
        self.picture.setCurrentWidget(self.plot if rows else self.hint)
        self.show_time()

    def on_front(self, front: bool) -> None:
        """Compute what nobody waited for while this could not be seen."""
        if front:
            self.goes_with.show_table()

    def show_time(self) -> None:
        """Move the cursor with the slider; nothing is drawn anew."""
        self.plot.set_cursor(shown_frame(self.session))

    def script(self) -> Script:
        """Return what correlates the behaviour again."""
        return script_of(self.session, KINDS[self.goes_with.kind.currentIndex()])

    def settings(self) -> dict[str, Any]:
        """Return which columns are drawn, and what is correlated with which."""
        return {"columns": self.list, "goes_with": self.goes_with.column, "kind": self.goes_with.kind}

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.plot.set_colours(colours)

    def _ticked(self) -> list[str]:
        items = [self.list.item(row) for row in range(self.list.count())]
        return [it.text() for it in items if it.checkState() == Qt.CheckState.Checked]


def open_behaviour_dock(session: Session, asking: QWidget) -> None:
    """Show the dock below the picture, whether it was closed, hidden or never there; without a table, ask for one.

    Parameters
    ----------
    session : Session
        Whose viewer.
    asking : QWidget
        The widget whose button was pressed.
    """
    open_panel(asking, session, "behaviour")
    if session.recording.behaviour is None:
        choose_behaviour(session, asking)


def _no_numbers(name: str) -> str:
    return f"{name} has only columns of many different words: open one with numbers, or with a few states."
