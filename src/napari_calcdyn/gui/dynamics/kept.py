"""What a session keeps of the dynamics: the model, its maps, the point that is shown, and what drives which cell.

Where maps are known, it is the folder that ``calcdyn run`` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.models.kept import history_of, kept_history
from napari_calcdyn.gui.session.cautions import outdated_between, outdated_maps
from napari_calcdyn.gui.session.latents import Latents
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved
from napari_calcdyn.recording import InputError

from .between.runs import order_of, take_saved
from .results import show_explained, show_lazy_movies, show_sources
from .runs import compute_maps, ready, show_all

if TYPE_CHECKING:
    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, ProgressCallback

_MODEL = "model"


def keep(session: Session, folder: Path) -> Kept:
    """Keep the model, and its maps and connections where they are of the recording as it is corrected now."""
    dynamics, movie, source = session.dynamics, session.recording.movie, session.recording.source
    model, chosen, maps, var = dynamics.model, dynamics.chosen, dynamics.maps, dynamics.var
    if model is None:
        return Kept()
    parts: dict[str, Part] = {}
    loaded = dynamics.loaded_from
    values: dict[str, Any] = {
        "history": kept_history(dynamics.history),
        "loaded_from": None if loaded is None else str(loaded),
    }
    other_size = movie is not None and movie.frame_shape != model.frame_shape
    if movie is None or source is None or chosen is None or other_size or outdated_maps(session):
        parts["model"] = Part((model,), partial(_write_model, model=model))
        return Kept(values, parts)
    answer = session.answers.between
    found = answer.found if answer is not None and not outdated_between(session) else None
    write = partial(_write_run, session.part(Latents), movie, source, model, chosen, found, dynamics.history)
    parts["run"] = Part((model, movie, chosen if found is None else found), write)
    if found is not None and found.maps is not chosen:
        parts["maps"] = Part((chosen,), lambda place, _: chosen.save(place, pixel_size=movie.pixel_size))
    if var is not None and var is not model.var:
        values["fraction"] = float(var.fraction)
        if maps is not None and maps is not chosen:
            parts["point"] = Part((maps,), lambda place, _: maps.save(place, pixel_size=movie.pixel_size))
    return Kept(values, parts)


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read all of it; maps are not computed again."""
    values, parts, movie = saved.values, saved.parts, opening.movie
    if "run" not in parts and "model" not in parts:
        return lambda: None
    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

    leave_a_core()
    model = opening.model = VARAutoencoder.load(parts.get("run", parts.get("model", opening.folder)) / _MODEL)
    ready(model.var)
    if movie is not None and "model" not in parts:  # which may be of another recording
        model.check(movie)
    history = history_of(values.get("history", ()))
    # What is no session was not trained in the window.
    loaded = values.get("loaded_from") if values else parts.get("run", opening.folder) / _MODEL
    loaded = None if loaded is None else Path(loaded)
    found = _found(parts["run"], model) if "run" in parts else None
    order = None if found is None else order_of(found)
    if found is not None and found.fitted is not None and opening.rois is None:
        opening.rois = found.fitted.rois
    fraction = values.get("fraction")
    if fraction is not None and not 0 < float(fraction) <= 1:
        raise InputError(f"The session asks for a penalty of {fraction} λ_max: save it again.")
    var = model.var if fraction is None else ready(model.var.at(fraction=float(fraction)))
    chosen = found.maps if found is not None else None
    if "maps" in parts:
        chosen = ContributionMaps.load(parts["maps"])
    maps = ContributionMaps.load(parts["point"]) if "point" in parts else chosen
    if movie is not None and any(
        it is not None and it.explained.shape != movie.frame_shape for it in (chosen, maps)
    ):
        raise InputError("The maps in the session are not of its recording: save the session again.")

    def show() -> None:
        dynamics, now = session.dynamics, session.recording.movie
        dynamics.history = history
        dynamics.take(model, loaded)
        if now is None or now.frame_shape != model.frame_shape:
            return
        if chosen is None or maps is None or found is None or order is None:
            compute_maps(session)
            return
        show_all(session, now, model, model.var, chosen)
        if found.fitted is not None:
            take_saved(session, found, order, now.corrections)
        if var is not model.var:
            dynamics.var = var
            dynamics.maps = maps
            show_explained(session, maps, keep_contrast=True)
            show_lazy_movies(session, now, model, var, maps, keep_contrast=True)
            show_sources(session, now, maps, keep_contrast=True)

    return show


def _write_model(place: Path, progress: ProgressCallback, *, model: VARAutoencoder) -> None:
    model.save(place / _MODEL)


def _write_run(
    latents: Latents,
    movie: Movie,
    source: Movie,
    model: VARAutoencoder,
    chosen: ContributionMaps,
    found: BetweenRois | None,
    history: tuple[Any, ...],
    place: Path,
    progress: ProgressCallback,
) -> None:
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.jobs.provenance import provenance
    from napari_calcdyn.jobs.saved.run import save_run

    leave_a_core()
    between = found or BetweenRois(chosen, None, None, None, {}, looked_for_cells=False)
    inputs: list[Any] = [source, *([] if between.fitted is None else [between.fitted.rois])]
    metrics = (
        dict(model.metrics) | between.metrics | provenance(inputs, model.config, device=model.device.type)
    )
    save_run(place, movie, model, latents.get(movie, model, progress), between, history, metrics)


def _found(run: Path, model: VARAutoencoder) -> BetweenRois:
    from napari_calcdyn.jobs.between_rois import BetweenRois
    from napari_calcdyn.jobs.result_folder import read_metrics

    return BetweenRois.load(run, model, read_metrics(run, "run"))
