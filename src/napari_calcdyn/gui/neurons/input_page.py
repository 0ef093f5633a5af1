"""The page *Traces* of the dock *Neurons*: choose ROIs, get their traces."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QSizePolicy, QVBoxLayout, QWidget

from napari_calcdyn.gui.docks.dock import Listener, caption
from napari_calcdyn.gui.forms.pieces import beside, button, stacked, wrapped
from napari_calcdyn.gui.forms.values import Quiet
from napari_calcdyn.gui.opening.dialog import look_box
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.errors import InputError

from .facts import roi_facts, trace_facts
from .finding import FINDING, find_cells
from .inputs import EXTRACTING, SIGNAL, check_rois, extract, has_both, make_signal, use_drawn
from .opening import OPENING, open_neurons
from .roi_layers import raise_rois, show_rois
from .roi_sources import drawn_layers
from .trace_settings import TraceSettings, TraceSettingsForm

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_calcdyn.recording.traces.tables import CellsIn

_STOPPABLE = (EXTRACTING, OPENING, SIGNAL)
_ROI_FILES = "ROIs (*.zip *.roi *.tif *.tiff *.h5 *.hdf5 *.nwb *.mat);;All files (*)"
_OTHER: dict[str, CellsIn] = {"rows": "columns", "columns": "rows"}
_TRACE_FILES = "Traces (*.npy *.csv *.tsv *.txt *.xlsx *.h5 *.hdf5 *.nwb *.mat *.nc);;All files (*)"


class InputPage(QWidget):  # type: ignore[misc]
    """ROIs and traces.

    Parameters
    ----------
    session : Session
        Whose they are.
    viewer : napari.Viewer
        Whose layers are offered.
    listener : Listener
        Of the dock that it is part of.
    """

    def __init__(self, session: Session, viewer: Viewer, listener: Listener) -> None:
        super().__init__()
        self.session = session
        self._source = session.recording.source  # the recording that the ROIs were last shown over
        layout = stacked(parent=self, margins=(2, 6, 2, 2))
        self._build_rois(layout)
        layout.addSpacing(6)
        self._build_traces(layout)
        layout.addStretch(1)

        for signal in (session.rois.events.loaded, session.rois.events.path):
            listener.connect(signal, self._show_rois)
        listener.connect(session.recording.events.movie, self._on_movie)
        for signal in (
            session.neurons.events.traces,
            session.neurons.events.fluorescence,
            session.rois.events.loaded,
        ):
            listener.connect(signal, self._show_traces)
        listener.connect(session.recording.events.movie, self._show_traces)
        listener.connect(session.work.events.job, self._show_job)
        layers = viewer.layers.events
        for signal in (layers.inserted, layers.removed, layers.renamed):
            listener.connect(signal, self._refresh_layers)
        self._refresh_layers()
        self._show_rois()
        self._show_traces()
        self._show_job()

    # What the page is made of

    def _build_rois(self, layout: QVBoxLayout) -> None:
        layout.addWidget(caption("ROIs", "The outlines of the cells: one for each neuron."))
        self.roi_facts = wrapped()
        layout.addWidget(self.roi_facts)
        self.find = button(
            "Find cells",
            "<qt>Find the cells whose brightness changes, in the movie as it is corrected. They replace the ROIs that "
            "are there.</qt>",
            self._on_find,
        )
        layout.addWidget(self.find)
        self.choice = QComboBox()
        self.choice.setToolTip(
            "<qt>A Labels layer, or a Shapes layer with polygons, ellipses or rectangles: every label and every "
            "shape becomes an ROI. Choose the layer again after changing it.</qt>"
        )
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.activated.connect(self._on_choice)
        layout.addWidget(self.choice)
        self.open_file = button(
            "Open file …",
            "ROIs of ImageJ (.zip, .roi), labels as TIFF, or ROIs and traces of CaImAn, EXTRACT, Minian (.nc) or NWB.",
            self._ask_rois,
        )
        self.open_folder = button(
            "Open suite2p …", "A folder that suite2p or Minian wrote: ROIs and traces.", self._ask_folder
        )
        layout.addLayout(beside(self.open_file, self.open_folder))
        self.look = look_box("the ROIs over the movie")
        layout.addWidget(self.look)
        self.only_cells = QCheckBox()
        self.only_cells.setToolTip(
            "<qt>suite2p and CaImAn classify each ROI as a cell or not. If this is not ticked, all ROIs are used.</qt>"
        )
        self.only_cells.toggled.connect(self._on_given)
        layout.addWidget(self.only_cells)

    def _build_traces(self, layout: QVBoxLayout) -> None:
        layout.addWidget(caption("Traces", "The fluorescence of every ROI over time."))
        self.trace_facts = wrapped()
        layout.addWidget(self.trace_facts)
        self.extract = button(
            "Extract from movie",
            "<qt>The mean of each ROI in every frame of the movie.</qt>",
            self._on_extract,
        )
        self.open_traces = button(
            "Open file …",
            "<qt>Traces as .npy, one in each row, or in a table (.csv, .tsv, .txt). No movie is needed.</qt>",
            self._ask_traces,
        )
        layout.addLayout(beside(self.extract, self.open_traces))
        self.given = button(
            "Take those of the ROIs' file",
            "The traces that the program extracted which found the ROIs.",
            self._on_given,
        )
        layout.addWidget(self.given)
        self.turn = button(
            "",
            "<qt>Read the table the other way round, if its cells were looked for in the wrong direction.</qt>",
            self._on_turn,
        )
        layout.addWidget(self.turn)

        self.settings = TraceSettingsForm()
        self.settings.signal_edited.connect(self._on_signal)
        layout.addWidget(self.settings)

    # What the user does

    def _on_find(self) -> None:
        if self.session.work.doing == FINDING:
            self.session.work.stop()
        else:
            find_cells(self.session)

    def _ask_rois(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open ROIs", filter=_ROI_FILES)
        if name:
            self.open(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder of suite2p")
        if name:
            self.open(Path(name))

    def _ask_traces(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open traces", filter=_TRACE_FILES)
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Open ROIs or traces: a folder of suite2p, a file of ImageJ, CaImAn, EXTRACT or NWB, a .npy or a .csv file."""
        settings = self._settings()
        if settings is not None:
            look, only_cells = self.look.isChecked(), self.only_cells.isChecked()
            open_neurons(self.session, path, settings, only_cells=only_cells, look=look)

    def _on_choice(self, index: int) -> None:
        name = self.choice.itemText(index)
        self.choice.setCurrentIndex(-1)  # where the ROIs came from is written above
        layer = next((it for it in drawn_layers(self.session) if it.name == name), None)
        if layer is not None:
            use_drawn(self.session, layer)

    def _on_given(self) -> None:
        """Open the file of the ROIs again, with what is ticked now."""
        rois, settings = self.session.rois, self._settings()
        if rois.path is not None and settings is not None:
            only_cells = self.only_cells.isChecked()
            open_neurons(self.session, rois.path, settings, only_cells=only_cells, exchanged=rois.exchanged)

    def _on_turn(self) -> None:
        """Take rows of a table for cells in place of columns, or the other way round."""
        fluorescence, settings = self.session.neurons.fluorescence, self._settings()
        if fluorescence is not None and settings is not None:
            about = fluorescence.provenance
            open_neurons(self.session, Path(about["file"]), settings, cells_in=_OTHER[about["cells_in"]])

    def _on_extract(self) -> None:
        if self.session.work.doing in _STOPPABLE:
            self.session.work.stop()
            return
        settings = self._settings()
        if settings is not None:
            extract(self.session, settings)

    def _on_signal(self) -> None:
        """Follow the settings that need no new extraction."""
        settings = self._settings()
        if settings is not None:
            make_signal(self.session, settings, self.settings.frame_rate.value)

    def _settings(self) -> TraceSettings | None:
        """Return what is set, or None after having said what is wrong with it."""
        try:
            return self.settings.settings()
        except InputError as error:
            self.session.work.tell("neurons", str(error), True)
            return None

    # What the page shows

    def kept(self) -> dict[str, Any]:
        """Return the widgets whose values a session keeps; none of them begins anything."""
        return {"only_cells": Quiet(self.only_cells), "traces": self.settings}

    def _on_movie(self, *_: object) -> None:
        rois, movie = self.session.rois.loaded, self.session.recording.movie
        if rois is not None and movie is not None:
            if rois.frame_shape == movie.frame_shape:
                # Where the movie lies, also if their layer went with it. One that the user deleted stays away when
                # the same recording is corrected otherwise.
                if self.session.roi_labels is not None or self.session.recording.source is not self._source:
                    show_rois(self.session)
                # The order of the layers cannot be changed while the movie's is being added.
                QTimer.singleShot(0, partial(raise_rois, self.session))
            check_rois(self.session)
        self._source = self.session.recording.source
        self._show_job()

    def _refresh_layers(self, *_: object) -> None:
        names = [it.name for it in drawn_layers(self.session)]
        self.choice.clear()
        self.choice.addItems(names)
        self.choice.setEnabled(bool(names))
        self.choice.setPlaceholderText(
            "take them from a layer" if names else "no layer with labels or shapes"
        )
        self.choice.setCurrentIndex(-1)

    def _show_rois(self, *_: object) -> None:
        rois = self.session.rois.loaded
        cells = rois.cells if rois is not None else None
        self.given.setVisible(has_both(self.session.rois.path))
        self.only_cells.setVisible(cells is not None)
        self.roi_facts.setText(roi_facts(self.session))
        if cells is not None:
            self.only_cells.setText(f"only what its file calls a cell ({np.count_nonzero(cells):,})")
        self._show_job()

    def _show_traces(self, *_: object) -> None:
        fluorescence = self.session.neurons.fluorescence
        cells_in = fluorescence.provenance.get("cells_in") if fluorescence is not None else None
        self.turn.setVisible(cells_in is not None)
        self.turn.setText(f"The cells are in {_OTHER.get(cells_in, '')}" if cells_in else "")
        self.trace_facts.setText(trace_facts(self.session))
        if fluorescence is not None:
            self.settings.show_frame_rate(fluorescence.frame_rate)
        self._show_job()

    def _show_job(self, *_: object) -> None:
        session, free = self.session, self.session.work.free
        finding, running = session.work.doing == FINDING, session.work.doing in _STOPPABLE
        self.find.setText("Stop" if finding else "Find cells")
        self.find.setEnabled(finding or session.recording.movie is not None)
        self.extract.setText("Stop" if running else "Extract from movie")
        self.extract.setEnabled(
            running or (session.recording.movie is not None and session.rois.loaded is not None)
        )
        # A change here takes effect at once, which it cannot while something else is under way.
        for widget in (self.only_cells, self.settings.relative.native, self.settings.baseline):
            widget.setEnabled(free)
        self.settings.frame_rate.enabled = free and session.neurons.fluorescence is not None
