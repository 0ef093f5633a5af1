"""What a session keeps of ROIs, traces, the neurons' model and the neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.models.kept import history_of, kept_history
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved
from napari_calcdyn.recording import InputError, Traces
from napari_calcdyn.recording.packed import load_object, load_packed, save_object, save_packed
from napari_calcdyn.recording.rois.saved import load_rois, save_rois

from .inputs import drawable, take_rois, take_traces
from .trace_settings import MadeTraces
from .views import show_neurons, views_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.neurons.neurons import Neurons
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.models.avae.model import AVAE
    from napari_calcdyn.recording import ProgressCallback, RoiSet

_ROIS, _COLUMNS = "rois.npz", "columns.npz"
_FLUORESCENCE, _TRACES, _TABLE = "fluorescence.npz", "traces.npz", "table.npz"
_MODEL = "model"


def keep(session: Session, folder: Path) -> Kept:
    """Keep all of it; a result as the folder that the command line writes."""
    rois, neurons = session.rois, session.neurons
    parts: dict[str, Part] = {}
    if rois.loaded is not None:
        parts["rois"] = Part((rois.loaded,), partial(_write_rois, rois=rois.loaded))
    if neurons.fluorescence is not None:
        made_of = neurons.fluorescence, neurons.traces
        parts["traces"] = Part(made_of, partial(_write_traces, fluorescence=made_of[0], traces=made_of[1]))
    if neurons.columns:
        parts["table"] = Part((neurons.columns,), partial(_write_table, columns=dict(neurons.columns)))
    model, mapped_with, result, traces = neurons.model, neurons.mapped_with, neurons.result, neurons.traces
    if result is not None and traces is not None and mapped_with is not None:
        how: dict[str, Any] = {"rois": rois.loaded, "history": neurons.history}
        write = partial(_write_neurons, traces=traces, neurons=result, model=mapped_with, **how)
        parts["result"] = Part((result,), write)
    if model is not None and not ("result" in parts and model is mapped_with):
        parts["model"] = Part((model,), partial(_write_model, model=model))
    values = {
        "path": None if rois.path is None else str(rois.path),
        "found": rois.found,
        "exchanged": rois.exchanged,
        "selected": [int(it) for it in rois.selected],
        "pinned": [int(it) for it in rois.pinned],
        "history": kept_history(neurons.history),
        "loaded_from": None if neurons.loaded_from is None else str(neurons.loaded_from),
        "coloured_by": views_of(session).wanted,
    }
    return Kept(values, parts)


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read all of it; what belongs together has the same neurons."""
    values, parts = saved.values, saved.parts
    rois = opening.rois = _rois(parts["rois"]) if "rois" in parts else None
    if rois is not None:
        drawable(rois)
    made = _made_traces(parts["traces"]) if "traces" in parts else None
    columns = _columns(parts["table"] / _TABLE) if "table" in parts else {}
    neurons, mapped_with, model = None, None, None
    if "result" in parts:
        neurons, mapped_with, made, rois = _result(parts["result"], made, rois, opening)
        model = mapped_with
        opening.rois = rois
    if "model" in parts:
        model = _model(parts["model"])
    history = history_of(values.get("history", ())) if model is not None else ()
    # What is no session was not trained in the window.
    place = values.get("loaded_from") if values else parts["result"] / _MODEL if "result" in parts else None
    loaded = None if place is None else Path(place)

    def show() -> None:
        state = session.neurons
        if rois is not None:
            path = values.get("path")
            how: dict[str, Any] = {"found": bool(values.get("found")), "exchanged": values.get("exchanged")}
            take_rois(session, rois, None if path is None else Path(path), **how)
        if made is not None:
            take_traces(session, made)
            state.columns = columns
        if model is not None:
            state.history = history
            state.take(model, loaded)
        if neurons is not None:
            state.mapped_with = mapped_with
            state.result = neurons
            show_neurons(session)
        if "coloured_by" in values:
            views_of(session).colour_by(str(values["coloured_by"]))
        known = set() if rois is None else set(rois.ids.tolist())
        session.rois.pinned = tuple(it for it in values.get("pinned", ()) if it in known)
        known |= set() if neurons is None else set(neurons.ids.tolist())
        session.rois.selected = tuple(it for it in values.get("selected", ()) if it in known)

    return show


