"""Latents, denoised trace, map place and cluster of every neuron of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.avae import AVAE
from napari_calcdyn.recording import Denoised, ProgressCallback, Traces, denoise, report
from napari_calcdyn.recording.writing import write_table

from .alike import alike_neurons
from .clustering import NOISE, cluster_neurons
from .trace_features import trace_features
from .tsne import Embedding, check_enough_neurons, fit_tsne


@dataclass(frozen=True, eq=False)
class Neurons:
    """Latents, denoised trace, map place and cluster of every neuron; made by `analyse_neurons`.

    A neuron whose trace cannot be used is kept: NaN, cluster −1, and the reason in `problems`.

    Attributes
    ----------
    ids : ndarray (N,), int64
        Their ROIs.
    mean, std : ndarray (N, D2), float32
        μ and σ of the posterior of each neuron's latent.
    reconstruction : ndarray (N, T), float32
        The traces redrawn from the latents alone, in the traces' unit.
    tsne : ndarray (N, 2), float32
        Places on the map.
    cluster : ndarray (N,), int64
        Group of each, from 0; −1 for none.
    embedding : Embedding
        The map, for more neurons of the same model.
    problems : tuple of str or None
        Why a trace cannot be used, as in `Traces.problems`.
    features : dict of str to ndarray (N,)
        Numbers to colour neurons by: ``mu_1`` …, ``cluster``, ``explained`` (part of the trace's variance that the
        reconstruction has), and those of `trace_features`.
    denoised : Denoised
        The traces without their noise and their standard deviation, from all samples; neurons with similar latents
        say when activity is likely.
    """

    ids: NDArray[np.int64]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    tsne: NDArray[np.float32]
    cluster: NDArray[np.int64]
    embedding: Embedding
    problems: tuple[str | None, ...]
    features: dict[str, NDArray[Any]]
    denoised: Denoised

    def write_csv(self, path: str | Path) -> None:
        """Write ``roi_id, mu_1, …, tsne_1, tsne_2, cluster``, one line for each neuron.

        Parameters
        ----------
        path : str or Path
            File to write or replace, in one step. What an unusable trace leaves unknown is an empty cell.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        latents = [f"mu_{number}" for number in range(1, self.mean.shape[1] + 1)]
        table: list[list[Any]] = [["roi_id", *latents, "tsne_1", "tsne_2", "cluster"]]
        for roi, mean, place, cluster in zip(self.ids, self.mean, self.tsne, self.cluster, strict=True):
            table.append([roi, *map(_cell, mean), *map(_cell, place), cluster])
        write_table(Path(path), table)


def _cell(value: np.float32) -> str:
    return f"{value:.7g}" if np.isfinite(value) else ""


def analyse_neurons(
    model: AVAE,
    traces: Traces,
    *,
    seed: int = 0,
    progress: ProgressCallback | None = None,
    denoising: ProgressCallback | None = None,
) -> Neurons:
    """Encode and denoise every neuron by a fitted model, lay the neurons out on a map, and cluster them.

    Parameters
    ----------
    model : AVAE
        Fitted to these traces or to others of the same kind.
    traces : Traces
        The recording.
    seed : int
        Of the map.
    progress : callable or None
        Called with steps done and in all; returns True to stop.
    denoising : callable or None
        Called in its place as long as the traces are denoised, which comes before the map.

    Returns
    -------
    Neurons
        In the order of the traces.

    Raises
    ------
    InputError
        If the model does not fit the traces, or fewer than 10 of them can be used.
    Cancelled
        If a callback asked to stop.
    """
    check_enough_neurons(int(traces.usable.sum()))
    model.check(traces)
    denoising = denoising or progress
    report(denoising, 0, 1)
    mean, std = model.encode(traces)
    reconstruction = model.reconstruct(traces)
    denoised = denoise(traces, alike_neurons(mean), progress=denoising)
    known = np.isfinite(mean).all(1)
    embedding = fit_tsne(mean[known], seed=seed, progress=progress)
    tsne = np.full((len(traces), 2), np.nan, np.float32)
    tsne[known] = embedding.coordinates
    cluster = np.full(len(traces), NOISE, np.int64)
    cluster[known] = cluster_neurons(mean[known])
    features: dict[str, NDArray[Any]] = {
        **{f"mu_{number}": column for number, column in enumerate(mean.T, 1)},
        "cluster": cluster,
        "explained": _explained(traces, reconstruction),
        **trace_features(traces),
    }
    return Neurons(
        traces.ids, mean, std, reconstruction, tsne, cluster, embedding, traces.problems, features, denoised
    )


def _explained(traces: Traces, reconstruction: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the part of each trace's variance that its reconstruction explains, NaN where it cannot be used."""
    explained = np.full(len(traces), np.nan)
    for position in np.flatnonzero(traces.usable):
        valid = traces.mask[position]
        trace = traces.values[position, valid].astype(np.float64)
        missed = np.square(trace - reconstruction[position, valid]).mean()
        explained[position] = 1 - missed / trace.var()
    return explained
