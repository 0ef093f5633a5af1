"""What a session keeps of a comparison: the folder that ``calcdyn compare`` writes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.recording.recordings import layer_of
from napari_calcdyn.gui.session.compared import Compared
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.packed import load_packed, save_packed
from napari_calcdyn.recording.ranges import format_ranges

from .runs import show_difference, write_compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.recording import Movie, ProgressCallback

_CENTRES = "centres.npz"


def keep(session: Session, folder: Path) -> Kept:
    """Keep the answer, as long as its recordings are open."""
    compared = session.answers.comparison
    if compared is None:
        return Kept()
    movies = [it for reference in compared.movies if (it := reference()) is not None]
    if len(movies) < len(compared.movies) or movies[0] is not session.recording.movie:
        return Kept()
    values = {
        "words": compared.words,
        "movies": [it.name for it in movies],
        "layers": [_layer_name(session, it) for it in movies],
        "block": compared.block,
        "same_model": compared.model() is session.dynamics.model,
        "same_rois": compared.rois is not None and compared.rois is session.rois_of_movie(),
    }
    return Kept(values, {"result": Part((compared,), partial(_write, movies=movies, compared=compared))})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read the answer."""
    place, values = saved.parts.get("result"), saved.values
    if place is None:
        return lambda: None
    from napari_calcdyn.jobs.comparison_files import load_comparison
    from napari_calcdyn.jobs.result_folder import ROIS_FILE, read_metrics
    from napari_calcdyn.recording.rois.saved import load_rois

    comparison, maps = load_comparison(place)
    about = read_metrics(place, "compare")
    a, b = ([range(int(start), int(stop)) for start, stop in about[name]] for name in ("a", "b"))
    words = str(values.get("words") or f"frames {format_ranges(a)} (A), {format_ranges(b)} (B)")
    places = _centres(place / _CENTRES) if (place / _CENTRES).exists() else {}
    rois = load_rois(place / ROIS_FILE) if (place / ROIS_FILE).exists() else None
    if rois is not None and values.get("same_rois") and opening.rois is not None:
        rois = opening.rois
    if opening.movie is None or maps.difference.shape != opening.movie.frame_shape:
        raise InputError("The comparison in the session is not of its recording: save the session again.")
    block = values.get("block", "auto")
    names = values.get("layers") or values.get("movies", ())
    others = [opening.others[name] for name in names[1:] if name in opening.others]

    def show() -> None:
        movie, source, model = session.recording.movie, session.recording.source, session.dynamics.model
        if movie is None or source is None:
            return
        known = values.get("same_model", True) and model is not None
        centres = places
        if rois is not None:
            centres = dict(zip(rois.ids.tolist(), rois.centres, strict=True))
        elif not centres and model is not None:
            centres = dict(enumerate(model.latent_centres))
        movies = (weakref.ref(movie), *map(weakref.ref, others), *[_gone] * (len(names[1:]) - len(others)))
        of = weakref.ref(model) if known and model is not None else _gone
        session.answers.comparison = Compared(
            comparison, maps, movies, a, b, words, weakref.ref(source), centres, of, rois, block
        )
        show_difference(session)

    return show


_gone: Any = lambda: None  # noqa: E731 -- as a weak reference to what is no longer there


def _layer_name(session: Session, movie: Movie) -> str:
    """Return the layer that shows a recording: two recordings may have one name, and layers have not."""
    layer = layer_of(session, movie)
    return movie.name if layer is None else str(layer.name)


def _write(place: Path, progress: ProgressCallback, *, movies: Sequence[Movie], compared: Compared) -> None:
    leave_a_core()
    write_compared(place, movies, compared)
    arrays = {
        "names": np.array(list(compared.centres), np.int64),
        "places": np.array(list(compared.centres.values())),
    }
    save_packed(place / _CENTRES, arrays, {})


def _centres(file: Path) -> dict[int, NDArray[np.float32]]:
    arrays, _ = load_packed(file)
    return dict(zip(arrays["names"].tolist(), arrays["places"], strict=True))