# Writing


def _write_rois(place: Path, progress: ProgressCallback, *, rois: RoiSet) -> None:
    save_rois(place / _ROIS, rois)
    columns = {str(number): np.asarray(it) for number, it in enumerate(rois.columns.values())}
    # What numpy could only pickle is of no use here: neurons are coloured by numbers and words.
    names = [
        name for name, it in zip(rois.columns, columns.values(), strict=True) if it.dtype.kind in "biufU"
    ]
    plain = {key: it for key, it in columns.items() if it.dtype.kind in "biufU"}
    save_packed(place / _COLUMNS, plain, {"names": names, "notes": list(rois.notes)})


def _write_traces(
    place: Path, progress: ProgressCallback, *, fluorescence: Traces, traces: Traces | None
) -> None:
    save_object(place / _FLUORESCENCE, fluorescence)
    if traces is not None and traces is not fluorescence:
        save_object(place / _TRACES, traces)
    save_packed(place / "same.npz", {}, {"same": traces is fluorescence})


def _write_table(place: Path, progress: ProgressCallback, *, columns: dict[str, NDArray[Any]]) -> None:
    arrays = {str(number): it for number, it in enumerate(columns.values())}
    save_packed(place / _TABLE, arrays, {"names": list(columns)})


def _write_model(place: Path, progress: ProgressCallback, *, model: AVAE) -> None:
    model.save(place / _MODEL)


def _write_neurons(
    place: Path,
    progress: ProgressCallback,
    *,
    traces: Traces,
    neurons: Neurons,
    model: AVAE,
    rois: Any,
    history: Any,
) -> None:
    from napari_calcdyn.jobs.provenance import provenance
    from napari_calcdyn.jobs.saved.neurons import save_neurons

    leave_a_core()
    inputs = [traces, *([] if rois is None else [rois])]
    metrics = dict(model.metrics) | provenance(inputs, model.config, device=model.device.type)
    save_neurons(place, traces, neurons, model, rois, history, metrics)


# Reading


def _rois(place: Path) -> RoiSet:
    rois = load_rois(place / _ROIS)
    arrays, values = load_packed(place / _COLUMNS)
    columns = dict(zip(values["names"], arrays.values(), strict=True))
    return replace(rois, columns=columns, notes=tuple(values["notes"]))


def _made_traces(place: Path) -> MadeTraces:
    fluorescence = load_object(place / _FLUORESCENCE, Traces)
    if load_packed(place / "same.npz")[1]["same"]:
        return MadeTraces(fluorescence, fluorescence)
    other = place / _TRACES
    return MadeTraces(fluorescence, load_object(other, Traces) if other.exists() else None)


def _columns(file: Path) -> dict[str, NDArray[Any]]:
    arrays, values = load_packed(file)
    return dict(zip(values["names"], arrays.values(), strict=True))


def _model(place: Path) -> AVAE:
    from napari_calcdyn.models.avae import AVAE

    leave_a_core()
    return AVAE.load(place / _MODEL)


def _result(
    place: Path, made: MadeTraces | None, rois: RoiSet | None, opening: Opening
) -> tuple[Neurons, AVAE, MadeTraces, RoiSet | None]:
    """Read a result folder; traces and ROIs from there where the session has none of its own."""
    from napari_calcdyn.jobs.result_folder import ROIS_FILE, read_metrics
    from napari_calcdyn.jobs.saved.neurons import load_neurons, traces_of

    neurons = load_neurons(place)
    if made is None:
        traces = traces_of(place, read_metrics(place, "neurons"), neurons.ids)
        made = MadeTraces(traces, traces)
    if rois is None and (place / ROIS_FILE).exists():
        rois = drawable(load_rois(place / ROIS_FILE))
    if made.traces is None or not np.array_equal(made.traces.ids, neurons.ids):
        raise InputError("The traces in the session are not of its neurons: save the session again.")
    return neurons, _model(place), made, rois
