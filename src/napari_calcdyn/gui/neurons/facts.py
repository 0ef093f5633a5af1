"""What the page *Traces* says about the ROIs and traces of a session, as rich text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from napari_calcdyn.gui.docks.message import breakable
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.cautions import OTHER_TRACES, outdated_traces

if TYPE_CHECKING:
    from napari_calcdyn.recording import Traces


def roi_facts(session: Session) -> str:
    """Say how many ROIs there are, and where they came from."""
    rois = session.rois.loaded
    if rois is None:
        return "None yet: find cells in the movie, open or draw ROIs, or drop a file here."
    height, width = rois.frame_shape
    number = f"{len(rois):,} {'cell' if session.rois.found else 'ROI'}{'s' * (len(rois) != 1)}"
    origin = (
        "found in the movie"
        if session.rois.found
        else f"on {height:,}\u00a0×\u00a0{width:,}\u00a0px, from {breakable(rois.provenance)}"
    )
    return f"<b>{number}</b> {origin}"


def trace_facts(session: Session) -> str:
    """Say which traces there are, what is wrong with them, and whether they are of another recording."""
    fluorescence, traces = session.neurons.fluorescence, session.neurons.traces
    if fluorescence is None:
        return "None yet: extract them from the movie, or open them."
    facts = _of(fluorescence) + "<br>ΔF/F is still missing." if traces is None else _of(traces)
    return f"{facts}<br><b>{OTHER_TRACES}</b>" if outdated_traces(session, fluorescence) else facts


def _of(traces: Traces) -> str:
    number = "1 trace" if len(traces) == 1 else f"{len(traces):,} traces"
    facts = f"<b>{number}</b> of {traces.samples:,} samples, {traces.unit}, from {breakable(traces.name)}"
    problems = Counter(problem for problem in traces.problems if problem is not None)
    facts += "".join(f"<br>{count:,} left out: {problem}" for problem, count in problems.items())
    return facts + "".join(f"<br>{warning}" for warning in traces.provenance.get("warnings", ()))
