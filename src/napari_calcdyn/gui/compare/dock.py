"""The dock *Compare*: whether the dynamics changed between two stretches of time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QAbstractButton, QLabel, QSpinBox

from napari_calcdyn.gui.behaviour.dock import open_behaviour_dock
from napari_calcdyn.gui.behaviour.files import choose_behaviour
from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.docks.side_dock import SideDock
from napari_calcdyn.gui.forms.pieces import beside, button, form_layout
from napari_calcdyn.gui.layers.movie_time import shown_frame
from napari_calcdyn.gui.plots.theme import PlotColours, plot_colours
from napari_calcdyn.recording.errors import InputError

from .between import NO_ROIS
from .frame_tag import FrameTag
from .inputs import BEHAVIOUR, CompareInputs
from .runs import COMPARING, NO_MODEL, NO_MOVIE, compare
from .script import script_of
from .time_ranges import condition_colour
from .view import ComparisonView

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_calcdyn.gui.background.status import Notice, Topic


_AUTOMATIC = 1  # the value of the block length that is shown as words: a block has more frames than one


class CompareDock(SideDock):
    """Mark A and B, and test whether the same dynamics describe both."""

    topic = "compare"
    own = ("smooth", "permutations")

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.inputs = CompareInputs(self.session)
        self.view = ComparisonView(self.session)
        self._tag = FrameTag(self.session)
        self._place: Topic = self.topic  # of the panel that has what is missing
        self._masks = self.inputs.masks()  # looked at with every step of the slider
        self._build()

        self.listen(self.session.recording.events.movie, self._on_movie)
        self.listen(self.session.dynamics.events.model, self._show_readiness)
        self.listen(self.session.rois.events.loaded, self._show_readiness)
        self.listen(self.session.work.events.job, self._show_readiness)
        self.listen(self.session.recording.events.behaviour, self._on_behaviour)
        self.listen(self.session.answers.events.comparison, self._show_comparison)
        layers = napari_viewer.layers.events
        for signal in (layers.inserted, layers.removed, layers.renamed):
            self.listen(signal, self._on_movie)
        self.follow_time(napari_viewer)
        self.inputs.changed.connect(self._on_inputs)
        self.inputs.split.table_wanted.connect(self._on_table)
        self.inputs.split.panel_wanted.connect(self._on_panel)
        self._listener.at_end(self.inputs.activity.close)
        self.follow_theme(napari_viewer)
        self._on_movie()
        self._on_behaviour()
        self._show_comparison()
        self.show_remembered()

    # What the dock is made of

    def _build(self) -> None:
        self.now = QLabel()
        self.body.addLayout(beside((self.now, 1), self.help))
        self.body.addWidget(self.inputs)
        form = form_layout()
        self.permutations = QSpinBox()
        self.permutations.setRange(19, 99_999)
        self.permutations.setValue(999)
        self.permutations.setToolTip(
            "<qt>How often the blocks of A and B get random signs to find what chance gives. With "
            "999 shuffles the smallest p-value is 0.001.</qt>"
        )
        self.block = QSpinBox()
        self.block.setRange(_AUTOMATIC, 100_000)
        self.block.setSpecialValueText("automatic")
        self.block.setSuffix(" frames")
        self.block.setToolTip(
            "<qt>Frames that are shuffled together, because successive frames are correlated. Automatic: "
            "several autocorrelation times of the activity.</qt>"
        )
        form.addRow("Shuffles", self.permutations)
        form.addRow("In blocks of", self.block)
        self.body.addLayout(form)
        self.problem = MessageLine()
        self.body.addWidget(self.problem)
        self.way = button("", "", self._on_way)
        self.body.addWidget(self.way)
        self.compare = button(
            "Compare",
            "<qt>Test in the background whether the same dynamics describe A and B.</qt>",
            self._on_compare,
        )
        self.body.addLayout(
            beside((self.compare, 1), MoreButton(self.session, self.topic, partial(script_of, self.session)))
        )
        self.body.addWidget(self.progress)
        self.body.addWidget(self.message)
        self.body.addWidget(self.view, 1)
        self.body.addStretch(0)

    # What the user does

    def _on_compare(self) -> None:
        if self.session.work.doing == COMPARING:
            self.session.work.stop()
            return
        self.session.work.after_check("compare", COMPARING, self._compare)

    def _compare(self) -> bool:
        try:
            question = self.inputs.question()
        except InputError as error:
            self.session.work.tell("compare", str(error), True)
            return False
        block = self.block.value()
        return compare(
            self.session, question, self.permutations.value(), "auto" if block == _AUTOMATIC else block
        )

    def _on_table(self) -> None:
        choose_behaviour(self.session, self)

    def _on_panel(self) -> None:
        open_behaviour_dock(self.session, self)

    def _on_way(self) -> None:
        open_panel(self, self.session, self._place)

    # What the dock shows

    def _on_movie(self, *_: object) -> None:
        self.inputs.show_movie()
        self._show_readiness()

    def _on_behaviour(self, *_: object) -> None:
        self.inputs.show_behaviour()

    def _on_inputs(self) -> None:
        self._masks = self.inputs.masks()
        self._show_readiness()
        self.show_time()

    def _show_readiness(self, *_: object) -> None:
        """Say what is missing, or let the user begin."""
        session = self.session
        running = session.work.doing == COMPARING
        self.compare.setText("Stop" if running else "Compare")
        self.inputs.setVisible(session.recording.movie is not None)
        problem, self._place = self._problem()
        self.problem.say(problem)
        self.way.setText(f"To the {self._place.capitalize()} panel")
        self.way.setVisible(self._place != self.topic)
        self.compare.setEnabled(running or not problem)
        self.view.show_age()

    def _problem(self) -> tuple[str, Topic]:
        """Say what is missing before anything can be compared, empty where nothing is, and where to see to it."""
        session, model = self.session, self.session.dynamics.model
        if session.recording.movie is None:
            return NO_MOVIE, "recording"
        if self.inputs.between.rois_missing:
            return NO_ROIS, "neurons"
        try:
            question = self.inputs.question()
        except InputError as error:
            return str(error), "compare"
        if model is None:
            return NO_MODEL, "dynamics"
        try:
            for it in question.movies:
                model.check(it)
        except InputError as error:
            return str(error), "dynamics"
        # Not before there is a model: torch comes with it.
        from napari_calcdyn.jobs.compared_columns import order_of_comparison
        from napari_calcdyn.jobs.comparison import check_conditions

        order = order_of_comparison(model.config, question.rois is not None)
        try:
            check_conditions(question.movies, question.a, question.b, order)
        except InputError as error:
            return str(error), "compare"
        return "", "compare"

    def _show_comparison(self, *_: object) -> None:
        self.view.show_comparison(self.session.answers.comparison)

    def show_time(self) -> None:
        """Say whether the frame that is shown is in A or B; nothing is drawn anew."""
        frame = shown_frame(self.session)
        self.inputs.set_cursor(frame)
        viewer, movie = self.session.viewer, self.session.recording.movie
        self.now.setVisible(frame is not None)
        if frame is None or movie is None or viewer is None:
            self._tag.put_away()
            return
        inside = [name for name, mask in self._masks.items() if mask[frame]]
        where = " and ".join(inside)
        seconds = f" ({frame / movie.frame_rate:.4g} s)" if movie.frame_rate else ""
        self.now.setText(f"Frame {frame}{seconds} is in {f'<b>{where}</b>' if where else 'neither'}.")
        if in_front(self):
            colour = condition_colour(inside[0], plot_colours("dark")) if inside else (0, 0, 0)
            self._tag.show(where, colour)

    def _show_notice(self, notice: Notice | None) -> None:
        """Show what was wrong with a table of the behaviour too, which may have been opened from here."""
        if notice is not None and notice.topic == "behaviour" and self.inputs.how.currentText() == BEHAVIOUR:
            self.message.say(notice.text, notice.is_error)
        else:
            super()._show_notice(notice)

    def main_button(self) -> QAbstractButton:
        """Return the button that compares."""
        return self.compare

    def settings(self) -> dict[str, Any]:
        """Return what says what is compared and how, those first that others depend on."""
        inputs, split = self.inputs, self.inputs.split
        return {
            "how": inputs.how,
            "other": inputs.other,
            "between": inputs.between,
            "curve": inputs.curve,
            "column": split.column,
            "value": split.value,
            "smooth": split.smooth,
            "threshold": split.threshold,
            **inputs.edits.edits,
            "permutations": self.permutations,
            "block": self.block,
        }

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.inputs.set_colours(colours)
        self.view.set_colours(colours)

    def on_front(self, front: bool) -> None:
        """Tell A from B on the picture, or leave it to others."""
        if front:
            self.inputs.show_movie()
            self.show_time()
        else:
            self._tag.put_away()
