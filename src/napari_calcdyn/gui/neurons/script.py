"""The script that repeats what the Neurons dock did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.recording.source import model_of, rois_of, source_of
from napari_calcdyn.jobs.scripts.neurons import TracesFrom, neurons_script
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.traces.baseline import Baseline

from .runs import NO_TRACES

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script


def script_of(session: Session, device: str) -> Script:
    """Return what makes the traces, trains the model, and maps the neurons.

    Raises
    ------
    InputError
        If a script could not do that.
    """
    return neurons_script(traces_from(session), model_of(session.neurons), device)


def traces_from(session: Session) -> TracesFrom:
    """Say where the session's traces come from.

    Raises
    ------
    InputError
        If there are none, or a script could not make them.
    """
    traces, rois = session.neurons.traces, session.rois.loaded
    if traces is None:
        raise InputError(NO_TRACES)
    made: dict[str, Any] = dict(traces.provenance)
    neuropil = made.get("neuropil")
    how: dict[str, Any] = {
        "neuropil": None if neuropil is None else float(neuropil["coefficient"]),
        "baseline": Baseline(**made["baseline"]) if "baseline" in made else None,
        # What is no cell was left out where the file of the ROIs says so and only cells are left.
        "only_cells": rois is not None and rois.cells is not None and bool(rois.cells.all()),
    }
    if "file" not in made:
        return TracesFrom(source_of(session), None, rois_of(session), **how)
    options = {"cells_in": made.get("cells_in"), "frame_rate": traces.frame_rate}
    known = {name: value for name, value in options.items() if value is not None}
    return TracesFrom(file=Path(made["file"]).absolute(), options=known, **how)
