"""Panels of the driven and the driving map: what comes from elsewhere, and what is explained elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.analysis.maps import ContributionMaps
from napari_calcdyn.jobs.between_rois import ALPHA, VISIBLE
from napari_calcdyn.recording import Movie, RoiSet

from .map_panel import bright, map_panel
from .panels import Panel, sentence_panel

_NONE = (
    f"No connection between ROIs passes the test at a family-wise p ≤ {ALPHA:g}, and what ROIs predict of each other is"
    f" less than {100 * VISIBLE:g} % of what is explained: the map would be black."
)


def driven_panels(
    movie: Movie, rois: RoiSet, influence: Influence, maps: ContributionMaps
) -> tuple[Panel, Panel]:
    """Return the driven and the driving map as panels, or a sentence where they would be black.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    influence : Influence
        The connections between them, tested.
    maps : ContributionMaps
        With driven and driving maps.

    Returns
    -------
    tuple of Panel
        Driven, and driving.
    """
    targets = influence.edges(alpha=ALPHA)["target"]
    least = VISIBLE * bright(maps.explained)

    def panel(name: str, about: str, image: NDArray[np.float32] | None, **options: Any) -> Panel:
        assert image is not None
        if not len(targets) and bright(image) < least:
            return sentence_panel(name, _NONE)
        return map_panel(name, about, image, movie, "counts²", max(bright(image), least), **options)

    passing = np.flatnonzero(np.isin(rois.ids, targets)) + 1  # pixels of the image of the ROIs
    return (
        panel(
            "Driven: what comes from elsewhere",
            "The part of each pixel's variance that other ROIs predict beyond its own past. White outlines: ROIs with a"
            f" connection into them at a family-wise p ≤ {ALPHA:g}.",
            maps.driven,
            outlines=np.isin(rois.labels, passing),
        ),
        panel(
            "Driving: explained elsewhere",
            "What each ROI explains in others, drawn in its own place.",
            maps.driving,
        ),
    )
