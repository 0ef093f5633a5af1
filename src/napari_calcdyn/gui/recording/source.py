"""The recording, ROIs and traces of a session, as scripts name them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.jobs.scripts.pieces import FOUND, Model, Source
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.quality import corrections_for

from .opened import Opened, opened_by_us, places_of, places_of_opened
from .recordings import layer_of

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.state import DynamicsState, NeuronState
    from napari_calcdyn.recording import Movie

_NO_MOVIE = "Open a recording first, in the Recording panel."
_IN_MEMORY = "{} is in no file that a script could open: save it as a file, and open that."
_MARKED = "Frames or pixels were marked by hand, for which there is no option: save the session to keep them."
_NO_ROIS = "There are no ROIs yet, in the Neurons panel."
_DRAWN = "The ROIs are in no file that a script could open: save them as a file, and open that in the Neurons panel."
_NO_MODEL = "There is no model yet: train or load one first."


def source_of(session: Session) -> Source:
    """Return the session's recording, as it is corrected.

    Raises
    ------
    InputError
        If there is none, or a script could not open it or correct it in the same way.
    """
    recording, layer = session.recording, session.movie_layer
    raw = recording.raw
    if raw is None or layer is None:
        raise InputError(_NO_MOVIE)
    if recording.marked:
        raise InputError(_MARKED)
    kinds: str | None = ",".join(recording.kinds) or "none"
    if recording.quality is not None and recording.kinds == corrections_for(recording.quality).kinds:
        kinds = None
    return _source(raw, layer, kinds)


def other_source(session: Session, movie: Movie) -> Source:
    """Return another recording of the viewer; parameters and errors as of `source_of`."""
    layer = layer_of(session, movie)
    if layer is None:
        raise InputError(_IN_MEMORY.format(movie.name))
    return _source(movie, layer, None)


def rois_of(session: Session) -> Path | str:
    """Return the file of the session's ROIs, or `FOUND`.

    Raises
    ------
    InputError
        If there are none, or they are in no file.
    """
    rois = session.rois
    if rois.loaded is None:
        raise InputError(_NO_ROIS)
    if rois.found:
        return FOUND
    if rois.path is None:
        raise InputError(_DRAWN)
    return rois.path.absolute()


def model_of(state: DynamicsState | NeuronState) -> Model:
    """Return the model of a part of the session, trained anew unless it was loaded.

    Raises
    ------
    InputError
        If there is none.
    """
    if state.model is None:
        raise InputError(_NO_MODEL)
    folder = state.loaded_from
    return Model(state.model.config, None if folder is None else folder.absolute())


def _source(movie: Movie, layer: Image, correct: str | None) -> Source:
    opened, paths = opened_by_us(layer), tuple(places_of(movie, layer))
    if opened is not None and opened.joined:
        joined = tuple(
            Source(tuple(places_of_opened(it)), _options(it.movie, it), None) for it, _ in opened.joined
        )
        return Source(paths, joined[0].options, None, joined)
    if not paths or len(movie.parts) > 1:
        raise InputError(_IN_MEMORY.format(movie.name))
    return Source(paths, _options(movie, opened), correct)


def _options(movie: Movie, opened: Opened | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    known = None
    if opened is not None:
        said = asdict(opened.choice)
        several = {"channel": opened.info.channels > 1, "plane": opened.info.planes > 1}
        options = {
            name: value for name, value in said.items() if value is not None and several.get(name, True)
        }
        known = opened.info.frame_rate
    if movie.frame_rate is not None and movie.frame_rate != known:
        options["frame_rate"] = float(movie.frame_rate)
    return options
