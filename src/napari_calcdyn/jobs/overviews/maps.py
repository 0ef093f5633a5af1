"""Overview figure of a model: maps, connections between ROIs, predicted latents and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.jobs.between_rois import ALPHA, BetweenRois
from napari_calcdyn.models.training import Progress
from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie

from .connections import draw_arrows, draw_matrix
from .map_panel import draw_map
from .panels import draw_losses, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRACES = 8
_VISIBLE = 0.02  # part of what is explained that is drawn bright
_FRAMES = 1000  # before and after the first one that is held out
_MEASURED: dict[str, Any] = {"color": "0.75", "linewidth": 2.0, "label": "measured"}
_PREDICTED: dict[str, Any] = {"color": "#d1495b", "linewidth": 0.8, "label": "predicted from the past"}


def save_overview(
    path: str | Path,
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    between: BetweenRois,
    metrics: Mapping[str, Any],
    history: Sequence[Progress] = (),
) -> None:
    """Draw the overview of a model and its maps.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    movie : Movie
        The recording.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d)
        Latents of the recording.
    between : BetweenRois
        Its maps, and the connections between ROIs.
    metrics : mapping
        Metrics, as in `VARAutoencoder.metrics`.
    history : sequence of Progress
        Reports of the training, for the curve of the losses; empty if a saved model was applied.
    """
    figure = new_figure(17.5, 8.6)
    frames, height, width = movie.shape
    fitted, influence, maps = between.fitted, between.influence, between.maps
    figure.suptitle(
        f"{movie.name}: {frames} frames of {height} × {width} pixels, {metrics['mode']}, {model.var.latents} latents,"
        f" {0 if fitted is None else len(fitted.rois)} ROIs,"
        f" prediction error {metrics['latent_prediction_error']:.3f}. {gain_in_words(metrics)}",
        fontsize=11,
    )
    (mean, explained, driven, driving), (matrix, traces, losses, amplitude) = figure.subplots(2, 4)
    if fitted is None or influence is None:
        frame = movie.mean_frame()
        low, high = np.nanpercentile(frame, (1, 99.7))
        draw_map(figure, mean, frame, movie, "Mean frame", "counts", limits=(low, high), colormap="gray")
        for axes, title in ((driven, "No cells were found"), (driving, ""), (matrix, "")):
            axes.set_axis_off()
            axes.set_title(title, fontsize=10)
    else:
        draw_arrows(mean, movie, fitted.rois, influence, ALPHA)
        draw_matrix(figure, matrix, influence, ALPHA)
        passes = np.isin(fitted.rois.labels, influence.edges(alpha=ALPHA)["target"])
        for axes, image, title in (
            (driven, maps.driven, "Driven: what comes from elsewhere"),
            (driving, maps.driving, "Driving: what a place explains elsewhere"),
        ):
            assert image is not None
            high = max(_high(image), _VISIBLE * _high(maps.explained))  # or noise would look like much
            draw_map(figure, axes, image, movie, title, "counts²", limits=(0, high))
        if passes.any():
            driven.contour(passes, levels=[0.5], colors="white", linewidths=0.6)
    for axes, image, title, unit in (
        (explained, maps.explained, "Explained by the dynamics", "counts²"),
        (amplitude, maps.amplitude, "Amplitude of the contributions", "counts"),
    ):
        draw_map(figure, axes, image, movie, title, unit, limits=(0, _high(image)))
    if fitted is None:
        every, guess = latents, model.var.predict(latents)
        names = [str(it) for it in range(model.var.latents)]
    else:
        assert between.activity is not None
        every = between.activity
        guess, names = fitted.var.predict(every), [str(it) for it in fitted.rois.ids]
    columns, predicted = every[:, : len(names)], guess[:, : len(names)]
    held_out = model.config.held_out if history or fitted is not None else 0.0
    _traces(traces, movie, columns, predicted, names, "latent" if fitted is None else "ROI", held_out)
    if history:
        _losses(losses, history)
    else:
        losses.set_axis_off()
    figure.savefig(path)


def _high(image: NDArray[np.float32]) -> float:
    return max(float(np.nanpercentile(image, 99.7)), float(np.nanmax(image)) / 10, 1e-12)


def _traces(
    axes: Axes,
    movie: Movie,
    columns: NDArray[np.floating],
    predicted: NDArray[np.floating],
    names: Sequence[str],
    what: str,
    held_out: float,
) -> None:
    known = round(len(columns) * (1 - held_out))
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
    if held_out:
        axes.axvspan(known / rate, time[-1], color="0.92", zorder=-1, label="held out")
    axes.set_yticks(-np.arange(len(strongest)), [names[it] for it in strongest])
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel(what)
    axes.set_xlabel("time (s)" if movie.frame_rate else "frame")
    axes.set_title(f"{what[:1].upper()}{what[1:]}s with the strongest dynamics", fontsize=10)
    legend_below(axes, 3, 0.13)
    axes.spines[["top", "right"]].set_visible(False)


def _losses(axes: Axes, history: Sequence[Progress]) -> None:
    for loss, colour in (("reconstruction", "#30638e"), ("prediction", "#d1495b")):
        draw_losses(axes, history, loss, colour, f"{loss}, ", "o")
    axes.set_xlabel("training step")
    axes.set_ylabel("relative error")
    axes.set_title("Training", fontsize=10)
    legend_below(axes, 2, 0.13)
    axes.spines[["top", "right"]].set_visible(False)
