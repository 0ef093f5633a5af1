"""A letter in the corner of the picture: whether the frame that is shown is in A or in B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_calcdyn.gui.plots.theme import Colour
    from napari_calcdyn.gui.session import Session

_SIZE = 20
_OURS = ("text", "color", "font_size", "visible", "position")


class FrameTag:
    """Borrows the viewer's text overlay while the user does not use it.

    Parameters
    ----------
    session : Session
        Whose viewer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before: dict[str, Any] | None = None

    def show(self, text: str, colour: Colour) -> None:
        """Show a few letters in a colour (red, green, blue from 0 to 255)."""
        overlay = self._overlay()
        if overlay is None:
            return
        if self._before is None:
            if overlay.visible:
                return
            self._before = {name: getattr(overlay, name) for name in _OURS}
            overlay.font_size, overlay.position = _SIZE, "top_left"
        overlay.text = text
        overlay.color = [*(part / 255 for part in colour), 1.0]
        overlay.visible = bool(text)

    def put_away(self) -> None:
        """Leave the overlay as it was. May be called any number of times."""
        before, self._before = self._before, None
        overlay = self._overlay()
        if before is not None and overlay is not None:
            overlay.update(before)

    def _overlay(self) -> Any:
        viewer = self._session.viewer
        if viewer is None:
            return None
        canvas = getattr(viewer, "canvas", None)  # from napari 0.9 on
        return viewer.text_overlay if canvas is None else canvas.overlays.text
