"""Figures and panels that several overviews share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from napari_calcdyn.models.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 36  # letters that fit beside each other into a panel of an overview


@dataclass(frozen=True)
class Panel:
    """One picture of a result, for the overview and for the report.

    Parameters
    ----------
    name : str
        What it shows.
    about : str
        How to read it, in a sentence or two.
    draw : callable
        ``draw(figure, axes)`` draws it.
    size : tuple of float
        Width and height in inches where it stands alone.
    picture : bool
        Whether there is something to see; if not, `about` says all of it.
    """

    name: str
    about: str
    draw: Callable[[Figure, Axes], object]
    size: tuple[float, float] = (4.8, 4.0)
    picture: bool = True


def sentence_panel(name: str, sentence: str) -> Panel:
    """Return a panel that says why there is nothing to see, in place of a picture that would be black."""

    def draw(_: Figure, axes: Axes) -> None:
        axes.set_axis_off()
        axes.set_title(name, fontsize=10)
        where: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, fill(sentence, _LINE), fontsize=9, **where)

    return Panel(name, sentence, draw, picture=False)


def training_panel(history: Sequence[Progress]) -> list[Panel]:
    """Return the learning curves of the ℓ1-VAR autoencoder; none of a saved model, which was not trained here."""
    about = "Relative errors during the training. Marks are errors on frames that were not trained on."
    return [Panel("Training", about, lambda _, axes: _losses(axes, history))] if history else []


def _losses(axes: Axes, history: Sequence[Progress]) -> None:
    for loss, colour in (("reconstruction", "#30638e"), ("prediction", "#d1495b")):
        draw_losses(axes, history, loss, colour, f"{loss}, ", "o")
    axes.set_xlabel("training step")
    axes.set_ylabel("relative error")
    axes.set_title("Training", fontsize=10)
    legend_below(axes, 2, 0.13)
    axes.spines[["top", "right"]].set_visible(False)


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
    axes.set_ylim(bottom=0, auto=None)  # makes room for further curves
