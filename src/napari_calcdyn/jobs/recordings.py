"""Job that lays the neurons of several recordings out on one map, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.analysis.neurons.across import accuracy_across, recording_mixing
from napari_calcdyn.analysis.neurons.conditions import compare_conditions
from napari_calcdyn.analysis.neurons.shared_map import DISH, SharedMap, map_recordings
from napari_calcdyn.models.kinds import KindConfig, KindEncoder
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import drive
from napari_calcdyn.recording import InputError, Traces
from napari_calcdyn.recording.writing import writing

from .overviews.recordings import map_panels, save_map_overview
from .peak_memory import peak_rss_mb
from .provenance import provenance
from .report.recordings import report_recordings
from .result_folder import result_folder, write_metrics
from .stages import in_stage

_NEIGHBOURS = 10


def run_recordings(
    recordings: Sequence[Traces],
    folder: str | Path,
    model: KindConfig | None = None,
    *,
    names: Sequence[str] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    onto: str | Path | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    command_line: str | None = None,
) -> dict[str, Any]:
    """Describe the neurons of several recordings by one model, lay them out on one map, and compare conditions.

    Parameters
    ----------
    recordings : sequence of Traces
        Of any length and frame rate.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["recordings"]``, all or none.
    model : KindConfig, optional
        Settings to fit with; None takes the defaults.
    names : sequence of str, optional
        What to call each recording; their own names by default.
    labels : mapping of str to sequence of str, optional
        What else is known of each. ``dish`` says which are of one dish; two conditions are compared with the dish as
        the unit wherever a label has two values and each of them two dishes.
    onto : str or Path, optional
        Folder of an earlier result: its model is used as it is, and the neurons are placed on its map, which keeps its
        own.
    seed : int
        Of the model and the map.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.
    command_line : str, optional
        What was typed, for the report; None in Python.

    Returns
    -------
    dict
        Content of ``recordings.json``.

    Raises
    ------
    InputError
        If there are too few neurons, names or labels do not fit, `model` is given with `onto`, or a folder cannot be
        read or written.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)
    if onto is not None and model is not None:
        raise InputError(
            "The model of an earlier map keeps its settings: leave out either the map or the settings."
        )
    with result_folder(folder, "recordings") as new:
        if onto is None:
            old = None
            encoder, _ = drive(KindEncoder(model).fit_steps(recordings, seed=seed), tell)
        else:
            old = SharedMap.read_csv(Path(onto, "neurons.csv"))
            encoder = KindEncoder.load(Path(onto, "model"))
        found = map_recordings(
            encoder,
            recordings,
            names=names,
            labels=labels,
            onto=old,
            seed=seed,
            progress=in_stage(tell, "Mapping the neurons"),
        )
        tell(Progress("Writing the results"))
        metrics = encoder.metrics | measured(found)
        with writing(folder):
            found.write_csv(new / "neurons.csv")
            encoder.save(new / "model")
            panels = map_panels(found)
            save_map_overview(new / "overview.png", panels, found, metrics)
            metrics |= {
                "seconds": round(time.monotonic() - start, 3),
                "peak_rss_mb": peak_rss_mb(),
                **provenance(recordings, encoder.config, seed=seed, device="cpu", command_line=command_line),
            }
            report_recordings(new, panels, found, metrics)
            write_metrics(new, "recordings", metrics)
    return metrics


def measured(found: SharedMap) -> dict[str, Any]:
    """Measure how well dishes mix on a map and labels stay apart, and compare conditions.

    Parameters
    ----------
    found : SharedMap
        The map.

    Returns
    -------
    dict
        ``recordings``, ``neurons`` and ``dishes`` (their numbers), ``mixing`` (None for one dish, or too few neurons),
        and ``labels``: of each label with several values ``told`` and ``chance`` as in `accuracy_across`, and of one
        with two values the fields of `ConditionTest`; or why it is ``not_compared``.
    """
    known = found.known
    latents, dishes = found.latents[known], found.dishes[known]
    several = len(np.unique(dishes)) > 1
    labels: dict[str, Any] = {}
    for name in found.labels:
        values = found.label(name)[known]
        some = values != ""
        if name == DISH or len(np.unique(values[some])) < 2:
            continue
        of_value = {value: len(np.unique(dishes[values == value])) for value in np.unique(values[some])}
        fewest = min(of_value, key=of_value.__getitem__)
        if of_value[fewest] < 2:
            labels[name] = {"not_compared": f"{fewest} has one dish, which says nothing of how dishes differ"}
            continue
        _, sizes = np.unique(dishes[some], return_counts=True)
        if sizes.sum() - sizes.max() < _NEIGHBOURS:
            labels[name] = {
                "not_compared": f"there are {sizes.sum() - sizes.max()} neurons outside the largest dish, and at least"
                f" {_NEIGHBOURS} are needed"
            }
            continue
        told, chance = accuracy_across(latents[some], values[some], dishes[some], _NEIGHBOURS)
        labels[name] = {"told": told, "chance": chance}
        if len(of_value) == 2 and sum(of_value.values()) == len(np.unique(dishes[some])):
            labels[name] |= vars(compare_conditions(latents[some], dishes[some], values[some]))
    return {
        "recordings": len(found.names),
        "neurons": int(known.sum()),
        "dishes": len(np.unique(dishes)),
        "mixing": recording_mixing(latents, dishes, _NEIGHBOURS)
        if several and len(latents) > _NEIGHBOURS
        else None,
        "labels": labels,
    }
