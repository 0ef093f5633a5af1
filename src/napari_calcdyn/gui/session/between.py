"""Which cell drives which, with what it was computed from."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.models.roi_var.roi_var import RoiVAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet
    from napari_calcdyn.recording.movies import Corrections


@dataclass(frozen=True, eq=False)
class Cells:
    """ROIs, with what drives which.

    Parameters
    ----------
    fitted : RoiVAR
        The VAR between them.
    activity : ndarray (T, N), float32
        Theirs.
    influence : Influence
        Its connections, tested.
    maps : ContributionMaps
        Its maps; the sources are the ROIs, and as the last one what belongs to none.
    """

    fitted: RoiVAR
    activity: NDArray[np.float32]
    influence: Influence
    maps: ContributionMaps


@dataclass(frozen=True, eq=False)
class BetweenCells:
    """An answer, with what was asked; it keeps neither recording nor model alive.

    Parameters
    ----------
    found : BetweenRois
        Maps, connections and errors; without connections where no cells were found.
    order : ndarray (N,), int64
        Positions of the ROIs as they are drawn beside each other: near ones are near.
    movie : weakref
        The recording.
    source : weakref
        The same, whatever was corrected in it.
    model : weakref
        The model.
    corrections : Corrections or None
        Of the recording.
    rois : RoiSet or None
        The session's ROIs of this recording, those found among them; None where it has none.
    """

    found: BetweenRois
    order: NDArray[np.int64]
    movie: weakref.ref[Movie]
    source: weakref.ref[Movie]
    model: weakref.ref[VARAutoencoder]
    corrections: Corrections | None
    rois: RoiSet | None

    @cached_property
    def cells(self) -> Cells | None:
        """What was found, always the same object; None where no cells were found."""
        found = self.found
        if found.fitted is None or found.activity is None or found.influence is None:
            return None
        return Cells(found.fitted, found.activity, found.influence, found.maps)
