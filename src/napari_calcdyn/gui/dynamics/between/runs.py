"""Finding what drives which cell, in the background."""

from __future__ import annotations

import threading
import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage

from napari_calcdyn.gui.background.status import by_stage, timed
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.neurons.inputs import drawable, take_rois
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.between import BetweenCells
from napari_calcdyn.gui.session.latents import Latents

from .layers import show_between

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.recording import RoiSet
    from napari_calcdyn.recording.movies import Corrections

LOOKING = "Looking between cells"
_STOPPED = "It was stopped: nothing was changed."
_NO_MODEL = "Train or load a model of this recording first."
_OTHER_ROIS = (
    "The run looked between other ROIs than those that are open: find what drives which of these anew."
)
_SEED = 0
_WELL_ORDERED = (
    300  # ROIs; the best order of the clusters takes a fifth of a second, and grows with their cube
)


def look_between(session: Session) -> bool:
    """Find what drives which cell, and where, in the background; returns whether it was started.

    Parameters
    ----------
    session : Session
        With a recording and its model. Its ROIs are the cells; where it has none, cells are found, which become its
        ROIs.
    """
    return session.work.after_check("dynamics", LOOKING, partial(_look, session))


def can_look(session: Session) -> bool:
    """Whether there is a recording, and a model that fits it, whose network can be taken apart into cells."""
    movie, model = session.recording.movie, session.dynamics.model
    if movie is None or model is None or movie.frame_shape != model.frame_shape:
        return False
    return model.config.network == "footprints"


def _look(session: Session) -> bool:
    movie, model, source = session.recording.movie, session.dynamics.model, session.recording.source
    if movie is None or model is None or source is None or not can_look(session):
        session.work.tell("dynamics", _NO_MODEL, True)
        return False
    rois, shared = session.rois_of_movie(), session.part(Latents)

    def work(report: Report, stop: threading.Event) -> tuple[BetweenRois, NDArray[np.int64]]:
        from napari_calcdyn.jobs.between_rois import look_between_rois

        leave_a_core()
        latents = shared.get(movie, model, timed("dynamics", "Encoding every frame …", report, stop))
        found = look_between_rois(movie, model, latents, rois, _SEED, by_stage("dynamics", report, stop))
        return found, order_of(found)

    def done(answer: tuple[BetweenRois, NDArray[np.int64]]) -> None:
        found, order = answer
        if (
            session.recording.movie is not movie
            or session.dynamics.model is not model
            or session.rois_of_movie() is not rois
        ):
            text = "Recording, model or ROIs were changed in the meantime: press the button again."
            session.work.tell("dynamics", text)
            return
        if rois is None and found.fitted is not None:
            _offer(session, found.fitted.rois)
        take_between(session, found, order, movie.corrections)

    again = partial(look_between, session)
    return session.work.start_work("dynamics", LOOKING, work, done, stopped=_STOPPED, again=again)


def take_between(
    session: Session, found: BetweenRois, order: NDArray[np.int64], corrections: Corrections | None
) -> None:
    """Make what was found between the ROIs of a session its answer, and show it.

    Parameters
    ----------
    session : Session
        With the recording and the model that it was found with, and its ROIs, if there are any.
    found : BetweenRois
        What was found.
    order : ndarray (N,), int64
        From `order_of`.
    corrections : Corrections or None
        Of the recording when it was found.
    """
    movie, source, model = session.recording.movie, session.recording.source, session.dynamics.model
    assert movie is not None
    assert source is not None
    assert model is not None
    of = (weakref.ref(movie), weakref.ref(source), weakref.ref(model))
    session.answers.between = BetweenCells(found, order, *of, corrections, session.rois_of_movie())
    if found.fitted is not None and found.fitted.rois is session.rois.loaded:
        session.answers.influence = found.influence  # the Inspector's arrows are these, tested
    show_between(session)


def take_saved(
    session: Session, found: BetweenRois, order: NDArray[np.int64], corrections: Corrections | None
) -> None:
    """Take what was found in the session's recording with the session's model before, as `take_between` does.

    ROIs that are open stay; where they are others than those of the run, it is said, and nothing else is done.
    """
    model, rois = session.dynamics.model, session.rois_of_movie()
    if found.fitted is None or model is None:
        return
    if rois is None:
        _offer(session, found.fitted.rois)
    elif _same_rois(rois, found.fitted.rois):
        found = replace(found, fitted=replace(found.fitted, rois=rois))
    else:
        session.work.tell("dynamics", _OTHER_ROIS)
        return
    take_between(session, found, order, corrections)


def order_of(found: BetweenRois) -> NDArray[np.int64]:
    """Return in which order cells are drawn beside each other, as positions (N,); call it off the GUI thread."""
    return np.empty(0, np.int64) if found.fitted is None else by_place(drawable(found.fitted.rois).centres)


def _same_rois(one: RoiSet, other: RoiSet) -> bool:
    if not np.array_equal(one.ids, other.ids):
        return False
    return bool((one.footprints != other.footprints).nnz == 0)


def _offer(session: Session, rois: RoiSet) -> None:
    """Make the cells of an answer the session's ROIs, unless that put traces aside that are there without any."""
    from napari_calcdyn.models.sources import CELLS_FOUND

    if session.neurons.fluorescence is None:
        take_rois(session, rois, found=rois.provenance == CELLS_FOUND)


def by_place(centres: NDArray[Any]) -> NDArray[np.int64]:
    """Return the positions of places (N, 2) in an order in which near ones are near."""
    if len(centres) < 2:
        return np.arange(len(centres))
    return np.asarray(
        leaves_list(linkage(centres, "average", optimal_ordering=len(centres) <= _WELL_ORDERED)), np.int64
    )
