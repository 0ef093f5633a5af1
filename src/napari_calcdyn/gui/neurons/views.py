"""Neurons on the movie and in the map of their latents: the same colours, one selection, either way.

`Session.selected` is the selection. Whatever the user clicks sets it, and everything that shows neurons follows it;
no view tells another one directly.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_calcdyn.gui.layers.movie_time import belong_together, show_frame, strongest_event
from napari_calcdyn.gui.plots.theme import plot_colours
from napari_calcdyn.gui.session import Session, SessionPart

from .columns import CLUSTER, neuron_columns
from .latent_layer import ROI_ID, map_points, paint_map, place_map, put_latent_map
from .picking import install_picking
from .roi_colours import GREY, Colouring, colour_by, own_colours
from .roi_layers import paint_rois

if TYPE_CHECKING:
    from napari.layers import Layer, Points
    from numpy.typing import NDArray


OWN = "each its own"
"""Colours that mean nothing but tell neighbours apart; all there is before an analysis."""


def show_neurons(session: Session) -> None:
    """Show the session's neurons in the map, in their colours, and link map and movie.

    Parameters
    ----------
    session : Session
        With neurons. May be called any number of times: a map that was deleted is made again, one that was
        renamed is used on.
    """
    views_of(session).show_map()


class NeuronViews(SessionPart):
    """What shows the neurons of one session in its viewer; made by `views_of`.

    Holds neither session nor viewer nor layers.

    Signals
    -------
    recoloured()
        The colours, or the columns that there are, changed.
    clicked(object, object)
        What was clicked without Shift, after it was selected: the id of an ROI or a neuron, or None beside all of
        them; and where in the world.
    """

    recoloured = Signal()
    clicked = Signal(object, object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._map: weakref.ref[Points] | None = None
        self._wanted = CLUSTER
        self._renewing = self._put_away = False  # the map: by us, or hidden while there are no neurons
        self._columns: dict[str, NDArray[Any]] = {}
        self._colouring = own_colours(0)
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)  # in the order of the colouring
        for signal, slot in (
            (session.rois.events.loaded, self._on_rois),
            (session.rois.events.layer, self._paint_rois),
            (session.neurons.events.result, self._on_neurons),
            (session.neurons.events.traces, self._recolour),
            (session.neurons.events.columns, self._on_columns),
            (session.rois.events.selected, self._on_selected),
            (session.recording.events.movie, self._place_map),
            (session.recording.events.movie, self._paint_rois),
        ):
            signal.connect(slot)
        viewer = session.viewer
        if viewer is not None:
            viewer.events.theme.connect(self._paint_map)  # napari holds methods weakly
            install_picking(viewer, self)
        self._recolour()

    @property
    def map_layer(self) -> Points | None:
        """The map, or None where there is none or it was removed."""
        viewer = self.session.viewer
        layer = self._map() if self._map is not None else None
        return layer if viewer is not None and layer is not None and layer in viewer.layers else None

    def layers(self) -> dict[str, Layer | None]:
        """Return the map, which stays one under another name."""
        return {"map": self.map_layer}

    @property
    def column_names(self) -> list[str]:
        """What the neurons can be coloured by."""
        return [*self._columns, OWN]

    @property
    def column(self) -> str:
        """What the neurons are coloured by: the one that was asked for, where it exists."""
        return self._wanted if self._wanted in self._columns else OWN

    @property
    def wanted(self) -> str:
        """What the neurons are to be coloured by, where it exists."""
        return self._wanted

    @property
    def colouring(self) -> Colouring:
        """The colours, and what they mean."""
        return self._colouring

    def colour_by(self, column: str) -> None:
        """Colour map and ROIs by one of `column_names`; remembered through the next analyses."""
        self._wanted = column
        self._recolour()

    def colours_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the colours of some neurons, (n, 3); grey for one that has none."""
        colours = np.full((len(ids), 3), GREY, np.float32)
        if len(self._ids):
            order = np.argsort(self._ids)
            at = order[np.minimum(np.searchsorted(self._ids, ids, sorter=order), len(order) - 1)]
            known = self._ids[at] == ids
            colours[known] = self._colouring.colours[at[known]]
        return colours

    def show_map(self) -> None:
        """Make the map of the session's neurons, or bring it up to date."""
        session, viewer = self.session, self.session.viewer
        if viewer is None or session.neurons.result is None:
            return
        before = self.map_layer
        like = session.movie_layer or session.roi_labels
        self._renewing = True
        try:
            layer = put_latent_map(viewer, session.neurons.result, neuron_columns(session), before, like)
        finally:
            self._renewing = False
        if self._put_away:
            self._put_away, layer.visible = False, True
        if layer is not before:
            self._map = weakref.ref(layer)
            layer.selected_data.events.items_changed.connect(self._on_points_selected)
            layer.events.data.connect(self._on_points_edited)
            viewer.reset_view()  # which a user who analyses again has set up since
        self._paint_map()

    # What the user does

    def select(self, ids: Iterable[int], *, add: bool = False, at_event: bool = False) -> None:
        """Select neurons.

        Parameters
        ----------
        ids : iterable of int
            Their ids.
        add : bool
            Whether to keep those that are selected; one that is selected already is dropped.
        at_event : bool
            Whether to move the movie to their strongest event.
        """
        session = self.session
        new = list(dict.fromkeys(int(number) for number in ids))
        if add:
            old = session.rois.selected
            new = [*(it for it in old if it not in set(new)), *(it for it in new if it not in set(old))]
        session.rois.selected = tuple(new)
        if at_event and new and belong_together(session) and session.neurons.traces is not None:
            frame = strongest_event(session.neurons.traces, np.array(new))
            if frame is not None:
                show_frame(session, frame)

    def _on_points_selected(self, *_: object) -> None:
        """Take over what was selected with napari's own tool."""
        layer, session = self.map_layer, self.session
        if layer is None or self._renewing or session.neurons.result is None:
            return
        ids = self._point_ids(layer)
        chosen = ids[[index for index in sorted(layer.selected_data) if index < len(ids)]].tolist()
        in_map = set(ids.tolist())
        if set(chosen) != {it for it in session.rois.selected if it in in_map}:
            kept = [it for it in session.rois.selected if it in set(chosen)]
            self.select([*kept, *(it for it in chosen if it not in set(kept))], at_event=True)

    def _on_points_edited(self, event: Any) -> None:
        """Put points back that were moved, deleted or added: their places are the result of an analysis."""
        session, layer = self.session, self.map_layer
        if self._renewing or session.neurons.result is None or layer is None:
            return
        if not np.array_equal(layer.data, map_points(session.neurons.result)):
            self.show_map()

    # What follows

    def _on_neurons(self, *_: object) -> None:
        """Hide a map of neurons that are gone, as nothing answers in it; the next one follows by `show_neurons`."""
        session, layer = self.session, self.map_layer
        if session.neurons.result is None and layer is not None and layer.visible:
            self._put_away, layer.visible = True, False
        self._recolour()

    def _on_rois(self, *_: object) -> None:
        session = self.session
        known = set() if session.rois.loaded is None else set(session.rois.loaded.ids.tolist())
        session.rois.selected = tuple(it for it in session.rois.selected if it in known)
        self._recolour()

    def _on_columns(self, *_: object) -> None:
        self._recolour()
        if self.map_layer is not None:
            self.show_map()  # whose features they are

    def _on_selected(self, *_: object) -> None:
        self.session.neurons.shown_traces = None
        self._paint_rois()
        self._paint_map()

    def _recolour(self, *_: object) -> None:
        session = self.session
        self._columns = neuron_columns(session)
        if self.column != OWN and session.neurons.result is not None:
            values = self._columns[self.column]
            if self.column == CLUSTER:
                values = np.where(values < 0, np.nan, values)  # in no cluster
            self._ids, self._colouring = session.neurons.result.ids, colour_by(values)
        else:
            known = session.rois.loaded or session.neurons.traces or session.neurons.result
            self._ids = np.empty(0, np.int64) if known is None else known.ids
            self._colouring = own_colours(len(self._ids))
        self._paint_rois()
        self._paint_map()
        self.recoloured.emit()

    def _paint_rois(self, *_: object) -> None:
        """Give the ROIs their colours, and dim those that are not selected."""
        session, layer = self.session, self.session.roi_labels
        if layer is None or session.rois.loaded is None:
            return
        ids = session.rois.loaded.ids
        chosen = np.isin(ids, session.rois.selected)
        paint_rois(layer, self.colours_of(ids), chosen, over_movie=session.movie_layer is not None)

    def _paint_map(self, *_: object) -> None:
        """Give the points their colours, and ring those of the selected neurons."""
        layer, session, viewer = self.map_layer, self.session, self.session.viewer
        if layer is None or viewer is None or session.neurons.result is None:
            return
        ids = self._point_ids(layer)
        chosen = np.isin(ids, session.rois.selected)
        red, green, blue = (value / 255 for value in plot_colours(viewer.theme).text)
        paint_map(layer, self.colours_of(ids), chosen, (red, green, blue))
        wanted = set(np.flatnonzero(chosen).tolist())
        if set(layer.selected_data) != wanted:
            layer.selected_data = wanted

    def _place_map(self, *_: object) -> None:
        layer = self.map_layer
        if layer is not None:
            place_map(layer, self.session.movie_layer or self.session.roi_labels)

    @staticmethod
    def _point_ids(layer: Points) -> NDArray[np.int64]:
        return np.asarray(layer.features[ROI_ID], np.int64)


def views_of(session: Session) -> NeuronViews:
    """Return what shows the neurons of a session, made on first use."""
    return session.part(NeuronViews)
