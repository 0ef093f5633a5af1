"""What a session keeps of the Inspector: arrows that were tested there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.gui.neurons.inputs import drawable, take_rois
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved

from .inspection import inspection_of

if TYPE_CHECKING:
    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.recording import Movie, ProgressCallback, RoiSet


def keep(session: Session, folder: Path) -> Kept:
    """Keep tested arrows as the folder that ``calcdyn influence`` writes; others are computed again in seconds."""
    influence, between = session.answers.influence, session.answers.between
    movie, rois, source, model = (
        session.recording.movie,
        session.rois_of_movie(),
        session.recording.source,
        session.dynamics.model,
    )
    known = between is not None and influence is between.found.influence  # with what was found between cells
    if influence is None or influence.p_values is None or known:
        return Kept()
    if movie is None or rois is None or source is None or model is None:
        return Kept()
    write = partial(_write, movie=movie, source=source, rois=rois, influence=influence, order=model.var.order)
    return Kept({}, {"influence": Part((influence, rois), write)})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read the arrows; where the session has no ROIs, those of the arrows become its own."""
    place = saved.parts.get("influence")
    if place is None:
        return lambda: None
    from napari_calcdyn.jobs.saved.influence import load_influence

    rois, influence = load_influence(place)
    found = rois if opening.rois is None else None
    if found is not None:
        opening.rois = drawable(found)

    def show() -> None:
        if found is not None:
            take_rois(session, found)
        inspection_of(session).bring_back(influence)

    return show


def _write(
    place: Path,
    progress: ProgressCallback,
    *,
    movie: Movie,
    source: Movie,
    rois: RoiSet,
    influence: Influence,
    order: int,
) -> None:
    from napari_calcdyn.analysis.influence.edge_test import SURROGATES
    from napari_calcdyn.jobs.influence import InfluenceSettings
    from napari_calcdyn.jobs.provenance import provenance
    from napari_calcdyn.jobs.saved.influence import save_influence

    settings = InfluenceSettings(order=order, surrogates=SURROGATES)
    metrics = settings.model_dump() | {"seed": 0} | provenance([source, rois], settings, seed=0)
    save_influence(place, movie, rois, influence, metrics)
