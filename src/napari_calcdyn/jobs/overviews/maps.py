"""Overview figure of a model: maps, matrix of connections, predicted latents and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.analysis.maps import ContributionMaps
from napari_calcdyn.models.training import Progress
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie

from .map_panel import map_panel, mean_panel
from .panels import Panel, legend_below, new_figure, training_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRACES = 8
_FRAMES = 1000  # before and after the first one that is held out
_MEASURED: dict[str, Any] = {"color": "0.75", "linewidth": 2.0, "label": "measured"}
_PREDICTED: dict[str, Any] = {"color": "#d1495b", "linewidth": 0.8, "label": "predicted from the past"}


def run_panels(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    maps: ContributionMaps,
    history: Sequence[Progress] = (),
) -> list[Panel]:
    """Return the pictures of a model and its maps.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d)
        Latents of the recording.
    maps : ContributionMaps
        Its maps.
    history : sequence of Progress
        Reports of the training, for the curve of the losses; empty if a saved model was applied.

    Returns
    -------
    list of Panel
        Mean frame, both maps, connections, latents, and the training if there was one.
    """
    held_out = model.config.held_out if history else 0.0
    return [
        mean_panel(movie),
        map_panel(
            "Explained by the dynamics",
            "The part of each pixel's variance that the dynamics predict from the frames before.",
            maps.explained,
            movie,
            "counts²",
        ),
        map_panel(
            "Amplitude of the contributions",
            "The mean size of what the dynamics predict in each pixel.",
            maps.amplitude,
            movie,
            "counts",
        ),
        Panel(
            "Connections between latents",
            "Coefficients that are not zero, for latents of unit variance, each at the lag where it is strongest.",
            lambda figure, axes: _matrix(figure, axes, model),
        ),
        Panel(
            "Latents with the strongest dynamics",
            "Measured, and predicted one frame ahead from the frames before.",
            lambda _, axes: _traces(axes, movie, model, latents, held_out),
            (7.2, 4.4),
        ),
        *training_panel(history),
    ]


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
        Metrics, as in `VARAutoencoder.metrics`.
    """
    figure = new_figure(13.5, 8.6)
    frames, height, width = movie.shape
    figure.suptitle(
        f"{movie.name}: {frames} frames of {height} × {width} pixels, {metrics['mode']},"
        f" {model.var.latents} latents, {model.var.nonzeros} connections,"
        f" prediction error {metrics['latent_prediction_error']:.3f}",
        fontsize=11,
    )
    axes = figure.subplots(2, 3).ravel()
    for panel, place in zip(panels, axes, strict=False):
        panel.draw(figure, place)
    for place in axes[len(panels) :]:
        place.set_axis_off()
    figure.savefig(path)


def _matrix(figure: Figure, axes: Axes, model: VARAutoencoder) -> None:
    # Coefficients between latents of unit variance, so that rows compare, at the lag where each is strongest.
    var, latents = model.var, model.var.latents
    tables = [csr_array(table).tocoo() for table in var.tables]
    target, source, value = (
        np.concatenate([getattr(it, name) for it in tables]) for name in ("row", "col", "data")
    )
    value = value * var.std[source] / var.std[target]
    falling = np.abs(value).argsort()[::-1]
    strongest = falling[np.unique((target * latents + source)[falling], return_index=True)[1]]
    # As points, because with many latents an entry of the matrix is smaller than a pixel; the strongest come last.
    drawn = strongest[np.abs(value[strongest]).argsort()]
    target, source, value = target[drawn], source[drawn], value[drawn]
    others = np.abs(value[target != source])
    # A latent's own past is so much stronger that everything else would be white.
    limit = max(float(np.quantile(others, 0.98)) if len(others) else 0.0, 1e-3)
    side = max(2.5, 230 / latents)
    shown = axes.scatter(
        source,
        target,
        c=value,
        s=side**2,
        marker="s",
        linewidths=0,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
    )
    axes.set(xlim=(-0.5, latents - 0.5), ylim=(latents - 0.5, -0.5), aspect="equal", facecolor="0.97")
    axes.set_title("Connections between latents", fontsize=10)
    axes.set_xlabel("source latent")
    axes.set_ylabel("target latent")
    figure.colorbar(shown, ax=axes, shrink=0.85, label="coefficient (own past off the scale)", extend="both")


def _traces(
    axes: Axes, movie: Movie, model: VARAutoencoder, latents: NDArray[np.float32], held_out: float
) -> None:
    known = round(len(latents) * (1 - held_out))
    first = max(0, known - _FRAMES)  # a longer trace would be a smear
    latents = latents[first : known + _FRAMES]
    rate = movie.frame_rate or 1.0
    time = (first + np.arange(len(latents))) / rate
    predicted = model.var.predict(latents)
    # One unit of any latent has the same power in the picture, so this orders latents by what they explain there.
    mean = model.var.mean.astype(np.float32)
    explained = np.nanmean((predicted - mean) * (latents - mean), axis=0)
    predicted[np.isnan(latents)] = np.nan
    strongest = np.argsort(explained)[::-1][:_TRACES]
    for row, latent in enumerate(strongest):
        spread = 4 * max(float(np.nanstd(latents[:, latent])), 1e-12)
        for values, style in ((latents, _MEASURED), (predicted, _PREDICTED)):
            trace = (values[:, latent] - np.nanmean(latents[:, latent])) / spread - row
            axes.plot(time, trace, **(style | {"label": style["label"] if row == 0 else None}))
    if held_out:
        axes.axvspan(
            known / rate, time[-1], color="0.5", alpha=0.15, linewidth=0, zorder=-1, label="held out"
        )
    axes.set_yticks(-np.arange(len(strongest)), [str(latent) for latent in strongest])
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel("latent")
    axes.set_xlabel("time (s)" if movie.frame_rate else "frame")
    axes.set_title("Latents with the strongest dynamics", fontsize=10)
    legend_below(axes, 3, 0.13)
    axes.spines[["top", "right"]].set_visible(False)
