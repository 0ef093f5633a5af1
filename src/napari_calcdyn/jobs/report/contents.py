"""What the report of each command says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.jobs.overviews.panels import Panel
from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.recording.traces import BAND

from .citation import AVAE_PAPER, VAR_PAPER
from .page import Report, Table, write_report

if TYPE_CHECKING:
    from napari_calcdyn.analysis.influence import Influence
    from napari_calcdyn.analysis.neurons import Neurons

_CONNECTIONS, _NEURONS = 100, 1000  # largest numbers of rows; the files have all


def report_run(
    folder: Path,
    name: str,
    panels: Sequence[Panel],
    influence: Influence | None,
    metrics: Mapping[str, Any],
) -> None:
    """Write the report of ``calcdyn run``.

    Parameters
    ----------
    folder : Path
        Where to.
    name : str
        Of the recording.
    panels : sequence of Panel
        The pictures.
    influence : Influence or None
        Tested connections between ROIs, where there are ROIs.
    metrics : mapping
        Content of ``metrics.json``.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    found = (
        f"{metrics['latents']} latents; latent prediction error {metrics['latent_prediction_error']:.3f}, latent"
        f" signal-to-noise ratio {metrics['latent_snr']:.2f}."
    )
    between = "No cells were found."
    if influence is not None:
        edges = metrics["roi_connections"]
        between = (
            f"{edges} connection{'s' * (edges != 1)} between {metrics['rois']} ROIs at a family-wise"
            f" p ≤ {metrics['alpha']:g}."
        )
    tables = [] if influence is None else [_connections(influence, metrics["alpha"], "connections.csv")]
    files = {
        "overview.png": "the pictures in one",
        "mean.tif": "mean frame",
        "contribution_explained.tif": "explained map",
        "contribution_amplitude.tif": "amplitude map",
        "contribution_own.tif, …_driven.tif, …_driving.tif": "its parts, where there are ROIs",
        "contribution_sources.tif": "explained map of each source",
        "by_recording/": "the maps of each recording, where there are several",
        "connections.csv, connections.graphml": "connections between ROIs, where there are any",
        "rois.npz, traces.npy": "the ROIs with their weights, and their activity, ROIs × frames",
        "cells_found.tif": "the cells, where they were found",
        "latents.npy": "latents, frames × latents",
        "var.npz": "dynamics",
        "metrics.json": "measurements, settings, and how it was made",
        "model/": "the trained model",
    }
    sentences = [between, found, gain_in_words(dict(metrics))]
    write_report(folder, Report(f"Dynamics of {name}", sentences, panels, tables, metrics, VAR_PAPER, files))


def report_neurons(
    folder: Path, name: str, panels: Sequence[Panel], neurons: Neurons, metrics: Mapping[str, Any]
) -> None:
    """Write the report of ``calcdyn neurons``; parameters as in `report_run`, with the analysed `neurons`."""
    number, clusters = len(neurons.ids), np.unique(neurons.cluster[neurons.cluster >= 0])
    found = (
        f"{metrics['neurons']} of {number} neurons could be used, {metrics['active_units']} of"
        f" {metrics['latent']} latents are in use. {len(clusters)} cluster{'s' * (len(clusters) != 1)};"
        f" reconstruction error {metrics['reconstruction_error']:.4g}."
    )
    sizes = Table(
        "Clusters",
        ("Cluster", "Neurons"),
        [
            (int(it) if it >= 0 else "in none", int((neurons.cluster == it).sum()))
            for it in (*clusters, *{-1} & set(neurons.cluster.tolist()))
        ],
    )
    names = (
        "ROI",
        "Cluster",
        *(f"μ {at}" for at in range(1, neurons.mean.shape[1] + 1)),
        "t-SNE 1",
        "t-SNE 2",
        "Problem",
    )
    rows = [
        (
            int(neurons.ids[at]),
            int(neurons.cluster[at]),
            *neurons.mean[at],
            *neurons.tsne[at],
            neurons.problems[at] or "",
        )
        for at in range(min(number, _NEURONS))
    ]
    note = f"The first {_NEURONS} of {number}; neurons.csv has all." if number > _NEURONS else ""
    files = {
        "overview.png": "the pictures in one",
        "neurons.csv": "latents, place on the map and cluster of each neuron",
        "traces.npy": "the traces that were used, neurons × samples",
        "reconstruction.npy": "traces redrawn from the latents, neurons × samples",
        "denoised.npy": "denoised traces, neurons × samples",
        "denoised_sd.npy": f"their standard deviations; ± {BAND:g} of them is the 90 % band",
        "neurons.npz": "all of this to the last digit, for the window",
        "rois.npz": "the ROIs with their weights, if there were any",
        "metrics.json": "measurements, settings, and how it was made",
        "model/": "the trained model",
    }
    tables = [sizes, Table("Neurons", names, rows, note)]
    write_report(
        folder,
        Report(
            f"Neurons of {name.removeprefix('traces of ')}",
            [found],
            panels,
            tables,
            metrics,
            AVAE_PAPER,
            files,
        ),
    )


