"""Overview figure of the neurons of several recordings: one map, in the colours of recordings, labels and clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.neurons.shared_map import SharedMap

from .panels import Panel, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#30638e", "#d1495b", "#edae49", "#00798c", "#7b5ea7", "#66a182", "#c97b3f", "#5c5c8a")
_NOT_KNOWN = "0.75"
_LISTED = 12  # colours named in the legend at most
_COLUMNS = 3


def map_panels(found: SharedMap) -> list[Panel]:
    """Return the pictures of a map of several recordings.

    Parameters
    ----------
    found : SharedMap
        The result of `map_recordings`.

    Returns
    -------
    list of Panel
        The map by recording, by each label, and by cluster.
    """
    clusters = np.where(found.cluster < 0, "", np.char.add("cluster ", found.cluster.astype(str)))
    by: dict[str, NDArray[Any]] = {
        "recording": np.array(found.names)[found.recording],
        **{name: found.label(name) for name in found.labels},
        "cluster": clusters,
    }
    about = "Each point is a neuron; neurons of one kind are close, whichever recording they are from."
    return [Panel(f"By {name}", about, partial(_map, found, name, values)) for name, values in by.items()]


def save_map_overview(
    path: str | Path, panels: Sequence[Panel], found: SharedMap, metrics: Mapping[str, Any]
) -> None:
    """Draw the overview of a map of several recordings.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `map_panels`.
    found : SharedMap
        The map.
    metrics : mapping
        Measurements, as in ``recordings.json``.
    """
    columns = 2 if len(panels) == 4 else min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(5.0 * columns, 5.2 * rows + 0.4)
    mixing = "" if metrics["mixing"] is None else f", dishes mix to {100 * metrics['mixing']:.0f} %"
    figure.suptitle(
        f"{metrics['neurons']} neurons of {len(found.names)} recordings from {metrics['dishes']} dishes{mixing}",
        fontsize=11,
    )
    places: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in places.flat[len(panels) :]:
        axes.set_axis_off()
    for panel, axes in zip(panels, places.flat, strict=False):
        panel.draw(figure, axes)
    figure.savefig(path)


def _map(found: SharedMap, name: str, values: NDArray[Any], _: Figure, axes: Axes) -> None:
    placed = np.isfinite(found.tsne).all(axis=1)
    size = float(np.clip(6000 / max(1, placed.sum()), 4, 30))
    names = sorted({value for value in values[placed].tolist() if value})
    order = np.random.default_rng(0).permutation(np.flatnonzero(placed))  # no recording lies on top
    colour = {value: _COLOURS[at % len(_COLOURS)] for at, value in enumerate(names)}
    first, second = found.tsne[order].T
    colours = [colour.get(value, _NOT_KNOWN) for value in values[order]]
    axes.scatter(first, second, s=size, c=colours, linewidths=0)
    for value in names[:_LISTED]:
        axes.scatter([], [], s=30, color=colour[value], label=f"{value} ({(values[placed] == value).sum()})")
    axes.set(xticks=[], yticks=[], title=f"By {name}")
    axes.set_aspect("equal", adjustable="datalim")
    axes.title.set_fontsize(10)
    axes.spines[:].set_color("0.85")
    if names:
        legend_below(axes, 3, 0.02)
