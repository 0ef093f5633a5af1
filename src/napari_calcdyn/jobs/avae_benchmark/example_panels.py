"""Panels of the benchmark's figures for one model: traces, map, and correlations of its latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.neurons.scores import latent_correlations

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours of Okabe and Ito, which colour-blind readers can tell apart.
_TYPES = {"RS": "#0072b2", "IB": "#e69f00", "CH": "#009e73"}
_EXCITATORY, _INHIBITORY = "0.72", "#d55e00"
_PARAMETERS = {"a": "a", "b": "b", "v0": "$v_0$", "du": "Δu", "rate_hz": "rate"}


@dataclass(frozen=True, eq=False)
class Example:
    """Test neurons with their reconstructed traces, latents and map places by one model.

    Parameters
    ----------
    title : str
        Description of the model.
    noisy, clean, reconstructed : ndarray (M, T), float32
        Traces as given, without noise, and as reconstructed.
    latents : ndarray (M, D2), float32
        Means of the posteriors.
    places : ndarray (M, 2), float32
        Their t-SNE.
    table : dict of ndarray (M,)
        The truth about them.
    frame_rate : float
        Samples per second.
    """

    title: str
    noisy: NDArray[np.float32]
    clean: NDArray[np.float32]
    reconstructed: NDArray[np.float32]
    latents: NDArray[np.float32]
    places: NDArray[np.float32]
    table: dict[str, NDArray[Any]]
    frame_rate: float


def draw_traces(panels: Sequence[Axes], example: Example) -> None:
    """Draw one neuron of each type: the one of median error among the more active half.

    Parameters
    ----------
    panels : sequence of three Axes
        One above the other.
    example : Example
        What to draw.
    """
    span = np.ptp(example.noisy, axis=1, keepdims=True)
    error = np.square((example.reconstructed - example.clean) / span).mean(axis=1)
    time = np.arange(example.clean.shape[1]) / example.frame_rate
    for axes, kind in zip(panels, _TYPES, strict=True):
        of = np.flatnonzero(example.table["type"] == kind)
        of = of[np.argsort(-example.clean[of].std(axis=1))[: (len(of) + 1) // 2]]
        shown = of[np.argsort(error[of])[len(of) // 2]]
        axes.plot(time, example.noisy[shown], color="0.78", linewidth=0.7, label="with noise, as given")
        axes.plot(time, example.clean[shown], color="0.15", linewidth=1.3, label="without noise")
        axes.plot(time, example.reconstructed[shown], color="#d55e00", linewidth=1.1, label="reconstructed")
        axes.set_ylabel(kind, rotation=0, ha="right", va="center", fontsize=10)
        axes.tick_params(labelsize=8)
        axes.set_xlim(time[0], time[-1])
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    panels[-1].set_xlabel("time (s)", fontsize=9)


def draw_maps(panels: Sequence[Axes], example: Example) -> None:
    """Draw the t-SNE of the latents in four colourings: type, excitatory or inhibitory, v0 and Δu.

    Parameters
    ----------
    panels : sequence of four Axes
        Where to.
    example : Example
        What to draw.
    """
    first, second = example.places.T
    style: dict[str, Any] = {"s": float(np.clip(9000 / len(first), 4, 30)), "linewidths": 0}
    order = np.random.default_rng(0).permutation(len(first))  # no type lies on top of the others
    colours = np.asarray([_TYPES[kind] for kind in example.table["type"]])
    panels[0].scatter(first[order], second[order], c=colours[order], **style)
    for kind, colour in _TYPES.items():
        panels[0].scatter([], [], color=colour, s=30, label=kind)
    for of, colour, name in (
        (example.table["excitatory"], _EXCITATORY, "excitatory"),
        (~example.table["excitatory"], _INHIBITORY, "inhibitory"),
    ):
        panels[1].scatter(first[of], second[of], color=colour, **style)
        panels[1].scatter([], [], color=colour, s=30, label=name)
    for axes, title in zip(panels[:2], ("A  Type", "B  Effect on other neurons"), strict=True):
        axes.set_title(title, fontsize=10, loc="left")
        axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.0))
    for axes, name, title in ((panels[2], "v0", "C  $v_0$ (mV)"), (panels[3], "du", "D  Δu")):
        values = example.table[name]
        drawn = axes.scatter(first[order], second[order], c=values[order], cmap="viridis", **style)
        bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=25, pad=0.01)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)
        axes.set_title(title, fontsize=10, loc="left")
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="datalim")
        axes.spines[:].set_color("0.88")


def draw_correlations(axes: Axes, example: Example) -> None:
    """Draw the correlation of every latent with the parameters of the neurons' dynamics, and with their rate.

    Parameters
    ----------
    axes : Axes
        Where to.
    example : Example
        What to draw.
    """
    found = latent_correlations(example.latents, {name: example.table[name] for name in _PARAMETERS})
    matrix = np.stack([found[name] for name in _PARAMETERS])
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for row, column in np.ndindex(*matrix.shape):
        value = matrix[row, column]
        colour = "white" if abs(value) > 0.6 else "0.2"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    latents = example.latents.shape[1]
    axes.set_xticks(range(latents), [str(number) for number in range(1, latents + 1)], fontsize=8)
    axes.set_yticks(range(len(_PARAMETERS)), list(_PARAMETERS.values()), fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("latent", fontsize=9)
    bar = axes.figure.colorbar(image, ax=axes, aspect=25, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("correlation", fontsize=9)
    bar.ax.tick_params(labelsize=8)
