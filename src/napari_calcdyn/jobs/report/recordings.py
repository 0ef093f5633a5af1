"""What the report of a map of several recordings says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.analysis.neurons.shared_map import SharedMap
from napari_calcdyn.jobs.overviews.panels import Panel

from .citation import AVAE_PAPER
from .page import Report, Table, write_report


def report_recordings(
    folder: Path, panels: Sequence[Panel], found: SharedMap, metrics: Mapping[str, Any]
) -> None:
    """Write the report of ``calcdyn neurons`` with several inputs.

    Parameters
    ----------
    folder : Path
        Where to.
    panels : sequence of Panel
        The pictures.
    found : SharedMap
        The map.
    metrics : mapping
        Content of ``recordings.json``.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    known = found.known
    sizes = Table(
        "Recordings",
        ("Recording", *found.labels, "Neurons", "Used"),
        [
            (
                name,
                *(values[at] for values in found.labels.values()),
                int((found.recording == at).sum()),
                int((known & (found.recording == at)).sum()),
            )
            for at, name in enumerate(found.names)
        ],
    )
    clusters = np.unique(found.cluster[known & (found.cluster >= 0)])
    shares = Table(
        "Share of each cluster in each recording, %",
        ("Recording", *(f"Cluster {cluster}" for cluster in clusters), "In none"),
        [
            (name, *(_per_cent(found, at, cluster) for cluster in (*clusters, -1)))
            for at, name in enumerate(found.names)
        ],
    )
    files = {
        "overview.png": "the pictures in one",
        "neurons.csv": "recording, labels, latents, place on the map and cluster of each neuron",
        "recordings.json": "measurements, settings, and how it was made",
        "model/": "the model, for recordings to come",
    }
    title = f"Neurons of {len(found.names)} recordings"
    report = Report(title, sentences(metrics), panels, [sizes, shares], metrics, AVAE_PAPER, files)
    write_report(folder, report)


def sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say what was found, in the words of the report and of the command line.

    Parameters
    ----------
    metrics : mapping
        Content of ``recordings.json``.

    Returns
    -------
    list of str
        One sentence on the mixture of dishes, and some on each label.
    """
    found = [f"{metrics['neurons']} neurons of {metrics['recordings']} recordings are on one map."]
    if metrics["mixing"] is not None:
        found.append(
            f"{100 * metrics['mixing']:.0f} % as many neighbours are from another dish as if the"
            f" {metrics['dishes']} dishes were one."
        )
    for name, label in metrics["labels"].items():
        if "not_compared" in label:
            found.append(f"The {name} is not compared: {label['not_compared']}.")
            continue
        found.append(
            f"Neighbours in other dishes tell the {name} of {100 * label['told']:.0f} % of the neurons (by chance"
            f" {100 * label['chance']:.0f} %)."
        )
        if "p_value" not in label:
            continue
        (first, second), (a, b) = label["conditions"], label["dishes"]
        found.append(
            f"{first} ({a} dishes) against {second} ({b}): p = {label['p_value']:.3g}, with the dish as the unit;"
            f" so few dishes cannot give less than {label['smallest_p']:.2g}."
            if label["smallest_p"] > 0.001
            else f"{first} ({a} dishes) against {second} ({b}): p = {label['p_value']:.3g}, with the dish as the unit."
        )
    return found


def _per_cent(found: SharedMap, recording: int, cluster: int) -> float:
    own = found.known & (found.recording == recording)
    return 100 * float((found.cluster[own] == cluster).mean()) if own.any() else float("nan")
