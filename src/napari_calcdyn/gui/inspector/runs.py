"""What the Inspector draws over the movie, and the test of its arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.inspector.arrows.layer import clear_sources, hide_arrows, show_arrows, show_sources
from napari_calcdyn.recording.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.gui.inspector.arrows.page import ArrowsPage
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.recording.progress import ProgressCallback

    from .inspection import Inspection
    from .regions import Region

TESTING = "Testing the arrows"


def region_map(
    session: Session, inspection: Inspection, sources: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Return what some sources explain.

    Parameters
    ----------
    session : Session
        Its maps are added up, where it has some that can be read.
    inspection : Inspection
        After its warm-up, which has the moments to make the map from where it has not.
    sources : ndarray of int64
        Numbers of latents, or positions of ROIs where an ROI is inspected and it is known what drives which.

    Returns
    -------
    ndarray (Y, X), float32, or None
        None before the warm-up ended, or where the maps of the ROIs cannot be read any more.
    """
    prepared, region = inspection.prepared, inspection.region
    if prepared is None or region is None:
        return None
    inputs, maps = prepared.inputs, session.dynamics.maps
    if inputs.cells is not None and region.roi is not None:
        try:
            return inputs.cells.maps.sources.sum(sources=sources)
        except InputError as error:
            session.work.tell("inspector", str(error), True)
            return None
    if maps is not None and len(maps.sources) == inputs.var.latents and inspection.maps_of is inputs.var:
        try:
            return maps.sources.sum(sources=sources)
        except InputError as error:  # they are read from a folder that may be gone
            session.work.tell("inspector", str(error), True)
    from napari_calcdyn.analysis.influence.region import sources_map

    return sources_map(inputs.model, inputs.var, prepared.covariances, sources)


def draw_map(session: Session, inspection: Inspection, sources: NDArray[np.int64]) -> None:
    """Put the map of some sources over the movie; an empty one where there are none."""
    image = (
        region_map(session, inspection, sources) if inspection.current is not None and len(sources) else None
    )
    if image is None:
        clear_sources(session)
    else:
        show_sources(session, image)


def draw_arrows(session: Session, region: Region | None, page: ArrowsPage) -> None:
    """Put the arrows that a page lists over the movie; none where the region is no ROI."""
    if region is None or region.roi is None or page.all_edges is None:
        hide_arrows(session)
    else:
        show_arrows(session, region.centre, page.edges, page.all_edges)


def start_test(session: Session, inspection: Inspection) -> bool:
    """Test which arrows are more than chance, in the background; returns whether the job was started."""
    prepared = inspection.prepared
    rois = prepared.inputs.rois if prepared is not None else None
    if prepared is None or rois is None:
        return False
    movie, order = prepared.inputs.movie, prepared.inputs.model.var.order

    def compute(progress: ProgressCallback) -> Influence:
        from napari_calcdyn.analysis.influence.influence import influence_test

        leave_a_core()
        return influence_test(movie, rois, order=order, progress=progress)

    def done(found: Influence) -> None:
        now = inspection.inputs()
        if now is not None and now.same(prepared.inputs, "movie", "model", "rois"):
            session.answers.influence = found
            passed = len(found.edges(alpha=0.05))
            session.work.tell(
                "inspector",
                f"{'1 arrow passes' if passed == 1 else f'{passed:,} arrows pass'} the test at p ≤ 0.05; the others "
                "may be chance.",
            )

    return session.work.start(
        "inspector", TESTING, compute, done, stopped="The test was stopped: the arrows are as they were."
    )
