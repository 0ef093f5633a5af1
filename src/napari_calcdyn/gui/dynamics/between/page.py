"""The page *Between cells*: what drives which cell, as a sentence, a matrix and layers over the movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QWidget

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.gui.forms.pieces import button, stacked, wrapped
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.session.cautions import outdated_between
from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.recording.errors import InputError

from .choice import CellChoice
from .layers import cell_at, mark, outlines, passes, show_between, show_one
from .matrix import CellMatrix
from .runs import LOOKING, can_look, look_between

if TYPE_CHECKING:
    from napari_calcdyn.gui.docks.dock import Listener
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.between import BetweenCells

_FIND, _AGAIN, _SHOW = "Find what drives which cell", "Find again", "Show on the movie"
_ABOUT = "Which cells follow the past of other cells, and where in the picture that shows. "
_LINEAR = (
    "That needs a linear network, and this model's is convolutional: train one with the network “footprints”."
)
_FINDS = "There are no ROIs, so that cells are found first."
_MOST_NAMES = 8
_NO_CELLS = "No cells were found in this recording: draw or open ROIs in the Neurons panel."
_TOOLTIP = (
    "<qt>Takes the ROIs of the Neurons panel as the cells, or else finds cells. Each is predicted from its own past "
    "and from the other cells, and every connection is tested. Anything else that is started goes first.</qt>"
)
_SUMMARY = (
    "<qt>A connection passes where it is more than chance, with all pairs looked at together (family-wise p ≤ 0.05). "
    "What others add is measured on frames that the connections were not fitted to, with a 95 % interval.</qt>"
)


class BetweenPage(QWidget):  # type: ignore[misc]
    """What drives which cell in a session.

    Parameters
    ----------
    session : Session
        Whose.
    listener : Listener
        Of the dock that shows the page.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self.summary = wrapped("", _SUMMARY)
        self.version = MessageLine()
        self.find = button(_FIND, _TOOLTIP, self._on_find)
        self.matrix = CellMatrix()
        self.matrix.picked.connect(self._on_picked)
        self.choice = CellChoice()
        self.choice.changed.connect(self._on_chosen)
        stacked(
            self.summary,
            self.version,
            self.find,
            (self.matrix, 1),
            self.choice,
            parent=self,
            margins=(2, 4, 2, 2),
            spacing=6,
        )
        self.layout().addStretch(0)
        for signal in (
            session.recording.events.movie,
            session.dynamics.events.model,
            session.rois.events.loaded,
            session.work.events.job,
        ):
            listener.connect(signal, self._show_state)
        listener.connect(session.answers.events.between, self._show_answer)
        listener.connect(views_of(session).clicked, self._on_clicked)
        self._show_answer()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.matrix.set_colours(colours)

    # What the user does

    def _on_find(self) -> None:
        session = self.session
        if session.work.doing == LOOKING:
            session.work.stop()
        elif session.answers.between is not None and not outdated_between(session):
            show_between(session)
            self.matrix.mark(-1, -1)
        else:
            look_between(session)

    def _on_picked(self, source: int, target: int) -> None:
        """Outline two cells, and say what connects them."""
        self.matrix.mark(target, source)
        self._say(self.matrix.sentence(target, source))
        if (layer := outlines(self.session)) is not None:
            layer.visible = True
        mark(self.session, [source], [target])
        self.choice.choose(target)

    def _on_clicked(self, _: object, position: Any) -> None:
        """Frame row and column of a cell that was clicked in the picture, and outline those it is connected with."""
        between = self.session.answers.between
        if between is None or between.found.influence is None or not in_front(self.matrix):
            return
        cell = cell_at(self.session, position)
        self.matrix.mark(cell, cell)
        if cell < 0:
            mark(self.session)
            return
        self.choice.choose(cell)
        self._outline(between, cell)

    def _on_chosen(self) -> None:
        """Map the cell that was chosen, and outline those it is connected with."""
        between, cell = self.session.answers.between, self.choice.shown
        if between is None or between.found.influence is None:
            return
        try:
            show_one(self.session, cell)
        except InputError as error:
            self.session.work.tell("dynamics", str(error), True)
            return
        self.matrix.mark(cell, cell)
        if cell < 0:
            mark(self.session)
        else:
            self._outline(between, cell)

    def _outline(self, between: BetweenCells, cell: int) -> None:
        """Outline a cell and those it is connected with, and name them."""
        assert between.found.influence is not None
        passing, ids = passes(between), between.found.influence.ids
        sources, targets = np.flatnonzero(passing[cell]), np.flatnonzero(passing[:, cell])
        mark(self.session, sources, targets, cell)
        self._say(
            f"ROI {ids[cell]}: driven by {_names(ids[sources], 'blue')}; drives {_names(ids[targets], 'orange')}."
        )

    def _say(self, sentence: str) -> None:
        """Say something where the layout of the dock does not move under the mouse."""
        self.matrix.readout.setText(sentence)
        if self.session.viewer is not None:
            self.session.viewer.status = sentence

    # What the page shows

    def _show_answer(self, *_: object) -> None:
        between = self.session.answers.between
        known = between is not None and between.found.influence is not None
        self.matrix.setVisible(known)
        self.choice.setVisible(known)
        if between is not None and between.found.influence is not None:
            self.matrix.show_influence(between.found.influence, passes(between), between.order)
            self.choice.set_cells(between.found.influence.ids, between.order)
        self._show_state()

    def _show_state(self, *_: object) -> None:
        session, between = self.session, self.session.answers.between
        outdated, looking = outdated_between(session), session.work.doing == LOOKING
        self.summary.setText(_about(session) if between is None else _found(between))
        self.version.say(outdated)
        words = _FIND if between is None else _AGAIN if outdated else _SHOW
        self.find.setText("Stop" if looking else words)
        self.find.setEnabled(looking or (can_look(session) and session.work.free))


def _names(ids: np.ndarray, colour: str) -> str:
    if not len(ids):
        return "none"
    named = ", ".join(map(str, ids[:_MOST_NAMES]))
    more = f" and {len(ids) - _MOST_NAMES:,} more" if len(ids) > _MOST_NAMES else ""
    return f"ROI {named}{more} ({colour})"


def _about(session: Session) -> str:
    model, rois = session.dynamics.model, session.rois_of_movie()
    if model is not None and model.config.network == "convolutional":
        return _ABOUT + _LINEAR
    return _ABOUT + (_FINDS if rois is None else f"The cells are the {len(rois):,} ROIs that are there.")


def _found(between: BetweenCells) -> str:
    influence = between.found.influence
    if influence is None:
        return _NO_CELLS
    cells, passing = len(influence.ids), int(passes(between).sum())
    connections = "1 connection passes" if passing == 1 else f"{passing:,} connections pass"
    what = f"{cells:,} cells; {connections} the test (p\u00a0≤\u00a00.05). " if cells != 1 else "1 cell. "
    return what + gain_in_words(between.found.errors)
