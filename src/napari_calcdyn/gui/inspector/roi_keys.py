"""Keys that walk from ROI to ROI, while the picture or the Inspector has the focus."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Side by side on the keyboard, and no shortcut of napari's window or of any of its layers.
PIN, PREVIOUS, NEXT = "H", "J", "K"


class RoiKeys:
    """Binds keys in a viewer and in a widget; a key that the user bound before keeps its meaning in the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        In which the keys count while its picture has the focus; held weakly.
    widget : QWidget
        In which they count too.
    actions : mapping of str to bound method
        What each key does; held weakly.
    """

    def __init__(self, viewer: Viewer, widget: QWidget, actions: Mapping[str, Callable[[], object]]) -> None:
        self._viewer = weakref.ref(getattr(viewer, "__wrapped__", viewer))
        self._bound: list[str] = []
        for key, action in actions.items():
            shortcut = QShortcut(QKeySequence(key), widget)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
            if key not in {str(it) for it in viewer.keymap}:
                viewer.bind_key(key, _calling(weakref.WeakMethod(action)))
                self._bound.append(key)

    def close(self) -> None:
        """Give the viewer's keys back. May be called any number of times."""
        viewer = self._viewer()
        while self._bound:
            key = self._bound.pop()
            if viewer is not None:
                viewer.bind_key(key, None)


def _calling(reference: weakref.WeakMethod[Any]) -> Callable[[Viewer], None]:
    def call(_: Viewer) -> None:
        action = reference()
        if action is not None:
            action()

    return call


def neighbour(ids: Sequence[int], selected: Sequence[int], step: int) -> int:
    """Return the ROI so many steps after the one selected last, round the end; where none is, the first or last."""
    if selected and selected[-1] in ids:
        return ids[(ids.index(selected[-1]) + step) % len(ids)]
    return ids[0] if step > 0 else ids[-1]
