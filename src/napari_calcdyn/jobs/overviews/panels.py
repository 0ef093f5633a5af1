"""Figures and panels that several overviews share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_calcdyn.models.training import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Make a figure without pyplot, so that no window opens and any thread can draw; sizes are in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def legend_below(axes: Axes, ncols: int, distance: float, **options: Any) -> None:
    """Put a legend below the axes, `distance` of their height away."""
    where: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -distance)}
    axes.legend(fontsize=7.5, ncols=ncols, frameon=False, **where, **options)


def draw_losses(
    axes: Axes, history: Sequence[Progress], loss: str, colour: str, label: str = "", marker: str = ""
) -> None:
    """Draw one loss of a training, with a marker where it was measured on held-out data."""
    lines = ((loss, "training", 0.35, ""), (f"held_out_{loss}", "not trained on", 1.0, marker))
    for key, where, alpha, points in lines:
        found = [(progress.step, progress.losses[key]) for progress in history if key in progress.losses]
        style: dict[str, Any] = {"color": colour, "alpha": alpha, "marker": points, "markersize": 2.5}
        if found:
            axes.plot(*zip(*found, strict=True), **style, label=label + where)
    axes.set_ylim(bottom=0)
