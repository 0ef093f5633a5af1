"""What is known between the cells of a session, for every panel that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cautions import outdated_between

if TYPE_CHECKING:
    from .between import Cells
    from .session import Session


def cells_of(session: Session) -> Cells | None:
    """Return what was found between the session's ROIs; None where nothing was, or where something changed since."""
    between = session.answers.between
    cells = None if between is None or outdated_between(session) else between.cells
    # Cells that were found beside traces that belong to no ROIs are not the session's.
    return cells if cells is not None and cells.fitted.rois is session.rois_of_movie() else None
