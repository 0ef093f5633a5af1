"""Opening ROIs and traces from a file or a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.job import Report
from napari_calcdyn.gui.docks.message import breakable
from napari_calcdyn.gui.opening.dialog import ImportDialog, Looking
from napari_calcdyn.gui.opening.folders import remember_exchanged, was_exchanged
from napari_calcdyn.gui.opening.look import Look, with_picture, with_rois
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.errors import size_text
from napari_calcdyn.recording.movies.places import TIFF_ENDINGS
from napari_calcdyn.recording.progress import ProgressCallback

from .inputs import drawable, has_both, take_rois, take_traces, with_frame_rate
from .trace_settings import MadeTraces, TraceSettings

if TYPE_CHECKING:
    from napari_calcdyn.recording import Movie, RoiSet
    from napari_calcdyn.recording.traces.agreement import Agreement
    from napari_calcdyn.recording.traces.tables import CellsIn

OPENING = "Opening ROIs and traces"
_ROI_ENDINGS = (".zip", ".roi", "_seg.npy", *TIFF_ENDINGS)  # of names: Cellpose's, unlike other .npy


@dataclass(frozen=True)
class _Asked:
    """ROIs that do not lie on the movie as it was expected."""

    rois: RoiSet
    found: Agreement


def open_neurons(
    session: Session,
    path: Path,
    settings: TraceSettings,
    *,
    only_cells: bool = False,
    cells_in: CellsIn | None = None,
    exchanged: bool | None = None,
    look: bool = False,
) -> bool:
    """Open ROIs or traces, whichever a path holds, in the background; returns whether something was started.

    A dialog asks first where the traces in the file show that y and x of its ROIs were exchanged.

    Parameters
    ----------
    session : Session
        Gets them.
    path : Path
        A suite2p folder or a file of CaImAn, EXTRACT or NWB, which have both; a file of ImageJ's ROIs or an image of
        labels; or traces as ``.npy`` or in a table.
    settings : TraceSettings
        How fluorescence becomes traces.
    only_cells : bool
        Whether to leave out what the file says is no cell.
    cells_in : {"rows", "columns"} or None
        Of a table; None finds it out.
    exchanged : bool or None
        Whether to exchange y and x of the ROIs. None does as was chosen for such files of the folder before, and asks
        if the traces in the file disagree.
    look : bool
        Whether to show the dialog anyhow, if there are ROIs.
    """
    has_rois = has_both(path) or path.name.lower().endswith(_ROI_ENDINGS)
    movie, before = session.recording.movie, session.neurons.fluorescence
    again = partial(open_neurons, session, path, settings, only_cells=only_cells, cells_in=cells_in)
    if look and has_rois:
        _ask(session, path, movie, None, again)
        return True

    def compute(progress: ProgressCallback) -> _Asked | tuple[RoiSet | None, MadeTraces | None, bool]:
        from napari_calcdyn.recording import open_rois, open_traces
        from napari_calcdyn.recording.traces.agreement import agreement, can_be_turned, transposed
        from napari_calcdyn.recording.traces.open import holds_traces

        frame_shape = movie.frame_shape if movie is not None else None
        rois = open_rois(path, frame_shape=frame_shape) if has_rois else None
        turned = was_exchanged(path) if exchanged is None else exchanged
        raw = None
        if rois is None or (has_both(path) and holds_traces(path)):
            raw = open_traces(path, neuropil=settings.neuropil, cells_in=cells_in)
            raw = with_frame_rate(raw, before)
        unsaid = exchanged is None and not path.is_dir()  # suite2p's order is known
        if (
            unsaid
            and rois is not None
            and raw is not None
            and movie is not None
            and can_be_turned(movie, rois, raw)
        ):
            found = agreement(movie, rois, raw, progress=progress)
            if found.fits == turned:
                return _Asked(rois, found)
        if rois is not None and turned:
            rois = transposed(rois)
        cells = rois.cells if rois is not None and only_cells and raw is not None else None
        if rois is not None and raw is not None and cells is not None and len(raw) == len(rois):
            rois, raw = rois.select(cells), raw.select(cells)
        made = settings.make(raw, progress) if raw is not None else None
        return rois if rois is None else drawable(rois), made, turned

    def done(opened: _Asked | tuple[RoiSet | None, MadeTraces | None, bool]) -> None:
        if isinstance(opened, _Asked):
            _ask(session, path, movie, opened, again)
            return
        rois, made, turned = opened
        if exchanged is not None:
            remember_exchanged(path, exchanged)
        if rois is not None:
            take_rois(session, rois, path, exchanged=(turned or None) if exchanged is None else exchanged)
        if made is not None:
            take_traces(session, made)
        if rois is not None and rois.notes:
            session.work.tell("neurons", " ".join(rois.notes))

    return session.work.start("neurons", OPENING, compute, done, stage=f"Opening {path.name}")


def _ask(
    session: Session, path: Path, movie: Movie | None, asked: _Asked | None, then: Callable[..., object]
) -> None:
    """Show the dialog for ROIs."""
    dialog = session.part(Looking)
    dialog.show(
        lambda parent: ImportDialog(
            parent,
            f"Open {path.name}",
            was_exchanged(path),
            lambda look, exchanged: then(exchanged=exchanged),
        )
    )
    if dialog.dialog is not None:
        dialog.dialog.look(partial(_look_at, path, movie, asked))


def _look_at(
    path: Path, movie: Movie | None, asked: _Asked | None, report: Report, stop: threading.Event
) -> Look:
    """Open ROIs, and read a few frames of the movie; call it off the GUI thread."""
    from napari_calcdyn.recording import open_rois
    from napari_calcdyn.recording.traces.own import traces_with

    frame_shape = movie.frame_shape if movie is not None else None
    rois = asked.rois if asked is not None else open_rois(path, frame_shape=frame_shape)
    traces = traces_with(path)
    facts = [f"<b>{breakable(path.name)}</b>", f"{len(rois):,} ROIs on {size_text(rois.frame_shape)} px"]
    if rois.cells is not None:
        facts.append(f"its file calls {int(rois.cells.sum()):,} of them cells")
    if traces is not None:
        facts.append(f"{len(traces):,} traces of {traces.samples:,} samples")
    facts += [f"• {breakable(note)}" for note in rois.notes]
    if movie is None:
        facts.append("No recording is open: open it first to see whether the ROIs lie on its cells.")
    look = Look("<br>".join(facts), rois=len(rois), frame_shape=rois.frame_shape)
    if movie is not None:
        look = with_picture(look, movie, report, stop)
    return with_rois(look, rois, movie, traces, report, stop, asked.found if asked is not None else None)
