"""What a session notes of the results among its layers, also one of before their names began with their panel."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_calcdyn.gui.layers.layers import GIVEN, RESULT, UNIT

_NOW = {
    "first look": "Recording: first look",
    "mean frame": "Recording: mean frame",
    "movie − mean": "Recording: movie − mean",
    "movie (corrected)": "Recording: corrected movie",
    "masked pixels": "Recording: masked pixels",
    "explained contribution": "Dynamics: explained map",
    "contribution by source": "Dynamics: map by source",
    "contribution movie": "Dynamics: contribution movie",
    "reconstruction": "Dynamics: reconstruction",
    "contribution of one connection": "Dynamics: one connection",
    "driven (from elsewhere)": "Dynamics: driven",
    "own past": "Dynamics: own past",
    "driving": "Dynamics: driving",
    "outlines of cells": "Dynamics: outlines of cells",
    "contribution of one cell": "Dynamics: one cell",
    "ROIs": "Neurons: ROIs",
    "cells found": "Neurons: cells found",
    "latent t-SNE": "Neurons: latent t-SNE",
    "arrows of the inspected ROI": "Inspector: arrows",
    "sources of the inspected region": "Inspector: sources of the region",
    "what if: push": "Inspector: push",
    "what if: forecast": "Inspector: forecast",
    "difference in dynamics": "Compare: difference",
    "changed connections": "Compare: changed connections",
}


def marked(about: dict[str, Any]) -> bool:
    """Whether what is noted of a layer, as it was kept, can be what `marks_of` returned."""
    marks = about.get("marks", {})
    return (
        isinstance(marks, dict)
        and marks.keys() <= {RESULT, GIVEN, UNIT}
        and all(isinstance(marks.get(it, ""), str) for it in (RESULT, UNIT))
        and np.shape(marks.get(GIVEN, (0, 0))) == (2,)
        and all(isinstance(it, (int, float)) for it in marks.get(GIVEN, ()))
    )


def mark_result(about: dict[str, Any], view: dict[str, Any]) -> None:
    """Note what a layer of an old session, as it was kept, is a result of, and give it the name that this has now."""
    if "marks" in about:
        return
    before = about["style"].get("name")
    now = _NOW.get(before) if about.get("result") else None
    about["marks"] = {RESULT: now or ""} if about.get("result") else {}
    if now is not None:
        about["style"]["name"] = now
        if view.get("active") == before:
            view["active"] = now
