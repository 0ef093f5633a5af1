"""The script that repeats a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_calcdyn.gui.recording.source import model_of, other_source, rois_of, source_of
from napari_calcdyn.jobs.scripts.dynamics import compare_script
from napari_calcdyn.recording import InputError

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.jobs.scripts.pieces import Script

_NOTHING = "Nothing was compared yet: press Compare first."
_OTHER_MODEL = "This result is of an earlier model or recording: press Compare again."
_TRAINED_HERE = (
    "The model was trained on one of the two recordings: save it in the Dynamics panel and load it from there, so that"
    " a script can use it."
)


def script_of(session: Session) -> Script:
    """Return what compares the same stretches again.

    Raises
    ------
    InputError
        If nothing was compared, or a script could not do that.
    """
    compared = session.answers.comparison
    if compared is None:
        raise InputError(_NOTHING)
    if compared.model() is not session.dynamics.model or not compared.is_of(session.recording.movie):
        raise InputError(_OTHER_MODEL)
    model, sources = model_of(session.dynamics), [source_of(session)]
    for reference in compared.movies[1:]:
        movie = reference()
        if movie is None:
            raise InputError(_OTHER_MODEL)
        if model.folder is None:
            raise InputError(_TRAINED_HERE)
        sources.append(other_source(session, movie))
    rois = None if compared.rois is None else rois_of(session)
    asked = compared.comparison.permutations, compared.block
    return compare_script(sources, compared.a, compared.b, model, rois, *asked)
