"""What the user is told before and after something is computed from a recording in which not all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.recording import Traces
    from napari_calcdyn.recording.movies import Corrections

    from .session import Session

OTHER_MODEL = "This model was trained on a recording that was corrected otherwise: {} there, {} here."
OTHER_MASK = "This model was trained with other pixels left out than now."
OTHER_MAPS = "The maps were computed before the corrections were changed."
OTHER_BETWEEN = "This was found {}: press Find again."
OTHER_TRACES = "These traces were extracted before the corrections were changed: extract them again."


def about_recording(session: Session) -> tuple[str, str]:
    """Say what is wrong with the recording as it is analysed.

    Parameters
    ----------
    session : Session
        Whose recording.

    Returns
    -------
    str, str
        One line, and all of it; empty where nothing is wrong.
    """
    movie = session.recording.movie
    if movie is None:
        return "", ""
    if session.work.check is not None:
        return "The recording is being checked: training begins after it.", ""
    if movie.corrections is None:
        why = session.recording.unchecked
        return ("This recording was not checked: see the Recording panel.", why) if why else ("", "")
    return _left(movie.corrections.left)


def about_traces(session: Session) -> tuple[str, str]:
    """Say what is wrong with the recording that the session's traces come from, as `about_recording` does."""
    traces = session.neurons.traces
    return _left(traces.provenance.get("findings", ())) if traces is not None else ("", "")


def about_model(session: Session) -> str:
    """Say where the model or its maps are of another version of the recording; empty where they are not."""
    dynamics, movie = session.dynamics, session.recording.movie
    if dynamics.model is None or movie is None or dynamics.model.frame_shape != movie.frame_shape:
        return ""
    trained, now = dynamics.model.corrections, movie.corrections
    if _kinds(trained) != _kinds(now):
        return OTHER_MODEL.format(*(", ".join(_kinds(it)) or "nothing" for it in (trained, now)))
    if not _same(trained, now):
        return OTHER_MASK
    return OTHER_MAPS if outdated_maps(session) else ""


def outdated_maps(session: Session) -> bool:
    """Whether the maps are of another version of the recording."""
    dynamics, movie = session.dynamics, session.recording.movie
    known = dynamics.maps is not None and movie is not None
    return known and movie is not None and not _same(dynamics.mapped_with, movie.corrections)


def outdated_between(session: Session) -> str:
    """Say what changed since it was found what drives which cell; empty where nothing has, or nothing was found."""
    found, movie = session.answers.between, session.recording.movie
    if found is None:
        return ""
    if movie is None or found.source() is not session.recording.source:
        changed = "for another recording"
    elif found.model() is not session.dynamics.model:
        changed = "with another model"
    elif found.rois is not session.rois_of_movie():
        changed = "with other ROIs"
    elif not _same(found.corrections, movie.corrections):
        changed = "before the corrections were changed"
    else:
        return ""
    return OTHER_BETWEEN.format(changed)


def outdated_traces(session: Session, traces: Traces) -> bool:
    """Whether traces were extracted from another version of the recording."""
    movie, made_with = session.recording.movie, traces.provenance
    if movie is None or movie.corrections is None or made_with.get("movie") != str(movie.path or movie.name):
        return False
    now = movie.corrections.record()
    return any(made_with.get(it) != now[it] for it in ("corrections", "bad_frames", "masked_pixels"))


def _left(findings: Sequence[str]) -> tuple[str, str]:
    if not findings:
        return "", ""
    count = len(findings)
    words = "1 finding is" if count == 1 else f"{count} findings are"
    return f"{words} not corrected: see the Recording panel.", "<br>".join(findings)


def _kinds(corrections: Corrections | None) -> tuple[str, ...]:
    return () if corrections is None else corrections.kinds


def _same(one: Corrections | None, other: Corrections | None) -> bool:
    """Whether two corrections leave the same in; those of a model do not know frames."""
    if one is None or other is None:
        return _kinds(one) == _kinds(other)
    frames = not len(one.valid_frames) or np.array_equal(one.valid_frames, other.valid_frames)
    return one.kinds == other.kinds and frames and np.array_equal(one.valid_pixels, other.valid_pixels)
