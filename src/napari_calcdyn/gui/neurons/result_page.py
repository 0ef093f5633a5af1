"""The page *Neurons* of the dock of that name: colours, neurons made up by the model, and the table to keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QFileDialog, QSpinBox, QVBoxLayout, QWidget

from napari_calcdyn.gui.docks.dock import Listener, caption
from napari_calcdyn.gui.docks.saving import ask_file
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped
from napari_calcdyn.gui.session import Session

from .colour_legend import ColourLegend
from .columns_file import read_columns
from .roi_layers import show_rois
from .runs import draw_samples, export_neurons, interpolate
from .views import show_neurons, views_of

if TYPE_CHECKING:
    from napari_calcdyn.analysis.neurons.neurons import Neurons

_NAMED = 4  # selected ROIs that are listed by number


class ResultPage(QWidget):  # type: ignore[misc]
    """What can be done with the neurons once they are mapped.

    Parameters
    ----------
    session : Session
        Whose neurons.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self._seed = 0
        layout = stacked(parent=self, margins=(2, 6, 2, 2))
        self._build_map(layout, listener)
        layout.addSpacing(6)
        self._build_made_up(layout)
        layout.addSpacing(6)
        self._build_export(layout)
        layout.addStretch(1)

        for signal in (
            session.neurons.events.result,
            session.work.events.job,
            session.neurons.events.model,
            session.neurons.events.traces,
            session.rois.events.loaded,
        ):
            listener.connect(signal, self._show_neurons)
        listener.connect(session.rois.events.selected, self._show_selected)
        self._show_neurons()
        self._show_selected()

    # What the page is made of

    def _build_map(self, layout: QVBoxLayout, listener: Listener) -> None:
        self.facts = wrapped()
        layout.addWidget(self.facts)
        self.selected = wrapped()
        layout.addWidget(self.selected)
        layout.addSpacing(6)
        layout.addWidget(caption("Colour neurons by"))
        self.colours = ColourLegend(views_of(self.session), listener)
        self.colours.setMinimumHeight(200)  # some categories without scrolling
        layout.addWidget(self.colours)
        self.columns = button(
            "Add columns …",
            "<qt>A CSV table with what else is known of the neurons, such as their type: names in the first row, then "
            "one row for each neuron, in order or with a column roi_id.</qt>",
            self._ask_columns,
        )
        layout.addWidget(self.columns)

    def _build_made_up(self, layout: QVBoxLayout) -> None:
        layout.addWidget(
            caption(
                "Made up by the model",
                "<qt>Traces that the model generates. They show what it has learned.</qt>",
            )
        )
        self.number = QSpinBox()
        self.number.setRange(2, 20)
        self.number.setValue(9)
        self.number.setSuffix(" traces")
        self.between = button(
            "Between two",
            "<qt>Traces generated between two selected neurons. They show what the neurons share and where "
            "they differ. Select two neurons with Shift.</qt>",
            self._on_between,
        )
        self.samples = button(
            "At random",
            "<qt>Traces of random neurons that the model generates. Press again for others.</qt>",
            self._on_samples,
        )
        layout.addWidget(self.number)
        layout.addLayout(beside(self.between, self.samples))

    def _build_export(self, layout: QVBoxLayout) -> None:
        self.export = button(
            "Export table …",
            "<qt>A CSV file with a row for each neuron: ROI, latents, place on the map, cluster.</qt>",
            self._ask_export,
        )
        layout.addWidget(self.export)
        self.show_again = button(
            "Show map and ROIs",
            "<qt>Shows their layers again if they were hidden or deleted.</qt>",
            self._on_show_again,
        )
        layout.addWidget(self.show_again)

    # What the user does

    def _on_show_again(self) -> None:
        show_rois(self.session)
        show_neurons(self.session)
        for layer in (self.session.roi_labels, views_of(self.session).map_layer):
            if layer is not None:
                layer.visible = True

    def _ask_columns(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Open a table of the neurons", filter="Tables (*.csv *.xlsx)"
        )
        if name:
            read_columns(self.session, Path(name))

    def _on_between(self) -> None:
        interpolate(self.session, self.number.value())

    def _on_samples(self) -> None:
        if draw_samples(self.session, self.number.value(), self._seed):
            self._seed += 1

    def _ask_export(self) -> None:
        path = ask_file(self, self.session, "neurons", "Export the neurons", "neurons", ("csv",))
        if path is not None:
            export_neurons(self.session, path)

    # What the page shows

    def _show_neurons(self, *_: object) -> None:
        session = self.session
        neurons, idle = session.neurons.result, session.work.free
        self.columns.setEnabled(idle and session.neurons.traces is not None)
        self.samples.setEnabled(idle and session.neurons.model is not None)
        self.export.setEnabled(idle and neurons is not None)
        self.show_again.setEnabled(neurons is not None or session.rois.loaded is not None)
        if neurons is not None:
            self.facts.setText(neuron_facts(neurons))
        elif session.neurons.model is None:
            self.facts.setText("There is no map yet: train or load a model.")
        else:
            first = "open traces, then press" if session.neurons.traces is None else "press"
            self.facts.setText(f"Not mapped yet: {first} “Map neurons” on the page <i>Model</i>.")
        self._show_selected()

    def _show_selected(self, *_: object) -> None:
        selected = self.session.rois.selected
        names = ", ".join(map(str, selected[:_NAMED])) + (" …" if len(selected) > _NAMED else "")
        self.selected.setText(
            f"{len(selected):,} selected: ROI {names}"
            if selected
            else "Click a neuron; Shift adds another one."
        )
        self.selected.setVisible(
            self.session.neurons.result is not None or self.session.rois.loaded is not None
        )
        self.between.setEnabled(
            len(selected) == 2 and self.session.neurons.result is not None and self.session.work.free
        )


def neuron_facts(neurons: Neurons) -> str:
    """Return how many neurons and clusters there are, as rich text."""
    usable = np.array([problem is None for problem in neurons.problems])
    cluster = neurons.cluster[usable]
    clusters, alone, left_out = len(np.unique(cluster[cluster >= 0])), np.sum(cluster < 0), np.sum(~usable)
    facts = f"<b>{len(cluster):,} neurons</b> in {'1 cluster' if clusters == 1 else f'{clusters} clusters'}"
    facts += f", {alone:,} in none" if alone else ""
    return facts + (f"; {left_out:,} without a usable trace" if left_out else "")
