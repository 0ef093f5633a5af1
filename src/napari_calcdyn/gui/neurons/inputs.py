"""Where the neurons come from: ROIs, drawn or opened, and their traces, extracted or opened."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.progress import ProgressCallback

from .roi_layers import show_rois
from .roi_sources import rois_from_layer
from .trace_settings import MadeTraces, TraceSettings

if TYPE_CHECKING:
    from napari.layers import Labels, Shapes

    from napari_calcdyn.recording import RoiSet, Traces

EXTRACTING = "Extracting traces"
SIGNAL = "Computing the traces"
_UNCHANGED = "The traces are unchanged: change a setting to compute them again."


def drawable(rois: RoiSet) -> RoiSet:
    """Return ROIs after what showing them needs was computed; call it off the GUI thread."""
    _ = rois.labels
    return rois


def has_both(path: Path | None) -> bool:
    """Whether a path is a folder of suite2p, or a file of a program that saves ROIs and traces together."""
    return path is not None and (path.is_dir() or path.suffix.lower() in HDF5_ENDINGS)


def use_drawn(session: Session, layer: Labels | Shapes) -> bool:
    """Make what is drawn in a layer the ROIs, in the background; returns whether the job was started."""
    movie, like = session.recording.movie, session.movie_layer
    frame_shape = movie.frame_shape if movie is not None else None

    def compute(progress: ProgressCallback) -> RoiSet:
        return drawable(rois_from_layer(layer, like, frame_shape, progress))

    def done(rois: RoiSet) -> None:
        take_rois(session, rois)
        layer.visible = False  # the layer “ROIs” shows the same

    title = "Reading the ROIs"
    return session.work.start("neurons", title, compute, done)


def take_rois(
    session: Session,
    rois: RoiSet,
    path: Path | None = None,
    *,
    found: bool = False,
    exchanged: bool | None = None,
) -> None:
    """Make ROIs those of the session, and show them; traces of others are forgotten.

    Parameters
    ----------
    session : Session
        Gets them.
    rois : RoiSet
        The ROIs. Traces that were opened from a file before, as many as there are ROIs, become theirs.
    path : Path, optional
        Where they were opened from.
    found : bool
        Whether they are cells that were found in the movie.
    exchanged : bool or None
        Whether y and x are exchanged, compared with their file; None if they are not, and the user was not asked.
    """
    before = session.neurons.fluorescence
    keep = session.rois.loaded is None and before is not None and len(before) == len(rois) and not found
    session.rois.path, session.rois.found, session.rois.exchanged = path, found, exchanged
    session.rois.loaded = rois
    if before is not None:
        take_traces(session, MadeTraces(before, session.neurons.traces) if keep else None)
    session.rois.selected = ()
    show_rois(session)
    check_rois(session)


def check_rois(session: Session) -> None:
    """Say so where the ROIs are not those of the movie."""
    if session.rois.loaded is None or session.recording.movie is None:
        return
    try:
        session.rois.loaded.check_frame_shape(session.recording.movie.frame_shape)
    except InputError as error:
        session.work.tell("neurons", str(error), True)


def take_traces(session: Session, made: MadeTraces | None) -> None:
    """Make traces those of the session; what was found in others is forgotten.

    Parameters
    ----------
    session : Session
        Gets them.
    made : MadeTraces or None
        They get the ids of the session's ROIs where there are as many of both. None leaves no traces.
    """
    rois, before = session.rois.loaded, session.neurons.fluorescence
    if made is not None and rois is not None and not np.array_equal(rois.ids, made.fluorescence.ids):
        if len(rois) == len(made.fluorescence):
            made = made.numbered(rois.ids)
        else:
            session.work.tell(
                "neurons",
                f"{made.fluorescence.name} has {len(made.fluorescence)} traces and there are {len(rois)} ROIs, which "
                "were put aside: open those that belong to the traces.",
            )
            _drop_rois(session)
    session.neurons.result = session.neurons.shown_traces = None
    session.rois.selected = ()
    if made is None or before is None or not np.array_equal(made.fluorescence.ids, before.ids):
        session.neurons.columns = {}
    session.neurons.fluorescence = made.fluorescence if made is not None else None
    session.neurons.traces = made.traces if made is not None else None
    if made is not None and made.problem:
        session.work.tell("neurons", made.problem, True)


def _drop_rois(session: Session) -> None:
    layer, viewer = session.roi_labels, session.viewer
    if layer is not None and viewer is not None:
        viewer.layers.remove(layer)
    session.rois.loaded = session.rois.path = None


def extract(session: Session, settings: TraceSettings) -> bool:
    """Extract the traces of the ROIs from the movie in the background; returns whether the job was started.

    Parameters
    ----------
    session : Session
        With a movie and ROIs.
    settings : TraceSettings
        How fluorescence becomes traces.
    """
    return session.work.after_check("neurons", EXTRACTING, partial(_extract, session, settings))


def _extract(session: Session, settings: TraceSettings) -> bool:
    movie, before = session.recording.movie, session.neurons.fluorescence
    rois, path, exchanged = session.rois.loaded, session.rois.path, session.rois.exchanged
    if movie is None or rois is None:
        what = (
            "Open a recording first, in the Recording panel."
            if movie is None
            else "There are no ROIs yet: find cells, open ROIs, or choose a layer in which they are drawn."
        )
        session.work.tell("neurons", what, True)
        return False

    def compute(progress: ProgressCallback) -> MadeTraces:
        from napari_calcdyn.recording import extract_traces, open_rois
        from napari_calcdyn.recording.traces.agreement import transposed

        found = rois
        if path is not None and has_both(path):  # what is no cell is no neuropil either
            found = open_rois(path, frame_shape=movie.frame_shape)
            found = transposed(found) if exchanged else found

        def watched(done: int, total: int) -> bool:
            return bool(progress(done, total)) or session.recording.movie is not movie

        raw = extract_traces(movie, found, neuropil=settings.neuropil, progress=watched)
        raw = raw.select(np.isin(raw.ids, rois.ids))
        return settings.make(with_frame_rate(raw, before), progress)

    def done(made: MadeTraces) -> None:
        if session.rois.loaded is rois:
            take_traces(session, made)

    return session.work.start("neurons", EXTRACTING, compute, done)


def with_frame_rate(raw: Traces, before: Traces | None) -> Traces:
    """Return traces whose file does not know their frame rate with the one that was entered for it before."""
    if raw.frame_rate is not None or before is None:
        return raw
    of_the_same = all(raw.provenance.get(key) == before.provenance.get(key) for key in ("file", "movie"))
    return replace(raw, frame_rate=before.frame_rate) if of_the_same else raw


def make_signal(session: Session, settings: TraceSettings, frame_rate: float | None) -> bool:
    """Make the traces anew from the fluorescence that is there; returns whether the job was started.

    Parameters
    ----------
    session : Session
        With fluorescence.
    settings : TraceSettings
        How fluorescence becomes traces; its neuropil was subtracted before.
    frame_rate : float or None
        Samples per second (Hz).
    """
    before = session.neurons.fluorescence
    if before is None:
        return False
    raw = replace(before, frame_rate=frame_rate)

    def done(made: MadeTraces) -> None:
        if session.neurons.fluorescence is before:
            take_traces(session, made)

    def compute(progress: ProgressCallback) -> MadeTraces:
        return settings.make(raw, progress)

    return session.work.start("neurons", SIGNAL, compute, done, stopped=_UNCHANGED)
