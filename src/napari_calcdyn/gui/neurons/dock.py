"""The dock *Neurons*: from ROIs and their traces to a map of the neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QAbstractButton, QWidget

from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.docks.side_dock import SideDock
from napari_calcdyn.gui.forms.pieces import stacked, tabs
from napari_calcdyn.gui.plots.theme import PlotColours

from .input_page import InputPage
from .model_page import TRAINING, ModelPage
from .result_page import ResultPage
from .script import script_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_calcdyn.jobs.scripts.pieces import Script


class NeuronsDock(SideDock):
    """Choose ROIs, get their traces, train a model on them, and look at the neurons in its terms."""

    topic = "neurons"
    own = ("only_cells", "traces", "preset", "device", "training", "made_up")

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.setAcceptDrops(True)
        self._traces_opened = False
        self.inputs = InputPage(self.session, napari_viewer, self._listener)
        self.model = ModelPage(self.session, self._listener)
        self.results = ResultPage(self.session, self._listener)
        self.pages = tabs(
            (self.inputs, "Traces", "ROIs and their traces."),
            (self.model, "Model", "Train a model that describes each neuron by a few numbers."),
            (self.results, "Neurons", "The neurons as the model describes them."),
        )
        self.pages.setCornerWidget(self.help)
        self.body.addWidget(self.pages, 1)

        # Below all pages, and not scrolled with them.
        footer = QWidget()
        self.more = MoreButton(self.session, self.topic, self.script)
        stacked(self.progress, self.message, self.more, parent=footer, margins=(8, 0, 8, 6))
        self.layout().addWidget(footer)

        self.listen(self.session.work.events.job, self._on_job)
        self.listen(self.session.neurons.events.result, self._on_neurons)
        self.listen(self.session.neurons.events.traces, self._on_traces)
        self.listen(self.session.neurons.events.shown_traces, self._on_shown_traces)
        self.follow_theme(napari_viewer)
        self._on_neurons()
        self._on_job()
        self.show_remembered()

    def dropped(self, paths: list[Path]) -> None:
        """Open ROIs or traces."""
        self.inputs.open(paths[0])

    def main_button(self) -> QAbstractButton | None:
        """Return the button that extracts the traces or trains, by the page that is shown."""
        return {self.inputs: self.inputs.extract, self.model: self.model.train}.get(
            self.pages.currentWidget()
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings of traces and training, and the page."""
        return {
            **self.inputs.kept(),
            **self.model.settings(),
            "made_up": self.results.number,
            "page": self.pages,
        }

    def script(self) -> Script:
        """Return what makes the traces, trains the model and maps the neurons again."""
        return script_of(self.session, self.model.device.currentText())

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.model.curves.set_colours(colours)

    def _on_job(self, *_: object) -> None:
        if self.session.work.doing == TRAINING:
            self.pages.setCurrentWidget(self.model)

    def _on_traces(self, *_: object) -> None:
        """Open the dock that shows traces, once: a user who closes it does not want it."""
        if self.session.neurons.traces is not None and not self._traces_opened:
            self._traces_opened = True
            open_panel(self, self.session, "traces")

    def _on_shown_traces(self, *_: object) -> None:
        if self.session.neurons.shown_traces is not None:
            open_panel(self, self.session, "traces")

    def _on_neurons(self, *_: object) -> None:
        if self.session.neurons.result is not None:
            self.pages.setCurrentWidget(self.results)
