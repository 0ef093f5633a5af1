"""Between what the connections are that are compared: the model's latents, or ROIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_calcdyn.recording.errors import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording import RoiSet

LATENTS, ROIS = "latents of the model", "ROIs"
NO_ROIS = (
    "There are no ROIs of this recording: draw, open or find some in the Neurons panel, or compare latents."
)
_TIPS = {
    LATENTS: "The numbers by which the model describes a frame. They cover all of the picture.",
    ROIS: "The activities of the ROIs of the Neurons panel, as in Between cells of the Dynamics panel.",
}


class BetweenWhat(QComboBox):  # type: ignore[misc]
    """Chooses between latents and ROIs.

    Parameters
    ----------
    session : Session
        Whose ROIs.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.addItems(list(_TIPS))
        for row, tip in enumerate(_TIPS.values()):
            self.setItemData(row, f"<qt>{tip}</qt>", Qt.ItemDataRole.ToolTipRole)
        self.setToolTip("What connections are between, and what is livelier in A or in B.")

    @property
    def rois_missing(self) -> bool:
        """Whether ROIs are to be compared and the recording has none."""
        return self.currentText() == ROIS and self._session.rois_of_movie() is None

    def rois(self) -> RoiSet | None:
        """Return the ROIs that are compared; None where latents are.

        Raises
        ------
        InputError
            If ROIs are to be compared and there are none.
        """
        if self.rois_missing:
            raise InputError(NO_ROIS)
        return self._session.rois_of_movie() if self.currentText() == ROIS else None
