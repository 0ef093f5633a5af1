"""Overview figure of the connections between ROIs: arrows over the mean frame, and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.models.training import Progress
from napari_calcdyn.recording import Movie, RoiSet

from .map_panel import set_scale
from .panels import Panel, new_figure, training_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UP, _DOWN = "#ffb000", "#5ab4ff"
_MOST_NAMES = 60  # largest number of ROIs with a readable number in the picture
_MOST_TICKS = 20


def influence_panels(
    movie: Movie, rois: RoiSet, influence: Influence, alpha: float, history: Sequence[Progress] = ()
) -> list[Panel]:
    """Return the pictures of tested connections.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    influence : Influence
        With p-values.
    alpha : float
        Largest family-wise p-value of a connection that is drawn.
    history : sequence of Progress
        Reports of the training; empty if a saved model was applied.

    Returns
    -------
    list of Panel
        Arrows over the mean frame, strengths of all pairs, and the training if there was one.
    """
    return [
        Panel(
            "Connections that pass the test",
            f"Family-wise p ≤ {alpha:g}. Orange: the target rises after the source rose; blue: it falls. Grey outlines"
            " are ROIs.",
            lambda _, axes: _arrows(axes, movie, rois, influence, alpha),
            (6.0, 5.4),
        ),
        Panel(
            "Strength of all pairs",
            "Partial correlation of the target with the source's past. Dots mark connections that pass the test.",
            lambda figure, axes: _matrix(figure, axes, influence, alpha),
            (5.6, 4.8),
        ),
        *training_panel(history),
    ]


def save_overview(
    path: str | Path, panels: Sequence[Panel], movie: Movie, rois: int, edges: int, alpha: float
) -> None:
    """Draw the connections that pass the test over the mean frame, and the strengths of all of them.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `influence_panels`.
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


def _arrows(axes: Axes, movie: Movie, rois: RoiSet, influence: Influence, alpha: float) -> None:
    from matplotlib.patheffects import withStroke

    mean = movie.mean_frame()
    low, high = np.nanpercentile(mean, [1, 99.7])
    axes.imshow(mean, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
    axes.contour(rois.labels > 0, levels=[0.5], colors="0.8", linewidths=0.5)
    centre = dict(zip(rois.ids.tolist(), rois.centres[:, ::-1].tolist(), strict=True))
    if len(rois) <= _MOST_NAMES:
        for number, (x, y) in centre.items():
            name = axes.text(x, y, str(number), color="white", fontsize=7, ha="center", va="center")
            name.set_path_effects([withStroke(linewidth=1.5, foreground="0.05")])  # over bright cells too
    edges = influence.edges(alpha=alpha)
    strongest = max(np.abs(edges["strength"]).max(initial=0), 1e-12)
    for source, target, _, strength, _, _ in edges.tolist():
        style = {
            "arrowstyle": "-|>",
            "color": _UP if strength > 0 else _DOWN,
            "linewidth": 0.5 + 2.5 * abs(strength) / strongest,
            "connectionstyle": "arc3,rad=0.15",  # a connection and the one back do not cover each other
        }
        axes.annotate("", xy=centre[target], xytext=centre[source], arrowprops=style)
    axes.set_title("orange: the target rises after the source rose; blue: it falls", fontsize=10)
    set_scale(axes, movie.frame_shape, movie.pixel_size)


def _matrix(figure: Figure, axes: Axes, influence: Influence, alpha: float) -> None:
    strength = influence.strength
    high = max(float(np.abs(strength).max()), 1e-12)
    shown = axes.imshow(strength, cmap="RdBu_r", vmin=-high, vmax=high, interpolation="nearest")
    if influence.p_values is not None:
        target, source = np.nonzero(influence.p_values <= alpha)
        axes.plot(source, target, "o", color="0.05", markersize=max(1.0, min(5.0, 150 / len(strength))))
    axes.set_title("all pairs; dots mark connections that pass the test", fontsize=10)
    axes.set(xlabel="source (ROI)", ylabel="target (ROI)")
    shown_ids = np.unique(np.linspace(0, len(strength) - 1, _MOST_TICKS).round().astype(int))
    axes.set_xticks(shown_ids, influence.ids[shown_ids].tolist(), fontsize=8)
    axes.set_yticks(shown_ids, influence.ids[shown_ids].tolist(), fontsize=8)
    figure.colorbar(shown, ax=axes, shrink=0.85, label="strength (partial correlation)")