def report_influence(
    folder: Path, name: str, panels: Sequence[Panel], influence: Influence, metrics: Mapping[str, Any]
) -> None:
    """Write the report of ``calcdyn influence``; parameters as in `report_run`, with the tested `influence`."""
    edges, alpha = metrics["edges"], metrics["alpha"]
    found = (
        f"{edges} connection{'s' * (edges != 1)} between {metrics['rois']} ROIs at a family-wise p ≤ {alpha:g}"
        f" ({metrics['surrogates']} surrogates, blocks of {metrics['block_length']} frames)."
    )
    table = _connections(influence, alpha, "influence.csv")
    files = {
        "overview.png": "the pictures in one",
        "influence.csv": "every pair of ROIs",
        "rois.npz": "the ROIs with their weights",
        "influence.graphml": "the connections that pass, for graph programs",
        "influence.json": "measurements, settings, and how it was made",
    }
    title = f"Which ROI drives which in {name}"
    write_report(folder, Report(title, [found], panels, [table], metrics, VAR_PAPER, files))


def report_comparison(folder: Path, name: str, panels: Sequence[Panel], metrics: Mapping[str, Any]) -> None:
    """Write the report of ``calcdyn compare``; parameters as in `report_run`."""
    effect, kind = metrics["effect"], "ROI" if "rois" in metrics else "Latent"
    less = f"{100 * effect:.2g} % smaller" if effect > 0 else "not smaller"
    found = (
        f"p = {metrics['p_value']:.3g} for the same dynamics in A and B ({metrics['permutations']} draws of signs for"
        f" blocks of {metrics['block_length']} frames). With separate dynamics the one-step error is {less} than by"
        " chance."
    )
    edges = Table(
        "Connections that changed",
        ("Source", "Target", "Lag (frames)", "In A", "In B", "p"),
        [tuple(it.values()) for it in metrics["edges"][:_CONNECTIONS]],
        "Family-wise p-values, of all connections together.",
    )
    livelier = Table(
        f"{kind}s that are livelier in one of the two",
        (kind, "Ratio B / A", "p"),
        [tuple(it.values()) for it in metrics["louder"][:_CONNECTIONS]],
    )
    stretches = Table(
        "Compared stretches",
        ("", "From frame", "To frame (excluded)"),
        [(which.upper(), *stretch) for which in ("a", "b") for stretch in metrics[which]],
    )
    files = {
        "overview.png": "the pictures in one",
        "explained_a.tif, explained_b.tif": "explained maps",
        "difference.tif": "difference in dynamics",
        "comparison.npz": "all numbers of the test, for the window",
        **({"rois.npz": "the ROIs whose activities were compared"} if "rois" in metrics else {}),
        "comparison.json": "measurements, settings, and how it was made",
    }
    tables = [edges, livelier, stretches]
    write_report(folder, Report(f"A and B of {name}", [found], panels, tables, metrics, VAR_PAPER, files))


def _connections(influence: Influence, alpha: float, file: str) -> Table:
    return Table(
        "Connections that pass the test",
        ("Source", "Target", "Lag (frames)", "Partial correlation", "Effect (SD per SD)", "p"),
        influence.edges(alpha=alpha)[:_CONNECTIONS].tolist(),
        f"At most {_CONNECTIONS}, the strongest first; {file} has all pairs.",
    )
