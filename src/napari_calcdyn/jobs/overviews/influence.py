"""Overview figure of the connections between ROIs: arrows over the mean frame, and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_calcdyn.recording import Movie

from .panels import Panel, new_figure


def save_overview(
    path: str | Path, panels: Sequence[Panel], movie: Movie, rois: int, edges: int, alpha: float
) -> None:
    """Draw the connections that pass the test over the mean frame, and the strengths of all of them.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `connection_panels`.
    movie : Movie
        The recording.
    rois, edges : int
        Number of ROIs, and of connections that pass.
    alpha : float
        Largest family-wise p-value of a connection that is drawn.
    """
    figure = new_figure(13.5, 6.4)
    figure.suptitle(
        f"{movie.name}: {edges} connection{'s' * (edges != 1)} between {rois} ROIs at p ≤ {alpha:g} (family-wise)",
        fontsize=11,
    )
    for panel, axes in zip(panels[:2], figure.subplots(1, 2, width_ratios=[1.1, 1]), strict=True):
        panel.draw(figure, axes)
    figure.savefig(path)
