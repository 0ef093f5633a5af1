"""Overview figure of a model: maps, connections between ROIs, predicted activity and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.jobs.between_rois import ALPHA, BetweenRois
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.split import held_out_stretches
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import recorded_frames

from .connections import connection_panels
from .driven import driven_panels
from .map_panel import bright, map_panel, mean_panel
from .panels import Panel, legend_below, new_figure, training_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRACES = 8
_FRAMES = 1000  # before and after the first one that is held out
_MEASURED: dict[str, Any] = {"color": "0.75", "linewidth": 2.0, "label": "measured"}
_PREDICTED: dict[str, Any] = {"color": "#d1495b", "linewidth": 0.8, "label": "predicted from the past"}


def run_panels(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    between: BetweenRois,
    history: Sequence[Progress] = (),
) -> list[Panel]:
    """Return the pictures of a model, its maps, and the connections between ROIs.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d)
        Latents of the recording.
    between : BetweenRois
        Maps, and the connections between ROIs.
    history : sequence of Progress
        Reports of the training, for the curve of the losses; empty if a saved model was applied.

    Returns
    -------
    list of Panel
        Mean frame, maps, connections, traces, and the training if there was one.
    """
    maps = between.maps
    explained = map_panel(
        "Explained by the dynamics",
        "The part of each pixel's variance that the dynamics predict from the frames before.",
        maps.explained,
        movie,
        "counts²",
        bright(maps.explained),
    )
    amplitude = map_panel(
        "Amplitude of the contributions",
        "The mean size of what the dynamics predict in each pixel.",
        maps.amplitude,
        movie,
        "counts",
    )
    traces, training = _traces_panel(movie, model, latents, between, history), training_panel(history)
    if between.fitted is None or between.influence is None or maps.driven is None or maps.driving is None:
        return [mean_panel(movie), explained, amplitude, traces, *training]
    arrows, matrix = connection_panels(movie, between.fitted.rois, between.influence, ALPHA)
    driven, driving = driven_panels(movie, between.fitted.rois, between.influence, maps)
    return [arrows, explained, driven, driving, matrix, traces, *training, amplitude]


def save_overview(
    path: str | Path,
    panels: Sequence[Panel],
    movie: Movie,
    model: VARAutoencoder,
    metrics: Mapping[str, Any],
) -> None:
    """Draw the overview of a model and its maps.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `run_panels`.
    movie : Movie
        The recording.
    model : VARAutoencoder
        The fitted model.
    metrics : mapping
        Content of ``metrics.json``.
    """
    across = (len(panels) + 1) // 2
    figure = new_figure(4.4 * across, 8.6)
    frames, (height, width) = recorded_frames(movie), movie.frame_shape
    rois = metrics["rois"]
    cells = f"{rois} ROIs" if rois else "no cells found"
    if model.config.network == "convolutional":
        cells = "convolutional network"
    figure.suptitle(
        f"{movie.name}: {frames} frames of {height} × {width} pixels, {metrics['mode']}, {model.var.latents} latents,"
        f" {cells}, prediction error"
        f" {metrics['latent_prediction_error']:.3f}\n{gain_in_words(metrics)}",
        fontsize=11,
    )
    axes = figure.subplots(2, across).ravel()
    for panel, place in zip(panels, axes, strict=False):
        panel.draw(figure, place)
    for place in axes[len(panels) :]:
        place.set_axis_off()
    figure.savefig(path)


def _traces_panel(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    between: BetweenRois,
    history: Sequence[Progress],
) -> Panel:
    fitted = between.fitted
    if fitted is None or between.activity is None:
        what, names = "latent", [str(it) for it in range(model.var.latents)]
        columns, predicted = latents, model.var.predict(latents)
    else:
        what, names = "ROI", [str(it) for it in fitted.rois.ids]
        columns, predicted = between.activity, fitted.predict_activity(between.activity)
    share = model.config.held_out if history or fitted is not None else 0.0
    held_out = held_out_stretches(movie, share)
    return Panel(
        f"{what[:1].upper()}{what[1:]}s with the strongest dynamics",
        "Measured, and predicted one frame ahead from the frames before.",
        lambda _, axes: _traces(axes, movie, columns, predicted, names, what, held_out),
        (7.2, 4.4),
    )


def _traces(
    axes: Axes,
    movie: Movie,
    columns: NDArray[np.floating],
    predicted: NDArray[np.floating],
    names: Sequence[str],
    what: str,
    held_out: Sequence[range],
) -> None:
    known = held_out[-1].start
    first = max(0, known - _FRAMES)  # a longer trace would be a smear
    columns, predicted = (it[first : known + _FRAMES] for it in (columns, predicted))
    rate = movie.frame_rate or 1.0
    time = (first + np.arange(len(columns))) / rate
    mean = np.nanmean(columns, axis=0)
    explained = np.nanmean((predicted - mean) * (columns - mean), axis=0)
    predicted = np.where(np.isnan(columns), np.nan, predicted)
    strongest = np.argsort(explained)[::-1][:_TRACES]
    for row, number in enumerate(strongest):
        spread = 4 * max(float(np.nanstd(columns[:, number])), 1e-12)
        for values, style in ((columns, _MEASURED), (predicted, _PREDICTED)):
            trace = (values[:, number] - mean[number]) / spread - row
            axes.plot(time, trace, **(style | {"label": style["label"] if row == 0 else None}))
    label: str | None = "held out"
    for late in held_out:
        start, stop = max(late.start / rate, time[0]), min(late.stop / rate, time[-1])
        if start < stop:
            axes.axvspan(start, stop, color="0.5", alpha=0.15, linewidth=0, zorder=-1, label=label)
            label = None
    axes.set_yticks(-np.arange(len(strongest)), [names[it] for it in strongest])
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel(what)
    axes.set_xlabel("time (s)" if movie.frame_rate else "frame")
    axes.set_title(f"{what[:1].upper()}{what[1:]}s with the strongest dynamics", fontsize=10)
    legend_below(axes, 3, 0.13)
    axes.spines[["top", "right"]].set_visible(False)
