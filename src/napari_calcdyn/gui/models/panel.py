"""The panel that both models have: preset and settings, Train, Load and Save, and the learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget

from napari_calcdyn.gui.docks.dock import Listener
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.gui.forms.device_choice import DeviceChoice
from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.gui.forms.pieces import beside, button, form_layout, stacked, wrapped
from napari_calcdyn.gui.plots.loss_plot import LossPlot
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.errors import InputError

from .background import load, save, train
from .kind import ModelKind


class ModelPanel(QWidget):  # type: ignore[misc]
    """Settings and training of one model; the dock around it places the learning curves, `curves`.

    Parameters
    ----------
    session : Session
        Whose model it is.
    kind : ModelKind
        Which of its models.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, kind: ModelKind, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self.kind = kind
        self.preset = QComboBox()
        self.preset.addItems(list(kind.presets))
        self.preset.setCurrentText("standard")
        self.preset.setToolTip("Fills in all settings below.")
        self.preset.currentIndexChanged.connect(self._on_preset)
        self.device = DeviceChoice()
        self.preset_hint = wrapped()
        self.form = SettingsForm(kind.config, basic=kind.basic)
        self.form.edited.connect(self._show_settings)
        self.train = button(
            "Train", f"<qt>{kind.train_tip} Stop keeps the best model so far.</qt>", self._on_train
        )
        self.load = button(
            "Load …", "Load a model that was saved here or by the command line.", self._on_load
        )
        self.save = button("Save …", "Save the model into a folder.", self._on_save)
        self.curves = LossPlot(kind.curves, kind.samples)
        choices = form_layout()
        choices.addRow("Preset", self.preset)
        choices.addRow("Run on", self.device)
        buttons = beside((self.train, 2), (self.load, 1), (self.save, 1))
        self.caution = MessageLine()
        self.body = stacked(choices, self.preset_hint, self.form, self.caution, buttons, parent=self)

        state = kind.state(session)
        for signal in (session.work.events.job, kind.data_changed(session), state.events.model):
            listener.connect(signal, self.show_job)
        recording = session.recording.events
        for signal in (
            kind.data_changed(session),
            recording.movie,
            recording.unchecked,
            session.work.events.check,
        ):
            listener.connect(signal, self.show_caution)
        listener.connect(state.events.history, self.show_history)
        self._on_preset()
        self.show_caution()

    # What the user does

    def _on_preset(self) -> None:
        self.form.set_values(self.kind.config.preset(self.preset.currentText()).model_dump())
        self._show_settings()

    def _on_train(self) -> None:
        if self.session.work.doing in self.kind.stoppable:
            self.session.work.stop()
        else:
            self.begin()

    def begin(self) -> None:
        """Train with the settings of the form."""
        self._show_settings()
        try:
            config = self.form.settings()
        except InputError as error:
            self.session.work.tell(self.kind.topic, str(error), True)
            return
        train(self.session, self.kind, config, self.device.currentText())

    def _on_load(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Load a model: choose its folder")
        if name:
            folder, device = Path(name), self.device.currentText()
            if self.kind.load is not None:
                self.kind.load(self.session, folder, device)
            else:
                load(self.session, self.kind, folder, device)

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the model: name its folder", "model")
        if name:
            save(self.session, self.kind, Path(name))

    # What the panel shows

    def settings(self) -> dict[str, Any]:
        """Return the widgets of the settings; the preset fills in the others, and comes first."""
        return {"preset": self.preset, "device": self.device, "training": self.form}

    def _show_settings(self) -> None:
        name, values = self.preset.currentText(), self.form.values()
        preset = self.kind.config.preset(name).model_dump()
        changed = any(preset[key] != value for key, value in values.items())
        for setting, matters in self.kind.matters(values).items():
            self.form.editors[setting].enabled = matters
        self.preset_hint.setText(self.kind.presets[name] + (" <i>With your changes.</i>" if changed else ""))

    def show_job(self, *_: object) -> None:
        """Show what is under way, and what can be begun."""
        session, idle = self.session, self.session.work.free
        running = session.work.doing in self.kind.stoppable
        self.train.setText("Stop" if running else "Train")
        self.train.setEnabled(running or self.kind.data(session) is not None)
        self.load.setEnabled(idle)
        self.save.setEnabled(idle and self.kind.state(session).model is not None)

    def show_caution(self, *_: object) -> None:
        """Say what is wrong with the data before anything is trained on it."""
        text, in_full = self.kind.caution(self.session)
        self.caution.say(text)
        self.caution.setToolTip(f"<qt>{in_full}</qt>" if in_full else "")

    def show_history(self, *_: object) -> None:
        """Draw the learning curves as far as they go."""
        self.curves.show_history(self.kind.state(self.session).history)
