"""The dynamics that are asked what if: between cells where these are known, else between the model's latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.gui.session.latents import Latents

# torch is imported in the worker, and not when a dock opens.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.between import Cells
    from napari_calcdyn.models.roi_var.roi_var import RoiVAR
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet
    from napari_calcdyn.recording.progress import ProgressCallback


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A VAR, and what it is between.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoder
        Of the recording.
    var : VAR
        Between the cells, or the point of the model's lasso path that is shown.
    cells : Cells or None
        Which they are; None where the VAR is between latents.
    rois : RoiSet or None
        Of the frames of the recording.
    latents : Latents
        Where those of the recording are kept.
    """

    movie: Movie
    model: VARAutoencoder
    var: VAR
    cells: Cells | None
    rois: RoiSet | None
    latents: Latents

    @property
    def fitted(self) -> RoiVAR | None:
        """The VAR between cells with all that belongs to it; None where it is between latents."""
        return None if self.cells is None else self.cells.fitted

    def same(self, other: Dynamics | None) -> bool:
        """Whether the answers are the same."""
        return other is not None and other.movie is self.movie and other.var is self.var

    # These take long: call them off the GUI thread.

    def values(self, progress: ProgressCallback | None) -> NDArray[np.float32]:
        """Return what the VAR is between in every frame, (T, k): activities of cells, or latents."""
        if self.cells is not None:
            return self.cells.activity
        return self.latents.get(self.movie, self.model, progress)

    def push(
        self, source: int | None, roi: int | None, size: float, progress: ProgressCallback | None
    ) -> NDArray[np.float64]:
        """Return the push of a latent by number, or of an ROI by id."""
        from napari_calcdyn.analysis.what_if.impulse import roi_push, source_push

        if roi is None or self.rois is None:
            return source_push(self.var, source or 0, size)
        place = np.flatnonzero(self.rois.ids == roi)
        if self.cells is not None:
            return source_push(self.var, int(place[0]), size)
        return roi_push(self.model, self.values(progress), self.rois.footprints[place], size)

    def moved(
        self, response: NDArray[np.float64], progress: ProgressCallback | None
    ) -> NDArray[np.float64] | None:
        """Return how far a response moves each ROI, (n, N), in its standard deviations; None without ROIs."""
        if self.rois is None:
            return None
        if self.cells is not None:
            return response / self.var.std
        from napari_calcdyn.models.roi_var import encoded_footprints

        readout = encoded_footprints(self.model, self.rois.footprints)
        spread = np.nanstd(self.values(progress) @ readout.T, axis=0)
        moved = response @ readout.T.astype(np.float64)
        return np.asarray(np.divide(moved, spread, where=spread > 0, out=np.zeros_like(moved)))


def dynamics_of(session: Session) -> Dynamics | None:
    """Return what can be asked; None while there is no recording, no model, or one is not of the other."""
    fitted = session.fitted()
    if fitted is None or fitted[0].frame_shape != fitted[1].frame_shape:
        return None
    movie, model, var = fitted
    cells, rois = cells_of(session), session.rois_of_movie()
    var = var if cells is None else cells.fitted.var
    return Dynamics(movie, model, var, cells, rois, session.part(Latents))
