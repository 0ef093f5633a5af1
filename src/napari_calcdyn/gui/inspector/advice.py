"""What stands in the way of inspecting something, in one sentence, and the way on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_calcdyn.gui.session.cells import cells_of

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session

    from .inspection import Inspection

Way = Literal["recording", "dynamics", "neurons", "go on", "try again", "use layer", ""]

_PANELS = {
    "recording": "To the Recording panel",
    "dynamics": "To the Dynamics panel",
    "neurons": "To the Neurons panel",
    "go on": "Go on",
    "try again": "Try again",
    "use layer": "Use its ROIs",
}


@dataclass(frozen=True)
class Advice:
    """One sentence, and where a button leads.

    Parameters
    ----------
    text : str
        For the user; empty where all is well.
    way : str
        A panel's topic, ``"go on"`` or ``"try again"`` for the warm-up, ``"use layer"`` for the
        layer that was clicked, or nothing.
    """

    text: str = ""
    way: Way = ""

    @property
    def button(self) -> str:
        """What the button says."""
        return _PANELS.get(self.way, "")


def advice(session: Session, inspection: Inspection) -> Advice:
    """Say what is missing, or what to do next; the most urgent first."""
    return _before_warm_up(session, inspection) or _of_region(session, inspection)


def _before_warm_up(session: Session, inspection: Inspection) -> Advice | None:
    movie, model = session.recording.movie, session.dynamics.model
    if movie is None:
        return Advice("Open a recording first.", "recording")
    if model is None or session.dynamics.var is None:
        return Advice("There is no trained model yet: train or load one to see what drives what.", "dynamics")
    if movie.frame_shape != model.frame_shape:
        mine, its = (" × ".join(map(str, it)) for it in (model.frame_shape, movie.frame_shape))
        return Advice(
            f"The model belongs to frames of {mine} pixels and this recording has {its}: train or load one of this "
            "recording.",
            "dynamics",
        )
    if inspection.problem:
        return Advice(inspection.problem, "try again")
    if inspection.stopped:
        return Advice("The preparation was stopped, so not everything is shown.", "go on")
    return None


def _of_region(session: Session, inspection: Inspection) -> Advice:
    region, rois, movie, found = (
        inspection.region,
        session.rois.loaded,
        session.recording.movie,
        inspection.current,
    )
    fitting = rois is not None and movie is not None and rois.frame_shape == movie.frame_shape
    if region is None:
        if fitting:
            return Advice("Click an ROI, or any pixel.")
        if rois is not None:
            return Advice(
                "The ROIs belong to frames of another size: open those of this recording, or click any pixel.",
                "neurons",
            )
        return Advice(
            "There are no ROIs yet: find, open or draw some to see which drives which, or click any pixel.",
            "neurons",
        )
    of_cells = cells_of(session) is not None and region.roi is not None
    if found is not None and not of_cells and not found.reached:
        return Advice(
            f"No source of the model reaches {region.name}, so nothing can be said of it: train with more sources, the "
            "setting “Latents”, or choose another one.",
            "dynamics",
        )
    if found is not None and not of_cells and not len(found.drivers.sources):
        return Advice(
            f"With so few connections no source drives {region.name}: move the slider under Connections to the right.",
            "dynamics",
        )
    layer = region.layer() if region.layer is not None else None
    if layer is not None:
        return Advice(
            f"{region.name} is none of the recording's ROIs, so it has no arrows: use the ROIs of “{layer.name}”.",
            "use layer",
        )
    if region.roi is not None and rois is not None and len(rois) == 1:
        return Advice(
            f"{region.name} is the only ROI: open or draw more to see which drives which.", "neurons"
        )
    if region.roi is None and not fitting:
        return Advice(f"{region.name} has no arrows: open or draw ROIs to see which drives which.", "neurons")
    if region.roi is None:
        return Advice(f"{region.name} is in no ROI, so it has no arrows: click an ROI to see some.")
    return Advice()
