"""The dock *Dynamics*: train the model, follow it, and see which region's past predicts which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_calcdyn.gui.docks.dock import Dock, breakable
from napari_calcdyn.gui.forms.device_choice import DeviceChoice
from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.gui.plots.loss_plot import LossPlot
from napari_calcdyn.gui.plots.theme import plot_colours
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.recording.errors import InputError

from .matrix_plot import MatrixPlot
from .runs import (
    STOPPABLE,
    TRAINING,
    choose_sparsity,
    densest,
    load_model,
    map_recording,
    save_model,
    show_edge,
    train,
)
from .sparsity import SparsitySlider

if TYPE_CHECKING:
    from napari.viewer import Viewer

PRESETS = {
    "quick": "A first look: the shortest training.",
    "standard": "The usual choice, for most recordings.",
    "thorough": "For results to keep: about four times as long.",
}
_CURVES = {
    "reconstruction": (
        "Reconstruction error",
        "How far the model's image is from the recorded one, as a share of the movie's variance: lower is "
        "better.",
    ),
    "prediction": (
        "Prediction error",
        "How far the model's state is from the one predicted out of its past, as a share of its variance: "
        "lower is better; 1 is no better than the mean.",
    ),
}


class DynamicsDock(Dock):
    """Train a model on the recording and look at what it found."""

    topic = "dynamics"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._build_settings()
        self._build_run()
        self._build_views()

        self.listen(self.session.recording.events.movie, self._on_movie)
        self.listen(napari_viewer.layers.events.renamed, self._show_readiness)
        self.listen(self.session.work.events.job, self._show_job)
        self.listen(self.session.dynamics.events.history, self._show_history)
        self.listen(self.session.dynamics.events.model, self._show_model)
        self.listen(self.session.dynamics.events.var, self._show_var)
        self.listen(napari_viewer.events.theme, self._show_theme)
        self._show_theme()
        self._on_preset()
        self._show_readiness()
        self._show_history()
        self._show_model()
        self._show_job()

    # What the dock is made of

    def _build_settings(self) -> None:
        self.recording = QLabel()
        self.recording.setWordWrap(True)
        self.body.addWidget(self.recording)

        form = QFormLayout()
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.preset = QComboBox()
        self.preset.addItems(list(PRESETS))
        self.preset.setCurrentText("standard")
        self.preset.setToolTip("Fills in all settings below.")
        self.preset.currentIndexChanged.connect(self._on_preset)
        form.addRow("Preset", self.preset)
        self.device = DeviceChoice()
        form.addRow("Run on", self.device)
        self.body.addLayout(form)
        self.preset_hint = QLabel()
        self.preset_hint.setWordWrap(True)
        self.body.addWidget(self.preset_hint)

        self.form = SettingsForm(VARAutoencoderConfig)
        self.form.edited.connect(self._show_settings)
        self.body.addWidget(self.form)

    def _build_run(self) -> None:
        self.train = QPushButton("Train")
        self.train.setToolTip(
            "<qt>Fit the model to the recording, in the background. Stop keeps the best model so far.</qt>"
        )
        self.train.clicked.connect(self._on_train)
        self.load = QPushButton("Load …")
        self.load.setToolTip("Load a model that was saved here or by the command line.")
        self.load.clicked.connect(self._on_load)
        self.save = QPushButton("Save …")
        self.save.setToolTip("Save the model into a folder.")
        self.save.clicked.connect(self._on_save)
        row = QHBoxLayout()
        row.addWidget(self.train, 2)
        row.addWidget(self.load, 1)
        row.addWidget(self.save, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.message)

    def _build_views(self) -> None:
        self.curves = LossPlot(_CURVES, "frames")
        self.matrix = MatrixPlot()
        self.matrix.picked.connect(self._on_picked)
        self.sparsity = SparsitySlider()
        self.sparsity.moved.connect(self._on_sparsity)
        self.sparsity.settled.connect(self._on_sparsity_settled)
        self.sparsity.returned.connect(self._on_sparsity_returned)
        connections = QWidget()
        layout = QVBoxLayout(connections)
        layout.setContentsMargins(2, 4, 2, 2)
        self.summary = QLabel()
        self.summary.setToolTip(
            "<qt>How well the model foretells frames that it never trained on. The error is a share of the "
            "variance: 0 is perfect, 1 is no better than the mean.</qt>"
        )
        layout.addWidget(self.summary)
        layout.addWidget(self.matrix, 1)
        layout.addWidget(self.sparsity)
        self.views = QTabWidget()
        self.views.addTab(self.curves, "Learning curves")
        self.views.addTab(connections, "Connections")
        self.views.setTabToolTip(0, "How the training goes.")
        self.views.setTabToolTip(1, "Which region's past predicts which region.")
        self.body.addWidget(self.views, 1)
        self.body.addStretch(0)

    # What the user does

    def _on_movie(self, *_: object) -> None:
        self._show_readiness()
        map_recording(self.session)

    def _on_preset(self) -> None:
        self.form.set_values(VARAutoencoderConfig.preset(self.preset.currentText()).model_dump())
        self._show_settings()

    def _on_train(self) -> None:
        job = self.session.work.job
        if job is not None and job.title in STOPPABLE:
            self.session.work.stop()
            return
        try:
            config = self.form.settings()
        except InputError as error:
            self.session.work.tell("dynamics", str(error), True)
            return
        train(self.session, config, self.device.currentText())

    def _on_load(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Load a model: choose its folder")
        if name:
            load_model(self.session, Path(name), self.device.currentText())

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the model: name its folder", "model")
        if name:
            save_model(self.session, Path(name))

    def _on_sparsity(self, fraction: float) -> None:
        choose_sparsity(self.session, fraction)

    def _on_sparsity_settled(self, fraction: float) -> None:
        choose_sparsity(self.session, fraction, with_maps=True)

    def _on_sparsity_returned(self) -> None:
        choose_sparsity(self.session, None, with_maps=True)

    def _on_picked(self, source: int, target: int, lag: int) -> None:
        show_edge(self.session, source, target, lag)

    # What the dock shows

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

    def _show_settings(self) -> None:
        name = self.preset.currentText()
        preset = VARAutoencoderConfig.preset(name).model_dump()
        changed = any(preset[key] != value for key, value in self.form.values().items())
        # Two settings belong to one way of choosing the sparsity each.
        for choice in ("fraction", "nonzeros"):
            self.form.editors[choice].enabled = self.form.editors["selection"].value == choice
        self.preset_hint.setText(PRESETS[name] + (" <i>With your changes.</i>" if changed else ""))

    def _show_job(self, *_: object) -> None:
        job = self.session.work.job
        running = job is not None and job.title in STOPPABLE
        self.train.setText("Stop" if running else "Train")
        self.train.setEnabled(running or self.session.recording.movie is not None)
        self.load.setEnabled(job is None)
        self.save.setEnabled(job is None and self.session.dynamics.model is not None)
        if job is not None and job.title == TRAINING:
            self.views.setCurrentIndex(0)
        self._show_views()

    def _show_views(self) -> None:
        """Show plots once there is, or soon will be, something in them."""
        session = self.session
        training = session.work.job is not None and session.work.job.title == TRAINING
        curves = training or bool(session.dynamics.history)
        self.views.setTabEnabled(0, curves)
        self.views.setVisible(curves or session.dynamics.model is not None)

    def _show_history(self, *_: object) -> None:
        self.curves.show_history(self.session.dynamics.history)

    def _show_model(self, *_: object) -> None:
        model = self.session.dynamics.model
        self.views.setTabEnabled(1, model is not None)
        if model is not None:
            self.sparsity.set_range(densest(model.var), model.var.fraction)
            error = model.metrics["latent_prediction_error"]
            self.summary.setText(f"Held-out prediction error {error:.3g}")
            self.views.setCurrentIndex(1)
        self._show_var()
        self._show_job()

    def _show_var(self, *_: object) -> None:
        model, var = self.session.dynamics.model, self.session.dynamics.var
        if model is None or var is None:
            self.matrix.show_var(None)
            return
        self.matrix.show_var(var, model.latent_centres)
        self.sparsity.show_count(var.fraction, var.nonzeros, var.coefficients.size, chosen=var is model.var)

    def _show_theme(self, event: Any = None) -> None:
        viewer = self.session.viewer
        if viewer is not None:
            colours = plot_colours(viewer.theme)
            self.curves.set_colours(colours)
            self.matrix.set_colours(colours)
