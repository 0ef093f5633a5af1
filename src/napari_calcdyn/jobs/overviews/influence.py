"""Overview figure of the connections between ROIs: arrows over the mean frame, and a matrix."""

from __future__ import annotations

from pathlib import Path

from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.recording import Movie, RoiSet

from .connections import draw_arrows, draw_matrix
from .panels import new_figure


def save_overview(path: str | Path, movie: Movie, rois: RoiSet, influence: Influence, alpha: float) -> None:
    """Draw the connections that pass the test over the mean frame, and the strengths of all of them.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    influence : Influence
        With p-values.
    alpha : float
        Largest family-wise p-value of a connection that is drawn.
    """
    edges = influence.edges(alpha=alpha)
    figure = new_figure(13.5, 6.4)
    figure.suptitle(
        f"{movie.name}: {len(edges)} connection{'s' * (len(edges) != 1)} between {len(rois)} ROIs at p ≤ {alpha:g}"
        " (family-wise)",
        fontsize=11,
    )
    over, beside = figure.subplots(1, 2, width_ratios=[1.1, 1])
    draw_arrows(over, movie, rois, influence, alpha)
    draw_matrix(figure, beside, influence, alpha)
    figure.savefig(path)
