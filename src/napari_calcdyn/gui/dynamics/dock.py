"""The dock *Dynamics*: train the model, follow it, and see which region's past predicts which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QAbstractButton, QWidget

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.message import MessageLine, breakable
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.side_dock import SideDock
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, tabs, wrapped
from napari_calcdyn.gui.forms.values import Quiet
from napari_calcdyn.gui.models.panel import ModelPanel
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.session.cautions import about_model, outdated_maps
from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.recording.errors import InputError

from .between.page import BetweenPage
from .estimate import EstimateLine
from .matrix_plot import MatrixPlot
from .model import DYNAMICS_MODEL, TRAINING
from .runs import MAPPING, choose_sparsity, compute_maps, densest, map_recording, maps_missing, show_edge
from .script import script_of
from .sparsity import SparsitySlider
from .trade_off import TradeOffPlot

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_calcdyn.jobs.scripts.pieces import Script


class DynamicsDock(SideDock):
    """Train a model on the recording and look at what it found."""

    topic = "dynamics"
    own = ("preset", "device", "training")

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._build_model()
        self._build_views()

        self.listen(self.session.recording.events.movie, self._on_movie)
        self.listen(napari_viewer.layers.events.renamed, self._show_readiness)
        self.listen(self.session.recording.events.movie, self._show_estimate)
        self.listen(self.session.work.events.check, self._show_estimate)
        self.listen(self.session.work.events.job, self._show_job)
        self.listen(self.session.dynamics.events.model, self._show_model)
        self.listen(self.session.dynamics.events.var, self._show_var)
        dynamics = self.session.dynamics.events
        for signal in (
            self.session.recording.events.movie,
            dynamics.model,
            dynamics.maps,
            self.session.work.events.job,
        ):
            self.listen(signal, self._show_version)
        self.follow_theme(napari_viewer)
        self._show_readiness()
        self._show_model()
        self._show_version()
        self.show_remembered()

    # What the dock is made of

    def _build_model(self) -> None:
        self.recording = wrapped()
        self.model = ModelPanel(self.session, DYNAMICS_MODEL, self._listener)
        self.model.body.setSpacing(self.body.spacing())
        self.model.show_job()
        self.model.show_history()
        self.estimate = EstimateLine()
        self._listener.at_end(self.estimate.latest.close)
        self.model.body.insertWidget(
            self.model.body.count() - 1, self.estimate
        )  # above the button that trains
        self.model.form.edited.connect(self._show_estimate)
        self.model.preset.currentIndexChanged.connect(self._show_estimate)
        self.model.device.currentIndexChanged.connect(self._show_estimate)
        self.version = MessageLine()
        self.map_again = button(
            "Map again",
            "<qt>The maps of the recording as it is corrected now. Anything else that is started goes first.</qt>",
            self._on_map_again,
        )
        self.more = MoreButton(self.session, self.topic, self.script)
        self.body.addLayout(beside((self.recording, 1), self.help))
        parts = (
            self.model,
            self.progress,
            self.message,
            self.version,
            self.map_again,
            self.more,
        )
        for widget in parts:
            self.body.addWidget(widget)

    def _build_views(self) -> None:
        self.matrix = MatrixPlot()
        self.matrix.picked.connect(self._on_picked)
        self.sparsity = SparsitySlider()
        self.sparsity.moved.connect(self._on_sparsity)
        self.sparsity.settled.connect(self._on_sparsity_settled)
        self.sparsity.returned.connect(self._on_sparsity_returned)
        connections = QWidget()
        self.summary = wrapped()
        self.summary.setToolTip(
            "<qt>How well the model predicts frames that it was not trained on. The error is a share of the "
            "variance: 0 is perfect, 1 is no better than the mean. A source's own past is most of any prediction; "
            "the connections below are worth what others add to it, with a 95 % interval.</qt>"
        )
        stacked(self.summary, (self.matrix, 1), self.sparsity, parent=connections, margins=(2, 4, 2, 2))
        self.between = BetweenPage(self.session, self._listener)
        learning = QWidget()
        self.trade_off = TradeOffPlot()
        self.trade_off.picked.connect(self._on_gamma)
        stacked((self.model.curves, 1), self.trade_off, parent=learning)
        self.views = tabs(
            (learning, "Learning curves", "Learning curves of the training."),
            (connections, "Connections", "The connections: which region's past predicts which region."),
            (self.between, "Between cells", "Which cell drives which, and where in the picture that shows."),
        )
        self.body.addWidget(self.views, 1)
        self.body.addStretch(0)

    # What the user does

    def _on_movie(self, *_: object) -> None:
        self._show_readiness()
        map_recording(self.session)

    def _on_sparsity(self, fraction: float) -> None:
        choose_sparsity(self.session, fraction)

    def _on_sparsity_settled(self, fraction: float) -> None:
        choose_sparsity(self.session, fraction, settled=True)

    def _on_sparsity_returned(self) -> None:
        choose_sparsity(self.session, None, settled=True)

    def _on_picked(self, source: int, target: int, lag: int) -> None:
        show_edge(self.session, source, target, lag)

    def _on_gamma(self, gamma: float) -> None:
        """Train again with the γ of a point of the trade-off."""
        if self.session.work.free:
            self.model.form.set_values(
                {"prediction_weight": gamma, "gamma_budget": 0.0, "mode": "end-to-end"}
            )
            self.trade_off.keep = True
            self._show_estimate()
            self.model.begin()

    def _on_map_again(self) -> None:
        if self.session.work.doing in MAPPING:
            self.session.work.stop()
        else:
            compute_maps(self.session)

    # What the dock shows

    def main_button(self) -> QAbstractButton:
        """Return the button that trains."""
        return self.model.train

    def settings(self) -> dict[str, Any]:
        """Return the settings of the training, and what is chosen in the views."""
        return {
            **self.model.settings(),
            "page": self.views,
            "sparsity": Quiet(self.sparsity.slider),
            "cell": self.between.choice,
        }

    def script(self) -> Script:
        """Return what trains the model and maps the recording again."""
        return script_of(self.session, self.model.device.currentText())

    def on_front(self, front: bool) -> None:
        """Estimate once the dock can be seen."""
        self._show_estimate()

    def _show_estimate(self, *_: object) -> None:
        """Say what the training takes; the recording is left alone while it is checked."""
        if not in_front(self):
            return
        movie = self.session.recording.movie if self.session.work.check is None else None
        try:
            config = self.model.form.settings()
        except InputError:  # it is said when the training is begun
            config = None
        self.estimate.show_for(movie, config, self.model.device.currentText())

    def _show_version(self, *_: object) -> None:
        """Say where model or maps are of the recording before its corrections were changed, or are missing."""
        session = self.session
        self.version.say(about_model(session))
        mapping = session.work.doing in MAPPING
        self.map_again.setText("Stop mapping" if mapping else "Map again")
        self.map_again.setVisible(mapping or maps_missing(session) or outdated_maps(session))
        self.map_again.setEnabled(session.work.free)

    def _show_readiness(self, *_: object) -> None:
        movie, layer = self.session.recording.movie, self.session.movie_layer
        if movie is None:
            self.recording.setText("Open a recording first, in the <b>Recording</b> panel.")
        else:
            frames, height, width = movie.shape
            name = movie.name if layer is None else layer.name
            self.recording.setText(
                f"<b>{breakable(name)}</b>: {frames:,} frames of {height:,}\u00a0×\u00a0{width:,}\u00a0px"
            )
        self._show_job()

    def _show_job(self, *_: object) -> None:
        """Show plots once there is, or soon will be, something in them."""
        training, dynamics = self.session.work.doing == TRAINING, self.session.dynamics
        if training:
            self.views.setCurrentIndex(0)
        curves = training or bool(dynamics.history)
        self.views.setTabEnabled(0, curves)
        self.views.setVisible(curves or dynamics.model is not None)

    def _show_model(self, *_: object) -> None:
        model = self.session.dynamics.model
        for page in (1, 2):
            self.views.setTabEnabled(page, model is not None)
        if model is not None:
            self.sparsity.set_range(densest(model.var), model.var.fraction)
            error = model.metrics["latent_prediction_error"]
            self.summary.setText(f"Held-out prediction error {error:.3g}. {gain_in_words(model.metrics)}")
            self.trade_off.show_model(model.metrics, model.config.prediction_weight)
            self.views.setCurrentIndex(1)
        self._show_var()
        self._show_job()

    def _show_var(self, *_: object) -> None:
        model, var = self.session.dynamics.model, self.session.dynamics.var
        if model is None or var is None:
            self.matrix.show_var(None)
            return
        self.matrix.show_var(var, model.latent_centres)
        self.sparsity.show_count(var.fraction, var.nonzeros, var.possible, chosen=var is model.var)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.model.curves.set_colours(colours)
        self.matrix.set_colours(colours)
        self.trade_off.set_colours(colours)
        self.between.set_colours(colours)
