"""The pixels that are left out, as a layer that the user can paint."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.layers.layers import RESULT, keeping_active, spatial_metadata

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session

MASKED_PIXELS = "Recording: masked pixels"
_PAUSE_MS = 400  # without a stroke of the brush, before the movie follows
_COLOURS = [[0.0, 0.0, 0.0, 0.0], [0.9, 0.2, 0.55, 1.0]]  # of what is left in and out


class PixelMask:
    """A Labels layer in which 1 is left out; there is none while nothing is, unless the user wants to paint.

    Parameters
    ----------
    session : Session
        Whose recording; held weakly.
    painted : callable
        A method that gets the mask (Y, X) that the user painted; held weakly.
    """

    def __init__(self, session: Session, painted: Callable[[NDArray[np.bool_]], None]) -> None:
        self._session = weakref.ref(session)
        self._painted = weakref.WeakMethod(painted)
        self._layer: weakref.ref[Labels] | None = None
        self._shown = np.zeros(
            (0, 0), bool
        )  # the layer differs from it where a stroke is not handed over yet
        self._soon = QTimer(singleShot=True, interval=_PAUSE_MS)
        self._soon.timeout.connect(self._hand_over)

    def show(self, *, anyway: bool = False) -> None:
        """Show what is left out now, unless the user is painting, or anyway."""
        session = self._session()
        quality = session.recording.quality if session is not None else None
        if session is None or quality is None:
            return
        layer = self._there(session)
        if "pixels" in session.recording.kinds or layer is not None:
            masked = self._wanted(session)
            if layer is None and masked.any():
                layer = self._add(session, masked)
            elif layer is not None and (anyway or np.array_equal(layer.data != 0, self._shown)):
                self._shown = masked
                if not np.array_equal(layer.data != 0, masked):
                    layer.data = masked.astype(np.uint8)

    def edit(self) -> None:
        """Bring the layer to the user's hand, with the brush."""
        session = self._session()
        if session is None or session.viewer is None or session.recording.quality is None:
            return
        layer = self._there(session) or self._add(session, self._wanted(session))
        layer.visible = True
        session.viewer.layers.selection.active = layer
        layer.selected_label, layer.mode = 1, "paint"

    def close(self) -> None:
        """Hand nothing over any more."""
        self._soon.stop()

    def _wanted(self, session: Session) -> NDArray[np.bool_]:
        quality = session.recording.quality
        assert quality is not None  # asked before
        return ~quality.valid_pixels & ("pixels" in session.recording.kinds)

    def _there(self, session: Session) -> Labels | None:
        layer = self._layer() if self._layer is not None else None
        fitting = layer is not None and layer.data.shape == self._wanted(session).shape
        return layer if fitting and session.viewer is not None and layer in session.viewer.layers else None

    def _add(self, session: Session, masked: NDArray[np.bool_]) -> Any:
        viewer, like = session.viewer, session.movie_layer
        if viewer is None or like is None:
            return None
        old = self._layer() if self._layer is not None else None
        if old is not None and old in viewer.layers:  # of a recording of another size
            viewer.layers.remove(old)
        with keeping_active(viewer):
            layer = viewer.add_labels(
                masked.astype(np.uint8),
                name=MASKED_PIXELS,
                opacity=0.5,
                # For one with a dictionary of colours, napari compiles code for seconds.
                colormap=CyclicLabelColormap(colors=_COLOURS),
                metadata={RESULT: MASKED_PIXELS},
                **spatial_metadata(like, 2),
            )
        layer.brush_size = 3
        self._layer, self._shown = weakref.ref(layer), masked
        for signal in (layer.events.labels_update, layer.events.data, layer.events.set_data):
            signal.connect(self._on_painted)
        return layer

    def _on_painted(self, event: Any = None) -> None:
        self._soon.start()

    def _hand_over(self) -> None:
        session, painted = self._session(), self._painted()
        layer = self._there(session) if session is not None and session.recording.quality else None
        if session is None or painted is None or layer is None:
            return
        masked = np.asarray(layer.data) != 0
        if not np.array_equal(masked, self._shown):
            self._shown = masked
            painted(masked)
