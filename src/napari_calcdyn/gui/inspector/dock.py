"""The dock *Inspector*: click a cell, see what drives it and what it drives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QAbstractButton

from napari_calcdyn.gui.docks.fronts import in_front
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.docks.side_dock import SideDock
from napari_calcdyn.gui.forms.pieces import beside, tabs
from napari_calcdyn.gui.inspector.arrows.layer import arrow_layer, clear_sources, hide_arrows
from napari_calcdyn.gui.inspector.arrows.page import ArrowsPage
from napari_calcdyn.gui.inspector.arrows.roi_edges import RoiEdges
from napari_calcdyn.gui.layers.movie_time import show_frame, shown_frame
from napari_calcdyn.gui.neurons.inputs import use_drawn
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.gui.what_if.section import WhatIf
from napari_calcdyn.recording.errors import InputError

from .advice import advice
from .head import HeadRow
from .inspection import inspection_of
from .menus import CopyMenu, ExportMenu
from .plot import InspectorPlot
from .rankings import frame_rate, ranking_of
from .regions import region_at, region_of_roi
from .roi_keys import NEXT, PIN, PREVIOUS, RoiKeys, neighbour
from .runs import TESTING, draw_arrows, draw_map, start_test
from .script import script_of
from .sources_page import SourcesPage
from .state import StateRows

if TYPE_CHECKING:
    import numpy as np
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.background.status import Status


class InspectorDock(SideDock):
    """Traces, sources and arrows of what was clicked."""

    topic = "inspector"
    own = ("page", "forecast")

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        session = self.session
        self.views = views_of(session)
        self.inspection = inspection_of(session)
        # Several changes at once are followed once.
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.inspection.refresh)
        # A click beside all ROIs selects none, and then inspects the pixel.
        self._emptied = QTimer(self, singleShot=True, interval=0)
        self._emptied.timeout.connect(self._on_emptied)
        self._build_head(napari_viewer)
        self._build_views()

        rois, traces = session.rois.events, session.neurons.events.traces
        movie, var = session.recording.events.movie, session.dynamics.events.var
        for signal in (movie, var, rois.loaded, traces, session.answers.events.between):
            self.listen(signal, self._on_inputs)
        for signal in (self.inspection.changed, rois.pinned, self.views.recoloured):
            self.listen(signal, self._show)
        self.listen(self.inspection.traced, self._show_traces)
        self.listen(self.inspection.warmed, self._show_state)
        self.listen(rois.selected, self._on_selected)
        self.listen(self.views.clicked, self._on_clicked)
        self.listen(session.answers.events.influence, self._on_influence)
        self.listen(session.work.events.job, self._show_state)
        self.follow_time(napari_viewer)
        for part in (self.inspection, self._keys):
            self._listener.at_end(part.close)
        self._on_influence()
        self.follow_theme(napari_viewer)
        self._show_state()
        self.show_remembered()

    # What the dock is made of

    def _build_head(self, viewer: Viewer) -> None:
        self.head = HeadRow()
        self.head.walked.connect(self._walk)
        self.head.pinned.connect(self._on_pin)
        self.head.unpinned.connect(self._on_unpin)
        self._keys = RoiKeys(
            viewer, self, {PREVIOUS: self._on_previous, NEXT: self._on_next, PIN: self._on_pin}
        )
        self.state = StateRows()
        self.state.way_on.connect(self._on_way)
        self.state.stopped.connect(self._on_stop)
        self.body.addLayout(beside((self.head, 1), self.help))
        for widget in (self.state, self.progress, self.message):
            self.body.addWidget(widget)

    def _build_views(self) -> None:
        self.traces = InspectorPlot(self.views)
        self.traces.plot.moved.connect(self._on_moved)
        self.sources = SourcesPage()
        self.sources.chosen.connect(self._show_map)
        self.arrows = ArrowsPage()
        self.arrows.changed.connect(self._show_arrows)
        self.arrows.picked.connect(self._on_picked)
        self.arrows.test.connect(self._on_test)
        self.what_if = WhatIf(self.session)
        self.pages = tabs(
            (self.sources, "Sources", "What drives this region, ranked."),
            (self.arrows, "Arrows", "Which ROIs drive this one, and which it drives."),
            (self.what_if, "What if", "Push a source or an ROI and see it spread; forecast frames."),
        )
        self.copy, self.export = CopyMenu(self), ExportMenu(self)
        more = MoreButton(self.session, self.topic, partial(script_of, self.session))
        self.body.addWidget(self.traces, 1)
        self.body.addWidget(self.pages, 1)
        self.body.addLayout(beside(self.copy, self.export, more))

    # What the user does

    def _on_selected(self, *_: object) -> None:
        if not in_front(self):
            self._clear_layers()  # they would be of another ROI
            return
        selected, rois = self.session.rois.selected, self.session.rois.loaded
        if not selected:
            self._emptied.start()
        else:
            self.inspection.look_at(None if rois is None else region_of_roi(rois, selected[-1]))

    def _on_emptied(self) -> None:
        region = self.inspection.region
        if not self.session.rois.selected and region is not None and region.roi is not None:
            self.inspection.look_at(None)

    def _on_clicked(self, number: int | None, position: NDArray[np.float64]) -> None:
        """Inspect what is beside all ROIs; and after a click on the same ROI, bring back layers that were deleted."""
        if not in_front(self) or self.inspection.inputs() is None:
            return
        if number is not None:
            if arrow_layer(self.session) is None:
                self._show_map()
                self._show_arrows()
            return
        try:
            region = region_at(self.session, position)
        except InputError as error:
            self.session.work.tell("inspector", str(error), True)
            return
        if region is not None:
            self.inspection.look_at(region)

    def _on_previous(self) -> None:
        self._walk(-1)

    def _on_next(self) -> None:
        self._walk(1)

    def _walk(self, step: int) -> None:
        rois = self.session.rois.loaded
        if rois is None:
            return
        self.views.select([neighbour(rois.ids.tolist(), self.session.rois.selected, step)])

    def _on_pin(self) -> None:
        region, pinned = self.inspection.region, self.session.rois.pinned
        if region is None or region.roi is None:
            return
        others = tuple(it for it in pinned if it != region.roi)
        self.session.rois.pinned = others if region.roi in pinned else (*others, region.roi)

    def _on_unpin(self) -> None:
        self.session.rois.pinned = ()

    def _on_picked(self, number: int) -> None:
        self.views.select([number])

    def _on_moved(self, frame: int) -> None:
        show_frame(self.session, frame)

    def _on_test(self) -> None:
        start_test(self.session, self.inspection)

    def _on_stop(self) -> None:
        if self.session.work.doing == TESTING:
            self.session.work.stop()
        else:
            self.inspection.stop()

    def _on_way(self) -> None:
        way, region = advice(self.session, self.inspection).way, self.inspection.region
        layer = region.layer() if region is not None and region.layer is not None else None
        if way in ("go on", "try again"):
            self.inspection.go_on()
        elif way == "use layer" and layer is not None:
            use_drawn(self.session, layer)
        elif way in ("recording", "dynamics", "neurons"):
            open_panel(self, self.session, way)

    # What follows

    def _on_inputs(self, *_: object) -> None:
        rois = self.session.rois.loaded
        known = set() if rois is None else set(rois.ids.tolist())
        self.session.rois.pinned = tuple(it for it in self.session.rois.pinned if it in known)
        self.inspection.problem = ""
        if not in_front(self):
            self._clear_layers()  # they would be of another recording, or of another model
        self._later.start()

    def _on_influence(self, *_: object) -> None:
        influence = self.session.answers.influence
        self.arrows.set_edges(None if influence is None else RoiEdges(influence))
        notice = self.session.work.notice
        untested = influence is None or influence.p_values is None
        if untested and notice is not None and notice.topic == self.topic and not notice.is_error:
            self.session.work.notice = None  # how many passed is not true of other arrows
        self._show_arrows()

    def _show(self, *_: object) -> None:
        """Show the current region and those that are compared with it."""
        if not in_front(self):
            return
        inspection = self.inspection
        found, prepared, region = inspection.current, inspection.prepared, inspection.region
        inputs = inspection.inputs()
        walkable = inputs is not None and inputs.rois is not None
        self.head.show_region(region, self.session.rois.pinned, walkable=walkable)
        self._show_traces()
        self.sources.show_ranking(None if found is None or prepared is None else ranking_of(found, prepared))
        self.arrows.set_frame_rate(None if prepared is None else frame_rate(prepared))
        self._show_map()
        self._show_arrows()
        self._show_state()

    def _show_traces(self) -> None:
        found, prepared = self.inspection.current, self.inspection.prepared
        if prepared is None:
            self.traces.show_regions((), unit="", rate=None)
        else:
            shown = ([] if found is None else [found]) + list(self.inspection.compared())
            self.traces.show_regions(shown, unit=prepared.unit, rate=frame_rate(prepared))
        self.show_time()

    def _show_map(self) -> None:
        draw_map(self.session, self.inspection, self.sources.sources)

    def _show_arrows(self) -> None:
        if not in_front(self):
            return
        region = self.inspection.region if self.inspection.current is not None else None
        self.arrows.show_roi(None if region is None else region.roi)
        draw_arrows(self.session, region, self.arrows)

    def _clear_layers(self) -> None:
        clear_sources(self.session)
        hide_arrows(self.session)

    def _show_state(self, *_: object) -> None:
        """Show how far the warm-up is, what is missing, and the way on."""
        session, inspection = self.session, self.inspection
        testing = session.work.doing == TESTING
        self.state.show_state(advice(session, inspection), inspection.status, stoppable=testing)
        tested = cells_of(session) is not None  # with the matrix of the Dynamics panel
        self.arrows.run.setVisible(not tested)
        self.arrows.run.setEnabled(session.work.free and self.arrows.pairs > 0)
        known = inspection.current is not None
        self.copy.setEnabled(known)
        self.export.setEnabled(known or session.answers.influence is not None)

    def _show_status(self, status: Status | None) -> None:
        super()._show_status(status)
        self._show_state()

    def show_time(self) -> None:
        """Move the cursor with the slider; nothing is computed or drawn anew."""
        self.traces.plot.set_cursor(shown_frame(self.session) if self.traces.shown else None)

    def main_button(self) -> QAbstractButton:
        """Return the button that tests the arrows."""
        return self.arrows.run

    def settings(self) -> dict[str, Any]:
        """Return the page, which arrows are shown, and what would be pushed and forecast."""
        return {"page": self.pages, **self.arrows.settings(), **self.what_if.settings()}

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.traces.set_colours(colours)
        self.arrows.set_dark(sum(colours.background) < sum(colours.text))
        self._show_arrows()

    def on_front(self, front: bool) -> None:
        """Catch up with what was clicked meanwhile; start nothing new for a dock that nobody sees."""
        self.inspection.wanted = front
        if not front:
            return
        selected, region = self.session.rois.selected, self.inspection.region
        if selected and (region is None or region.roi != selected[-1]):
            self._on_selected()
        self._later.start()
