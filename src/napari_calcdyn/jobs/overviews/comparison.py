"""Overview figure of a comparison: null distribution, stretches of time, and maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.analysis.sequences import Comparison
from napari_calcdyn.analysis.sequences.maps import ComparisonMaps
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Movie

from .map_panel import map_panel
from .panels import Panel, new_figure, training_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_A, _B, _OBSERVED = "#30638e", "#edae49", "#d1495b"


def comparison_panels(
    movies: Sequence[Movie],
    a: Sequence[range],
    b: Sequence[range],
    comparison: Comparison,
    maps: ComparisonMaps,
    history: Sequence[Progress] = (),
) -> list[Panel]:
    """Return the pictures of a comparison.

    Parameters
    ----------
    movies : sequence of Movie
        One, or two.
    a, b : sequence of range
        The compared stretches; `b` in the last of the movies.
    comparison : Comparison
        The result.
    maps : ComparisonMaps
        Its maps.
    history : sequence of Progress
        Reports of the training; empty if a saved model was applied.

    Returns
    -------
    list of Panel
        Null distribution, stretches, three maps, and the training if there was one.
    """
    # Both explained maps have one scale, so that they can be compared.
    high = max(float(np.nanpercentile(it, 99.7)) for it in (maps.explained_a, maps.explained_b))
    about = (
        "The part of each pixel's variance that the dynamics of {0} predict in {0}; both maps have one scale."
    )
    return [
        Panel(
            "Observed difference and chance",
            "How different A and B are, and how different they are if the signs of whole blocks are drawn at random.",
            lambda _, axes: _null(axes, comparison),
        ),
        Panel(
            "Compared stretches",
            "What was compared.",
            lambda _, axes: _ranges(axes, movies, a, b, comparison),
            (7.2, 3.2),
        ),
        map_panel("Explained in A", about.format("A"), maps.explained_a, movies[0], "counts²", high),
        map_panel("Explained in B", about.format("B"), maps.explained_b, movies[-1], "counts²", high),
        map_panel(
            "Difference in dynamics",
            "Root-mean-square difference between the predictions of the two dynamics.",
            maps.difference,
            movies[0],
            "counts",
        ),
        *training_panel(history),
    ]


def save_overview(
    path: str | Path, panels: Sequence[Panel], movies: Sequence[Movie], comparison: Comparison
) -> None:
    """Draw the overview of a comparison.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `comparison_panels`.
    movies : sequence of Movie
        One, or two.
    comparison : Comparison
        The result.
    """
    figure = new_figure(13.5, 7.4)
    p, edges = comparison.p_value, len(comparison.edges())
    less = f"{100 * comparison.effect:.2g} % less" if comparison.effect > 0 else "no less"
    names = " and ".join(movie.name for movie in movies)
    figure.suptitle(
        f"{names}: p = {p:.3g} for the same dynamics in A and B; with separate models the one-step error is {less}"
        f" than by chance; {edges} changed connection{'s' * (edges != 1)}",
        fontsize=11,
    )
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.25], squeeze=False).ravel()
    places = (*top.subplots(1, 2, width_ratios=[1, 1.6]), *bottom.subplots(1, 3))
    for panel, axes in zip(panels[: len(places)], places, strict=True):
        panel.draw(figure, axes)
    figure.savefig(path)


def _null(axes: Axes, comparison: Comparison) -> None:
    axes.hist(comparison.null, bins=40, color="0.75", label="random signs of blocks")
    axes.axvline(comparison.statistic, color=_OBSERVED, linewidth=2, label="observed")
    axes.set(xlabel="difference between A and B", ylabel="draws")
    axes.set_title(f"{comparison.permutations} draws", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)


def _ranges(
    axes: Axes, movies: Sequence[Movie], a: Sequence[range], b: Sequence[range], comparison: Comparison
) -> None:
    rate = movies[0].frame_rate or 1.0
    for row, (name, stretches, colour, movie, frames) in enumerate(
        (
            ("A", a, _A, movies[0], comparison.samples[0]),
            ("B", b, _B, movies[-1], comparison.samples[1]),
        )
    ):
        spans = [(it.start / rate, len(it) / rate) for it in stretches]
        axes.broken_barh(spans, (-row - 0.35, 0.7), color=colour)
        where = f" of {movie.name}" if len(movies) == 2 else ""
        axes.text(0, -row + 0.38, f"{name}{where}, {frames} frames compared", fontsize=8, va="bottom")
    axes.set(xlim=(0, max(movie.n_frames for movie in movies) / rate), ylim=(-1.6, 0.8), yticks=[])
    axes.set_xlabel("time (s)" if movies[0].frame_rate else "frame")
    axes.set_title(f"Blocks of {comparison.block_length} frames", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
