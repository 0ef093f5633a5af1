"""A table of what else is known of the neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.progress import ProgressCallback

from .columns import table_name
from .views import views_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_columns(session: Session, path: Path) -> bool:
    """Read what else is known of the neurons from a CSV table, and colour them by its first column.

    Parameters
    ----------
    session : Session
        With traces.
    path : Path
        See `recording.columns.open_columns`.

    Returns
    -------
    bool
        Whether the job was started.
    """
    traces = session.neurons.traces
    if traces is None:
        session.work.tell(
            "neurons", "There are no traces yet that a table could belong to: open them first.", True
        )
        return False

    def compute(progress: ProgressCallback) -> dict[str, NDArray[Any]]:
        from napari_calcdyn.recording.traces.columns import open_columns

        return open_columns(path, traces.ids)

    def done(columns: dict[str, NDArray[Any]]) -> None:
        if session.neurons.traces is traces:
            session.neurons.columns = columns
            first, views = next(iter(columns)), views_of(session)
            renamed = table_name(first, [first])
            views.colour_by(renamed if renamed in views.column_names else first)
            session.work.tell("neurons", f"{path.name} adds {', '.join(columns)}.")

    title = f"Reading {path.name}"
    return session.work.start("neurons", title, compute, done)
