"""Overview figure of neurons: map, ROIs by cluster, latents, denoised traces and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import RoiSet, Traces

from .panels import Panel, draw_losses, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_calcdyn.analysis.neurons import Neurons

_TRACES = 14
_SAMPLES = 3000  # largest number drawn of a trace
_RAW: dict[str, Any] = {"color": "0.66", "linewidth": 0.7, "label": "raw"}
_NO_CLUSTER = "0.75"
_COLOURS = ("#30638e", "#d1495b", "#edae49", "#00798c", "#7b5ea7", "#66a182", "#c97b3f", "#5c5c8a")


def neuron_panels(
    traces: Traces,
    neurons: Neurons,
    history: Sequence[Progress] = (),
    rois: RoiSet | None = None,
) -> list[Panel]:
    """Return the pictures of a recording's neurons.

    Parameters
    ----------
    traces : Traces
        The recording.
    neurons : Neurons
        The result of `analyse_neurons`.
    history : sequence of Progress
        Reports of the training, for the curves of the losses; empty if a saved model was applied.
    rois : RoiSet, optional
        The ROIs of the traces, to be drawn in their clusters' colours.

    Returns
    -------
    list of Panel
        Map, ROIs if there are any, training if there was one, latents, and traces.
    """
    found = [
        Panel(
            "t-SNE of the latents",
            "Each point is a neuron; neurons that behave alike are close. Distances between groups mean little.",
            lambda _, axes: _map(axes, neurons),
        )
    ]
    if rois is not None:
        about = "The same colours in the field of view."
        found.append(Panel("ROIs by cluster", about, lambda _, axes: _field_of_view(axes, neurons, rois)))
    if history:
        about = "Errors during the training; the darker line is of neurons that were not trained on."
        found.append(Panel("Training", about, lambda _, axes: _learning(axes, history)))
    return [
        *found,
        Panel(
            "Information of each latent about a neuron",
            "A latent near 0 is not in use.",
            lambda _, axes: _latents(axes, neurons),
        ),
        Panel(
            "Neurons with the clearest events, of each cluster",
            "Raw traces in grey, and what the model keeps of them.",
            lambda _, axes: _traces(axes, traces, neurons),
            (7.2, 6.4),
        ),
    ]


def save_neurons_overview(
    path: str | Path, panels: Sequence[Panel], traces: Traces, metrics: Mapping[str, Any]
) -> None:
    """Draw the overview of a recording's neurons.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    panels : sequence of Panel
        From `neuron_panels`.
    traces : Traces
        The recording.
    metrics : mapping
        Metrics, as in ``metrics.json``.
    """
    figure = new_figure(14, 8.6)
    figure.suptitle(
        f"{traces.name}: {len(traces)} neurons, {traces.samples:,} samples, architecture {metrics['architecture']},"
        f" {metrics['latent']} latents, {metrics['active_units']} active",
        fontsize=11,
    )
    *small, tall = panels
    halves: Any = figure.subfigures(1, 2, width_ratios=(2, 1.25))
    left, right = halves
    rows = small[: len(small) // 2], small[len(small) // 2 :]
    for place, row in zip(left.subfigures(2, 1), rows, strict=True):
        for panel, axes in zip(row, place.subplots(1, len(row), squeeze=False)[0], strict=True):
            panel.draw(figure, axes)
    tall.draw(figure, right.subplots())
    figure.savefig(path)


def _colour(cluster: int) -> str:
    return _COLOURS[cluster % len(_COLOURS)] if cluster >= 0 else _NO_CLUSTER


def _map(axes: Axes, neurons: Neurons) -> None:
    placed = np.isfinite(neurons.tsne).all(1)
    size = float(np.clip(6000 / max(1, placed.sum()), 4, 30))
    names = _noise_last(np.unique(neurons.cluster[placed]))
    for cluster in names:
        of = placed & (neurons.cluster == cluster)
        label = f"cluster {cluster} ({of.sum()})" if cluster >= 0 else f"in none ({of.sum()})"
        colour, (first, second) = _colour(int(cluster)), neurons.tsne[of].T
        axes.scatter(first, second, s=size, color=colour, linewidths=0, label=label)
    axes.set(xticks=[], yticks=[], title="t-SNE of the latents")
    axes.set_aspect("equal", adjustable="datalim")
    axes.title.set_fontsize(10)
    axes.spines[:].set_color("0.85")
    if len(names) <= 12:
        legend_below(axes, 3, 0.02, markerscale=1.5)


def _field_of_view(axes: Axes, neurons: Neurons, rois: RoiSet) -> None:
    from matplotlib.colors import to_rgb

    cluster = dict(zip(neurons.ids.tolist(), neurons.cluster.tolist(), strict=True))
    colours = [to_rgb(_colour(cluster.get(roi, -1))) for roi in rois.ids.tolist()]
    image = np.array([to_rgb("0.12"), *colours])[rois.labels]
    axes.imshow(image, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title="ROIs by cluster")
    axes.title.set_fontsize(10)


def _learning(axes: Axes, history: Sequence[Progress]) -> None:
    axes.set_axis_off()
    for key, label, colour, lower in (
        ("reconstruction", "reconstruction error", "#30638e", 0.56),
        ("kl", "KL divergence (nats)", "#d1495b", 0.0),
    ):
        panel = axes.inset_axes((0.0, lower, 1.0, 0.44))
        draw_losses(panel, history, key, colour)
        panel.set_ylabel(label, fontsize=8)
        panel.tick_params(labelsize=8)
        if lower:
            panel.set_title("Training", fontsize=10)
            panel.tick_params(labelbottom=False)
            panel.legend(fontsize=7.5, frameon=False)
        else:
            panel.set_xlabel("training step", fontsize=8)
        panel.spines[["top", "right"]].set_visible(False)


def _latents(axes: Axes, neurons: Neurons) -> None:
    """Draw the mean KL divergence of each latent, its information about a neuron."""
    known = np.isfinite(neurons.mean).all(1)
    mean, variance = neurons.mean[known].astype(np.float64), neurons.std[known].astype(np.float64) ** 2
    kl = 0.5 * (mean**2 + variance - 1 - np.log(variance)).mean(0)
    numbers = np.arange(1, len(kl) + 1)
    axes.bar(numbers, kl, color="#30638e", width=0.7)
    axes.set_title("Information of each latent about a neuron", fontsize=10)
    axes.set_xlabel("latent", fontsize=8)
    axes.set_ylabel("KL divergence (nats)", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.set_xticks(numbers if len(numbers) <= 16 else numbers[:: len(numbers) // 8])
    axes.spines[["top", "right"]].set_visible(False)


def _traces(axes: Axes, traces: Traces, neurons: Neurons) -> None:
    shown = _chosen(neurons)
    samples = min(traces.samples, _SAMPLES)
    time = np.arange(samples) / (traces.frame_rate or 1.0)
    for row, position in enumerate(shown):
        middle = np.nanmedian(traces.values[position])
        spread = 1.1 * max(float(np.nanpercentile(np.abs(traces.values[position] - middle), 99.8)), 1e-12)
        colour = _colour(int(neurons.cluster[position])) if neurons.cluster[position] >= 0 else "0.25"
        denoised: dict[str, Any] = {"color": colour, "linewidth": 0.9, "label": "denoised, by cluster"}
        for values, style in ((traces.values, _RAW), (neurons.denoised.values, denoised)):
            # A trace outside its row would hide others.
            trace = ((values[position, :samples] - middle) / spread).clip(-0.7, 1.2) - row
            axes.plot(time, trace, **(style | {"label": style["label"] if row == 0 else None}))
    axes.set_yticks(-np.arange(len(shown)), [str(neurons.ids[position]) for position in shown], fontsize=8)
    axes.set_xlim(0, time[-1])
    axes.set_ylim(-len(shown) + 0.3, 1.2)
    axes.set_ylabel("ROI", fontsize=8)
    axes.set_xlabel("time (s)" if traces.frame_rate else "sample", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title("Neurons with the clearest events, of each cluster", fontsize=10)
    legend_below(axes, 2, 0.05, markerscale=1.5)
    axes.spines[["top", "right"]].set_visible(False)


def _chosen(neurons: Neurons) -> NDArray[np.int64]:
    """Return neurons with the clearest events, taking clusters in turn, sorted by cluster."""
    clarity = np.nan_to_num(neurons.features["snr"], nan=-np.inf, posinf=np.inf)
    usable = np.flatnonzero(np.isfinite(neurons.mean).all(1))
    order = usable[np.argsort(-clarity[usable], kind="stable")]
    # How many of its own cluster come before it.
    rank = np.empty(len(order), np.int64)
    for cluster in np.unique(neurons.cluster[order]):
        of = neurons.cluster[order] == cluster
        rank[of] = np.arange(of.sum())
    chosen = order[np.argsort(rank, kind="stable")][:_TRACES]
    return np.concatenate(
        [
            chosen[neurons.cluster[chosen] == cluster]
            for cluster in _noise_last(np.unique(neurons.cluster[chosen]))
        ]
    )


def _noise_last(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([clusters[clusters >= 0], clusters[clusters < 0]])
