"""Panels of the benchmark's figures: scores against noise, for each number of latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .summary import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Measured = Mapping[Series, NDArray[np.float64]]

# Colour-blind readers can tell blue, orange, grey and dashes apart.
_BLUES, _ORANGES = ("#9ecae1", "#3f8fc5", "#08306b"), ("#fdc38d", "#f0862d", "#a63603")
_DODGE = 0.22  # of the distance between two σ, over all lines, so that error bars do not hide each other


def draw_against_noise(panels: Sequence[Axes], measured: Measured, split: str = "neurons") -> None:
    """Draw mean and standard deviation over partitions, a line for each method and β.

    Parameters
    ----------
    panels : sequence of Axes
        One for each D2, ascending.
    measured : mapping of Series to ndarray
        From `summary.over_partitions`.
    split : {"neurons", "cultures"}
        Which test neurons.
    """
    shown = [series for series in measured if series.split == split]
    sigmas = sorted({series.sigma for series in shown})
    lines = sorted({(series.method, series.beta) for series in shown}, key=_rank)
    step = min(np.diff(sigmas), default=1.0)
    for axes, latent in zip(panels, sorted({series.latent for series in shown}), strict=True):
        for place, (method, beta) in enumerate(lines):
            keys = [Series(split, sigma, latent, method, beta) for sigma in sigmas]
            found = [(key.sigma, measured[key]) for key in keys if key in measured]
            shift = step * _DODGE * (place / max(len(lines) - 1, 1) - 0.5)
            axes.errorbar(
                [sigma + shift for sigma, _ in found],
                [values.mean() for _, values in found],
                [values.std(ddof=1) if len(values) > 1 else 0 for _, values in found],
                **_style(method, beta, sorted({beta for _, beta in lines if beta is not None})),
            )
        axes.set_title(f"{latent} latents", fontsize=10)
        axes.set_xlabel("σ of the noise", fontsize=9)
        axes.set_xticks(sigmas)
        axes.set_xlim(sigmas[0] - 0.3 * step, sigmas[-1] + 0.3 * step)
        axes.tick_params(labelsize=8)
        axes.grid(axis="y", color="0.92", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)


def _rank(line: tuple[str, float | None]) -> tuple[int, float]:
    return ("pca", "paper", "avae").index(line[0]), line[1] or 0.0


def _style(method: str, beta: float | None, betas: Sequence[float]) -> dict[str, Any]:
    common = {"linewidth": 1.4, "markersize": 4.5, "elinewidth": 0.9, "capsize": 0}
    if beta is None:
        return common | {"color": "0.35", "marker": "s", "linestyle": ":", "label": "PCA"}
    shade = betas.index(beta) if len(betas) == len(_BLUES) else 1
    if method == "paper":
        look = {"color": _ORANGES[shade], "marker": "^", "linestyle": "--"}
        return common | look | {"label": f"published network, β = {beta:g}"}
    return common | {"color": _BLUES[shade], "marker": "o", "linestyle": "-", "label": f"AVAE, β = {beta:g}"}
