"""What is known between the cells of a session, for every panel that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cautions import outdated_between

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.models.roi_var.roi_var import RoiVAR

    from .session import Session


@dataclass(frozen=True, eq=False)
class Cells:
    """The ROIs of a session, with what drives which.

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


def cells_of(session: Session) -> Cells | None:
    """Return what was found between the session's ROIs; None where nothing was, or where something changed since."""
    between = session.answers.between
    if between is None or outdated_between(session):
        return None
    found = between.found
    if found.fitted is None or found.activity is None or found.influence is None:
        return None
    if (
        found.fitted.rois is not session.rois_of_movie()
    ):  # they were found beside traces that belong to no ROIs
        return None
    return Cells(found.fitted, found.activity, found.influence, found.maps)
