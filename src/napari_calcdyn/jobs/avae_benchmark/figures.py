"""Figures of the AVAE benchmark: Fig. 3, 4 and 5 of Abante et al. (2025), and the accuracy of neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.analysis.neurons import fit_tsne
from napari_calcdyn.jobs.overviews.panels import new_figure
from napari_calcdyn.recording import Traces
from napari_calcdyn.recording.writing import replacing, writing

from .example_panels import Example, draw_correlations, draw_maps, draw_traces
from .experiments import simulated, train_avae
from .grid import Grid, Run, partition_of
from .score_panels import draw_against_noise
from .summary import over_partitions
from .tables import read_runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURES = ("figure_3.png", "figure_4.png", "figure_5.png", "figure_neighbours.png")
_PAPER_SIZE, _PAPER_BETA = (128, 8), 0.5


def draw_figures(grid: Grid, folder: str | Path, *, device: str = "cpu") -> None:
    """Draw the figures of a benchmark, from ``runs.csv`` and one more training.

    Parameters
    ----------
    grid : Grid
        The grid of the benchmark.
    folder : str or Path
        Of `run_benchmark`; gets the four pictures, each in one step.
    device : str
        Where to train the additional model.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    runs = read_runs(folder)
    example = _example(grid, device)
    sizes = len({run.latent for run in runs})
    with writing(folder):
        _save(_figure_3(example, over_partitions(runs, "mse"), sizes), folder / FIGURES[0])
        _save(_figure_4(example), folder / FIGURES[1])
        _save(_figure_5(example, over_partitions(runs, "ari"), sizes), folder / FIGURES[2])
        _save(_figure_neighbours(over_partitions(runs, "neighbour_accuracy"), sizes), folder / FIGURES[3])


def _example(grid: Grid, device: str) -> Example:
    """Train a default AVAE of the size that the paper shows, and apply it to its test neurons."""
    hidden, latent = _PAPER_SIZE if _PAPER_SIZE in grid.sizes else grid.sizes[-1]
    sigma = grid.sigmas[min(1, len(grid.sigmas) - 1)]
    run = Run(sigma, hidden, latent, _PAPER_BETA, 0, "avae")
    data = simulated(grid)
    noisy = data.noisy(sigma, seed=grid.seed)
    training, test = partition_of(data, run)
    model = train_avae(noisy[training], run, grid, device=device)
    traces = Traces.from_array(noisy[test])
    latents, _ = model.encode(traces)
    return Example(
        f"AVAE with {hidden} hidden units, {latent} latents, β = {_PAPER_BETA:g}, noise σ = {sigma:g};"
        f" {len(test):,} test neurons",
        noisy[test],
        data.clean[test],
        model.reconstruct(traces),
        latents,
        fit_tsne(latents, seed=grid.seed).coordinates,
        {name: column[test] for name, column in data.table.items()},
        grid.frame_rate,
    )


def _figure_3(example: Example, errors: Any, sizes: int) -> Figure:
    figure = new_figure(12, 9.4)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.25), hspace=0.04)
    above, below = parts
    above.suptitle(f"A  Three test neurons: {example.title}", fontsize=11, x=0.01, ha="left")
    traces = above.subplots(3, 1)
    draw_traces(traces, example)
    _legend(above, traces[0])
    below.suptitle(
        "B  Error of the reconstruction (mean and standard deviation over partitions)",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    panels = below.subplots(1, sizes, sharey=True, squeeze=False)[0]
    draw_against_noise(panels, {series: 1e3 * values for series, values in errors.items()})
    panels[0].set_ylabel("mean squared error × 10³", fontsize=9)
    _legend(below, panels[0])
    return figure


def _figure_4(example: Example) -> Figure:
    figure = new_figure(11, 10)
    figure.suptitle(f"t-SNE of the latents: {example.title}", fontsize=11, x=0.01, ha="left")
    draw_maps(figure.subplots(2, 2).ravel(), example)
    return figure


def _figure_5(example: Example, agreement: Any, sizes: int) -> Figure:
    figure = new_figure(12, 8)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.45, 1), hspace=0.04)
    above, below = parts
    above.suptitle("A  Agreement of clusters with types", fontsize=11, x=0.01, ha="left")
    panels = above.subplots(1, sizes, sharey=True, squeeze=False)[0]
    draw_against_noise(panels, agreement)
    panels[0].set_ylabel("adjusted Rand index", fontsize=9)
    _legend(above, panels[0])
    below.suptitle(
        f"B  Correlation of latents with parameters: {example.title}", fontsize=11, x=0.01, ha="left"
    )
    draw_correlations(below.subplots(), example)
    return figure


def _figure_neighbours(accuracy: Any, sizes: int) -> Figure:
    figure = new_figure(12, 8)
    figure.suptitle("Types predicted by the 10 nearest training neurons", fontsize=11, x=0.01, ha="left")
    rows: Any = figure.subfigures(2, 1, hspace=0.04)
    for row, split, title in zip(
        rows,
        ("neurons", "cultures"),
        ("Test neurons of cultures that were trained on", "Test neurons of cultures that were never seen"),
        strict=True,
    ):
        row.suptitle(title, fontsize=10, x=0.01, ha="left")
        panels = row.subplots(1, sizes, sharey=True, squeeze=False)[0]
        draw_against_noise(panels, accuracy, split)
        for axes in panels:
            axes.axhline(1 / 3, color="0.6", linewidth=0.8, label="chance")
        panels[0].set_ylabel("share of test neurons predicted correctly", fontsize=9)
        _legend(row, panels[0])
    return figure


def _legend(part: Any, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    part.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=8,
        columnspacing=1.2,
        handletextpad=0.5,
        frameon=False,
    )


def _save(figure: Figure, file: Path) -> None:
    with replacing(file) as beside:
        figure.savefig(beside)
