"""Files of an analysis of neurons: table, traces, model, overview and report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.analysis.neurons.neurons import Neurons
from napari_calcdyn.analysis.neurons.tsne import Embedding
from napari_calcdyn.jobs.cells_found import write_cells_found
from napari_calcdyn.jobs.correcting import corrections_behind
from napari_calcdyn.jobs.overviews.neurons import neuron_panels, save_neurons_overview
from napari_calcdyn.jobs.report.contents import report_neurons
from napari_calcdyn.jobs.result_folder import NEURONS_FILE, ROIS_FILE, TRACES_FILE, write_metrics
from napari_calcdyn.models.avae import AVAE
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Denoised, InputError, RoiSet, Traces
from napari_calcdyn.recording.packed import load_packed, save_packed
from napari_calcdyn.recording.rois.saved import save_rois
from napari_calcdyn.recording.saved_arrays import load_array

_ARRAYS = ("ids", "mean", "std", "tsne", "cluster")


def save_neurons(
    folder: Path,
    traces: Traces,
    neurons: Neurons,
    model: AVAE,
    rois: RoiSet | None,
    history: Sequence[Progress],
    metrics: dict[str, Any],
) -> None:
    """Write an analysis of neurons into an empty folder.

    Parameters
    ----------
    folder : Path
        Empty; gets the files of ``jobs.result_folder.RESULTS["neurons"]``, and some of ``ONLY_SOMETIMES``.
    traces : Traces
        Of the neurons.
    neurons : Neurons
        What was found.
    model : AVAE
        The fitted model.
    rois : RoiSet or None
        ROIs of the traces.
    history : sequence of Progress
        Reports of the training; empty if a saved model was applied.
    metrics : dict
        Content of ``metrics.json``, which gets what is found while writing.
    """
    neurons.write_csv(folder / "neurons.csv")
    np.save(folder / TRACES_FILE, traces.values)
    np.save(folder / "reconstruction.npy", neurons.reconstruction)
    np.save(folder / "denoised.npy", neurons.denoised.values)
    np.save(folder / "denoised_sd.npy", neurons.denoised.sd)
    _save_rest(folder / NEURONS_FILE, neurons)
    if rois is not None:
        save_rois(folder / ROIS_FILE, rois)
    model.save(folder / "model")
    panels = neuron_panels(traces, neurons, history, rois)
    save_neurons_overview(folder / "overview.png", panels, traces, metrics)
    metrics |= {
        "cells_found": write_cells_found(folder, rois),
        "input": traces.name,
        **corrections_behind(traces),
    }
    report_neurons(folder, traces.name, panels, neurons, metrics)
    write_metrics(folder, "neurons", metrics)


def load_neurons(folder: Path) -> Neurons:
    """Read what `save_neurons` wrote of the neurons.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    Neurons
        As they were; on their map, no new neurons can be placed.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the files do not belong together.
    """
    arrays, values = load_packed(folder / NEURONS_FILE)
    redrawn, denoised, sd = (
        load_array(folder / f"{name}.npy") for name in ("reconstruction", "denoised", "denoised_sd")
    )
    try:
        ids, mean, std, tsne, cluster = (arrays[name] for name in _ARRAYS)
        features = {name: arrays[f"feature.{number}"] for number, name in enumerate(values["features"])}
        known = np.isfinite(tsne).all(axis=1)
        embedding = Embedding(tsne[known], values["perplexity"], mean.shape[1], None, 1.0)
        found = Neurons(
            ids,
            mean,
            std,
            redrawn,
            tsne,
            cluster,
            embedding,
            tuple(values["problems"]),
            features,
            Denoised(denoised, sd, arrays["noise"], values["decay"], values["share"]),
        )
        columns: tuple[Any, ...] = (
            mean,
            std,
            redrawn,
            tsne,
            cluster,
            found.problems,
            denoised,
            sd,
            *features.values(),
        )
        if ids.ndim != 1 or tsne.shape[1:] != (2,) or {len(it) for it in columns} != {len(ids)}:
            raise ValueError("of different numbers of neurons")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"The neurons in {folder} do not belong together: run `calcdyn neurons` again."
        ) from error
    return found


def traces_of(folder: Path, metrics: Mapping[str, Any], ids: np.ndarray) -> Traces:
    """Read the traces of an analysis of neurons.

    Parameters
    ----------
    folder : Path
        A result folder.
    metrics : mapping
        Content of its ``metrics.json``.
    ids : ndarray (N,), int64
        Of the neurons.

    Returns
    -------
    Traces
        As they were analysed.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    made = metrics.get("provenance", {}).get("inputs", ())
    about: Mapping[str, Any] = next((it for it in made if it.get("kind") == "traces"), {})
    return Traces(
        load_array(folder / TRACES_FILE),
        ids,
        about.get("frame_rate"),
        about.get("unit", "fluorescence"),
        about.get("name", "traces"),
    )


def _save_rest(file: Path, neurons: Neurons) -> None:
    """Write what no other file has, or not to the last digit."""
    denoised = neurons.denoised
    arrays = {name: getattr(neurons, name) for name in _ARRAYS}
    arrays |= {f"feature.{number}": it for number, it in enumerate(neurons.features.values())}
    values = {
        "problems": list(neurons.problems),
        "features": list(neurons.features),
        "perplexity": float(neurons.embedding.perplexity),
        "decay": float(denoised.decay),
        "share": float(denoised.share),
    }
    save_packed(file, {**arrays, "noise": denoised.noise}, values)
