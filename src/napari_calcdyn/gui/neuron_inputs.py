"""Where the neurons come from: ROIs, drawn or opened, and their traces, extracted or opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..recording.errors import InputError
from ..recording.progress import ProgressCallback
from .recordings import tracked
from .roi_layers import show_rois
from .roi_sources import rois_from_layer
from .session import Session

if TYPE_CHECKING:
    from napari.layers import Labels, Shapes

    from ..recording import RoiSet, Traces
    from ..recording.baseline import Baseline

EXTRACTING = "Extracting traces"
ROI_ENDINGS = (".zip", ".roi")
_ISCELL = "iscell"


def open_neurons(
    session: Session, path: Path, baseline: Baseline | None = None, *, only_cells: bool = False
) -> bool:
    """Open ROIs or traces, whichever a path holds, in the background; returns whether the job was started.

    Parameters
    ----------
    session : Session
        Gets them.
    path : Path
        A suite2p folder, which has both; a file of ImageJ ROIs; or traces as ``.npy`` or ``.csv``.
    baseline : Baseline, optional
        For ΔF/F; None takes fluorescence as it is.
    only_cells : bool
        Whether to leave out what suite2p says is no cell.
    """
    has_rois = path.is_dir() or path.suffix.lower() in ROI_ENDINGS
    frame_shape = session.movie.frame_shape if session.movie is not None else None

    def compute(progress: ProgressCallback) -> tuple[RoiSet | None, Traces | None, Traces | None]:
        from ..recording import open_rois, open_traces

        rois = open_rois(path, frame_shape=frame_shape) if has_rois else None
        raw = open_traces(path) if rois is None or _has_traces(path) else None
        if rois is not None and only_cells and _ISCELL in rois.columns:
            cells = np.asarray(rois.columns[_ISCELL], bool)
            rois, raw = rois.select(cells), raw.select(cells) if raw is not None else None
        return rois, raw, _over_baseline(raw, baseline, progress)

    def done(opened: tuple[RoiSet | None, Traces | None, Traces | None]) -> None:
        rois, raw, traces = opened
        if rois is not None:
            take_rois(session, rois, path)
        if raw is not None and traces is not None:
            take_traces(session, raw, traces)

    return session.start(
        "neurons", f"Opening {path.name}", tracked("neurons", f"Opening {path.name}", compute), done
    )


def _has_traces(path: Path) -> bool:
    return any((folder / "F.npy").exists() for folder in (path, path / "plane0", path / "suite2p" / "plane0"))


def use_drawn(session: Session, layer: Labels | Shapes) -> bool:
    """Make what is drawn in a layer the ROIs, in the background; returns whether the job was started."""
    movie, like = session.movie, session.movie_layer
    frame_shape = movie.frame_shape if movie is not None else None

    def compute(progress: ProgressCallback) -> RoiSet:
        return rois_from_layer(layer, like, frame_shape, progress)

    def done(rois: RoiSet) -> None:
        take_rois(session, rois)
        layer.visible = False  # the layer “ROIs” shows the same

    return session.start("neurons", "Reading the ROIs", tracked("neurons", "Reading the ROIs", compute), done)


def take_rois(session: Session, rois: RoiSet, path: Path | None = None) -> None:
    """Make ROIs those of the session, and show them; traces of others are forgotten.

    Parameters
    ----------
    session : Session
        Gets them.
    rois : RoiSet
        The ROIs. Traces that were opened from a file before, as many as there are ROIs, become theirs.
    path : Path, optional
        Where they were opened from.
    """
    fluorescence, traces = session.fluorescence, session.traces
    waiting = session.rois is None and session.neurons is None
    session.roi_path = path
    session.rois = rois
    if waiting and fluorescence is not None and traces is not None and len(traces) == len(rois):
        take_traces(session, fluorescence, traces)
    elif traces is not None:
        take_traces(session, None, None)
    session.selected = ()
    show_rois(session)
    if session.movie is not None:
        try:
            rois.check_frame_shape(session.movie.frame_shape)
        except InputError as error:
            session.tell("neurons", str(error), True)


def take_traces(session: Session, fluorescence: Traces | None, traces: Traces | None) -> None:
    """Make traces those of the session; what was found in others is forgotten.

    Parameters
    ----------
    session : Session
        Gets them.
    fluorescence, traces : Traces, optional
        Before and after ΔF/F. They get the ids of the session's ROIs where there are as many of both.
    """
    rois = session.rois
    if fluorescence is not None and traces is not None and rois is not None:
        if len(rois) == len(traces):
            fluorescence = replace(fluorescence, ids=rois.ids)
            traces = replace(traces, ids=rois.ids)
        elif not np.isin(traces.ids, rois.ids).all():
            session.tell(
                "neurons",
                f"{traces.name} has {len(traces)} traces and there are {len(rois)} ROIs, which were put aside: "
                "open those that belong to the traces.",
            )
            _drop_rois(session)
    session.neurons = session.shown_traces = None
    session.selected = ()
    if traces is None or session.traces is None or not np.array_equal(traces.ids, session.traces.ids):
        session.columns = {}
    session.fluorescence = fluorescence
    session.traces = traces


def _drop_rois(session: Session) -> None:
    layer, viewer = session.roi_labels, session.viewer
    if layer is not None and viewer is not None:
        viewer.layers.remove(layer)
    session.rois = session.roi_path = None


def extract(session: Session, neuropil: float | None, baseline: Baseline | None) -> bool:
    """Extract the traces of the ROIs from the movie in the background; returns whether the job was started.

    Parameters
    ----------
    session : Session
        With a movie and ROIs.
    neuropil : float or None
        Share of the surrounding neuropil to subtract; None subtracts nothing.
    baseline : Baseline or None
        For ΔF/F; None keeps fluorescence as it is.
    """
    movie, rois = session.movie, session.rois
    if movie is None:
        session.tell("neurons", "Open a recording first, in the Recording panel.", True)
        return False
    if rois is None:
        session.tell(
            "neurons", "There are no ROIs yet: open them, or choose a layer in which they are drawn.", True
        )
        return False

    def compute(progress: ProgressCallback) -> tuple[Traces, Traces]:
        from ..recording import extract_traces

        def watched(done: int, total: int) -> bool:
            return bool(progress(done, total)) or session.movie is not movie

        raw = extract_traces(movie, rois, neuropil=neuropil, progress=watched)
        traces = _over_baseline(raw, baseline, progress)
        assert traces is not None
        return raw, traces

    def done(extracted: tuple[Traces, Traces]) -> None:
        if session.rois is rois:
            take_traces(session, *extracted)

    return session.start("neurons", EXTRACTING, tracked("neurons", EXTRACTING, compute), done)


def apply_baseline(session: Session, baseline: Baseline | None, frame_rate: float | None) -> bool:
    """Make the traces anew from the fluorescence that is there; returns whether the job was started.

    Parameters
    ----------
    session : Session
        With fluorescence.
    baseline : Baseline or None
        For ΔF/F; None keeps fluorescence as it is.
    frame_rate : float or None
        Samples per second (Hz).
    """
    before = session.fluorescence
    if before is None:
        return False
    raw = before if before.frame_rate == frame_rate else replace(before, frame_rate=frame_rate)

    def done(traces: Traces | None) -> None:
        if session.fluorescence is before:
            take_traces(session, raw, traces)

    work = tracked("neurons", "ΔF/F", lambda progress: _over_baseline(raw, baseline, progress))
    return session.start("neurons", "Computing ΔF/F", work, done)


def _over_baseline(
    raw: Traces | None, baseline: Baseline | None, progress: ProgressCallback
) -> Traces | None:
    if raw is None or baseline is None:
        return raw
    from ..recording.baseline import delta_f_over_f

    return delta_f_over_f(raw, baseline)


def read_columns(session: Session, path: Path) -> bool:
    """Read what else is known of the neurons from a CSV table; returns whether the job was started."""
    traces = session.traces
    if traces is None:
        session.tell(
            "neurons",
            "There are no traces yet that a table could belong to: extract or open them first.",
            True,
        )
        return False

    def compute(progress: ProgressCallback) -> dict[str, np.ndarray]:
        from ..recording.columns import open_columns

        return open_columns(path, traces.ids)

    def done(columns: dict[str, np.ndarray]) -> None:
        if session.traces is traces:
            session.columns = columns
            session.tell("neurons", f"{path.name}: {', '.join(columns)}.")

    return session.start(
        "neurons", f"Reading {path.name}", tracked("neurons", f"Reading {path.name}", compute), done
    )
