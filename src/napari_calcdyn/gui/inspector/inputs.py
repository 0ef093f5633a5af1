"""What the Inspector computes everything from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.session.cells import cells_of

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.between import Cells
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet, Traces


@dataclass(frozen=True, eq=False)
class Inputs:
    """What everything is computed from.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoder
        Of frames of its size.
    var : VAR
        The point of the lasso path that is shown.
    rois : RoiSet or None
        Of its frames.
    traces : Traces or None
        Of these ROIs, a sample for each frame.
    cells : Cells or None
        What is known between these ROIs.
    """

    movie: Movie
    model: VARAutoencoder
    var: VAR
    rois: RoiSet | None
    traces: Traces | None
    cells: Cells | None = None

    def same(self, other: Inputs, *names: str) -> bool:
        """Whether the named fields of both are the same objects; all of them where none is named."""
        fields = names or ("movie", "model", "var", "rois", "traces", "cells")
        return all(getattr(self, name) is getattr(other, name) for name in fields)


def inputs_of(session: Session) -> Inputs | None:
    """Return what there is to compute from; None while recording or model is missing, or one is not of the other.

    ROIs and traces that do not belong to the recording are left out.
    """
    fitted = session.fitted()
    if fitted is None:
        return None
    movie, model, var = fitted
    if movie.frame_shape != model.frame_shape:
        return None
    rois, traces = session.rois_of_movie(), session.neurons.traces
    if traces is not None and (
        rois is None or traces.samples != movie.n_frames or not np.array_equal(traces.ids, rois.ids)
    ):
        traces = None
    return Inputs(movie, model, var, rois, traces, cells_of(session))
