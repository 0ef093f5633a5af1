"""A choice of the other recordings of the same field of view that are in the viewer."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_calcdyn.gui.recording.recordings import image_layers, looks_like_a_movie, movie_of
from napari_calcdyn.recording.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import Movie


class OtherRecording(QComboBox):  # type: ignore[misc]
    """Lists the image layers that have frames of the recording's size.

    Signals
    -------
    changed()
        Another one is chosen, or none is there any more.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._layer: weakref.ref[Image] | None = None
        self.movie: Movie | None = None
        """The one that is chosen, None where there is none."""
        self.setToolTip("<qt>An image in the viewer with frames of the same height and width.</qt>")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.activated.connect(self._on_activated)
        self._offered: list[weakref.ref[Image]] = []

    def show_layers(self) -> None:
        """Offer what is in the viewer now; a choice stays while its layer is there."""
        mine, movie = self._session.movie_layer, self._session.recording.movie
        layers = [
            it
            for it in image_layers(self._session)
            if it is not mine and movie is not None and _frame_shape(it) == movie.frame_shape
        ]
        chosen = self._layer() if self._layer is not None else None
        self.blockSignals(True)
        self.clear()
        self.addItems([it.name for it in layers])
        self.setPlaceholderText("choose a recording" if layers else "none of this size is open")
        self.setEnabled(bool(layers))
        self.setCurrentIndex(layers.index(chosen) if chosen in layers else min(0, len(layers) - 1))
        self.blockSignals(False)
        self._offered = [weakref.ref(it) for it in layers]
        self._take()

    def _on_activated(self, _: int) -> None:
        self._take()

    def _take(self) -> None:
        at = self.currentIndex()
        layer = self._offered[at]() if 0 <= at < len(self._offered) else None
        same = self._layer is not None and self._layer() is layer
        if layer is not None and same and self.movie is not None:
            self.movie.name = layer.name
            return
        before = self.movie
        self._layer = weakref.ref(layer) if layer is not None else None
        try:
            self.movie = movie_of(layer) if layer is not None else None
        except InputError as error:
            self.movie = None
            self._session.work.tell("compare", str(error), True)
        if self.movie is not before:
            self.changed.emit()


def _frame_shape(layer: Any) -> tuple[int, ...] | None:
    """Return height and width of a movie's frames; None where a layer is no movie."""
    return tuple(map(int, layer.level_shapes[0][1:])) if looks_like_a_movie(layer) else None
