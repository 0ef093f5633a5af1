"""The page *Model* of the dock *Neurons*: train, load and save it, and follow the training."""

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
    QVBoxLayout,
    QWidget,
)

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.forms.device_choice import DeviceChoice
from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.gui.plots.loss_plot import LossPlot
from napari_calcdyn.gui.plots.theme import plot_colours
from napari_calcdyn.gui.session import Session
from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.recording.errors import InputError

from .runs import (
    STOPPABLE,
    load_neuron_model,
    map_neurons,
    save_neuron_model,
    train_neurons,
)

if TYPE_CHECKING:
    from napari.viewer import Viewer

PRESETS = {
    "quick": "A first look: the shortest training.",
    "standard": "The usual choice, for most recordings.",
    "paper": "As in the paper that the method comes from, to compare.",
}
_BASIC = ("architecture", "latent", "hidden", "beta")
_CURVES = {
    "reconstruction": (
        "Reconstruction error",
        "How far the model's trace is from the recorded one: lower is better.",
    ),
    "kl": (
        "Information kept (KL divergence)",
        "How much a neuron's place in the model says about it. Near 0 the model tells no neuron from another: lower "
        "β then.",
    ),
}


class ModelPage(QWidget):  # type: ignore[misc]
    """Settings, training and learning curves.

    Parameters
    ----------
    session : Session
        Whose model it is.
    viewer : napari.Viewer
        Whose theme the plots follow.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, viewer: Viewer, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(2, 4, 2, 2)
        self._layout.setSpacing(4)
        self._build_settings()
        self._build_run()

        for signal in (session.work.events.job, session.neurons.events.traces):
            listener.connect(signal, self._show_job)
        listener.connect(session.neurons.events.model, self._show_model)
        listener.connect(session.neurons.events.result, self._show_job)
        listener.connect(session.neurons.events.history, self._show_history)
        listener.connect(viewer.events.theme, self._show_theme)
        self._show_theme()
        self._on_preset()
        self._show_history()
        self._show_model()

    # What the page is made of

    def _build_settings(self) -> None:
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
        self._layout.addLayout(form)
        self.preset_hint = QLabel()
        self.preset_hint.setWordWrap(True)
        self._layout.addWidget(self.preset_hint)
        self.form = SettingsForm(AVAEConfig, basic=_BASIC)
        self.form.edited.connect(self._show_settings)
        self._layout.addWidget(self.form)

    def _build_run(self) -> None:
        self.train = QPushButton("Train")
        self.train.setToolTip(
            "<qt>Fit the model to the traces, in the background, and map the neurons. Stop keeps the best model so "
            "far.</qt>"
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
        self._layout.addLayout(row)
        self.map = QPushButton("Map neurons")
        self.map.setToolTip("<qt>Describe every neuron with this model and draw the map anew.</qt>")
        self.map.clicked.connect(self._on_map)
        self._layout.addWidget(self.map)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setToolTip(
            "<qt>The model describes a neuron by a few numbers (latents). Those that differ from neuron to neuron are "
            "in use; none in use means that the model tells no neuron from another: lower β then.</qt>"
        )
        self._layout.addWidget(self.summary)
        self.curves = LossPlot(_CURVES, "neurons")
        self._layout.addWidget(self.curves, 1)
        self._layout.addStretch(0)

    # What the user does

    def _on_preset(self) -> None:
        self.form.set_values(AVAEConfig.preset(self.preset.currentText()).model_dump())
        self._show_settings()

    def _on_train(self) -> None:
        job = self.session.work.job
        if job is not None and job.title in STOPPABLE:
            self.session.work.stop()
            return
        try:
            config = self.form.settings()
        except InputError as error:
            self.session.work.tell("neurons", str(error), True)
            return
        train_neurons(self.session, config, self.device.currentText())

    def _on_map(self) -> None:
        map_neurons(self.session)

    def _on_load(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Load a model: choose its folder")
        if name:
            load_neuron_model(self.session, Path(name), self.device.currentText())

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the model: name its folder", "model")
        if name:
            save_neuron_model(self.session, Path(name))

    # What the page shows

    def _show_settings(self) -> None:
        name = self.preset.currentText()
        preset = AVAEConfig.preset(name).model_dump()
        values = self.form.values()
        changed = any(preset[key] != value for key, value in values.items())
        # Two settings have a meaning with one choice each.
        self.form.editors["patch"].enabled = values["architecture"] == "sequence"
        self.form.editors["largest_shift"].enabled = values["pull"] > 0
        self.preset_hint.setText(PRESETS[name] + (" <i>With your changes.</i>" if changed else ""))

    def _show_job(self, *_: object) -> None:
        session, job = self.session, self.session.work.job
        running = job is not None and job.title in STOPPABLE
        self.train.setText("Stop" if running else "Train")
        self.train.setEnabled(running or session.neurons.traces is not None)
        self.load.setEnabled(job is None)
        self.save.setEnabled(job is None and session.neurons.model is not None)
        # After every training it is drawn by itself; this is for what was stopped, loaded or opened later.
        drawn = session.neurons.result is not None and session.neurons.mapped_with is session.neurons.model
        ready = session.neurons.model is not None and session.neurons.traces is not None and not drawn
        self.map.setVisible(ready and not running)
        self.map.setEnabled(job is None)

    def _show_model(self, *_: object) -> None:
        self._show_summary()
        self._show_job()

    def _show_history(self, *_: object) -> None:
        history = self.session.neurons.history
        self.curves.show_history(history)
        self.curves.setVisible(bool(history))
        self._show_summary()

    def _show_summary(self) -> None:
        model, history = self.session.neurons.model, self.session.neurons.history
        active = next(
            (it.losses["active_units"] for it in reversed(history) if "active_units" in it.losses), None
        )
        if active is None and model is not None:
            active = model.metrics.get("active_units")
        self.summary.setVisible(active is not None)
        if active is not None:
            self.summary.setText(f"{active:.0f} latents in use")

    def _show_theme(self, event: Any = None) -> None:
        viewer = self.session.viewer
        if viewer is not None:
            self.curves.set_colours(plot_colours(viewer.theme))
