"""What the Dynamics dock does with a model: compute its maps, and move along the lasso path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.cautions import outdated_maps

from .results import show_edge_map, show_explained, show_lazy_movies, show_sources

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.maps import ContributionMaps, PathMaps
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie
    from napari_calcdyn.recording.progress import ProgressCallback

MAPS = "Mapping contributions"
PATH = "Preparing the sparsity slider"
EDGE = "Mapping a connection"
MAPPING = (MAPS, PATH)
"""Titles of the jobs that follow by themselves: they make way for any other."""
_MAPS_STOPPED = "The maps were stopped: press Map again to compute them."
_PATH_STOPPED = "The map follows the slider once this is prepared: move the slider to begin anew."
_LARGEST_SHARE = 0.5  # of the memory budget, for what the maps of other points are computed from


def choose_sparsity(session: Session, fraction: float | None, *, settled: bool = False) -> None:
    """Show another point of the lasso path: its connections and its explained map.

    Parameters
    ----------
    session : Session
        With a model.
    fraction : float or None
        Fraction of λ_max; None is the point that the training chose.
    settled : bool
        Whether the slider stands still: what takes longer than the map follows, too.
    """
    model = session.dynamics.model
    if model is not None:
        _show_point(
            session, lambda: model.var if fraction is None else model.var.at(fraction=fraction), settled
        )


def _show_point(session: Session, find: Callable[[], VAR], settled: bool) -> None:
    movie, model = session.recording.movie, session.dynamics.model
    path = session.dynamics.path
    chosen = None if outdated_maps(session) else session.dynamics.chosen
    if model is None:
        return

    def solve() -> tuple[VAR, ContributionMaps | None]:
        leave_a_core()
        var = ready(find())
        if var is model.var:
            return var, chosen
        if path is None or chosen is None or path.movie is not movie:
            return var, None
        return var, replace(chosen, explained=path.explained(var), sources=path.sources(var))

    def done(found: tuple[VAR, ContributionMaps | None]) -> None:
        var, maps = found
        if session.dynamics.model is not model:
            return
        session.dynamics.var = var
        if session.recording.movie is not movie or movie is None or movie.frame_shape != model.frame_shape:
            return
        if maps is None:
            _prepare(session, settled)
            return
        session.dynamics.maps = maps
        show_explained(session, maps, keep_contrast=True)
        if settled:
            show_lazy_movies(session, movie, model, var, maps, keep_contrast=True)
            show_sources(session, movie, maps, keep_contrast=True)

    session.work.latest.ask(solve, done)


def _prepare(session: Session, settled: bool) -> None:
    """Begin what the maps of the point that is shown wait for."""
    dynamics, work = session.dynamics, session.work
    if work.doing in MAPPING:  # what follows it shows them
        return
    if work.free and dynamics.chosen is not None and not outdated_maps(session) and _fits(dynamics.model):
        prepare_path(session)
    elif work.free and settled:
        compute_maps(session)
    elif settled:
        text = f"The maps follow when “{work.doing}” has ended and the slider is moved again."
        work.tell("dynamics", text)


def _fits(model: VARAutoencoder | None) -> bool:
    """Whether there is memory for what the maps of all points are computed from."""
    from napari_calcdyn.analysis.maps import PathMaps
    from napari_calcdyn.models.memory import memory_budget

    if model is None or model.config.network == "convolutional":
        return False
    return PathMaps.bytes_needed(model) <= _LARGEST_SHARE * 1e9 * memory_budget()


def ready(var: VAR) -> VAR:
    """Return a VAR after what it computes on first use was computed; call it off the GUI thread."""
    _ = var.tables, var.fraction
    return var


def densest(var: VAR) -> float:
    """Return the smallest fraction of λ_max that lies on the path as it was followed, of every target.

    Beyond it every point has to be solved for anew, which takes seconds where there are many latents.
    """
    knots = var.path.knots.detach().cpu().numpy()
    return float(np.nanmax(np.nanmin(knots, axis=0) / np.maximum(knots[0], np.finfo(knots.dtype).tiny)))


def compute_maps(session: Session) -> bool:
    """Compute the maps in the background; returns whether it was started.

    They are those of the point that the training chose. Those of the point that is shown follow: from what is gathered
    after these for all points, or in the same way where that takes too much memory.
    """
    fitted = session.fitted()
    if fitted is None:
        return False
    movie, model, var = fitted
    first = session.dynamics.chosen is None or outdated_maps(session)

    def compute(progress: ProgressCallback) -> tuple[ContributionMaps, bool, VAR]:
        from napari_calcdyn.analysis.maps import contribution_maps

        leave_a_core()
        fits = _fits(model)
        of = model.var if fits or first else var
        predictor = None if of is model.var else of
        return contribution_maps(model, movie, var=predictor, progress=progress), fits, of

    def done(found: tuple[ContributionMaps, bool, VAR]) -> None:
        if session.recording.movie is not movie or session.dynamics.model is not model:
            return
        maps, fits, of = found
        show_all(session, movie, model, of, maps)
        if fits:
            prepare_path(session)
        elif session.dynamics.var is not of:  # the slider moved on while these were computed
            compute_maps(session)

    return session.work.start(
        "dynamics", MAPS, compute, done, stopped=_MAPS_STOPPED, again=partial(compute_maps, session)
    )


def prepare_path(session: Session) -> bool:
    """Gather what the maps of all points are computed from, in the background; returns whether it was started."""
    fitted = session.fitted()
    if fitted is None:
        return False
    movie, model, _ = fitted

    def compute(progress: ProgressCallback) -> PathMaps:
        from napari_calcdyn.analysis.maps import PathMaps

        leave_a_core()
        return PathMaps.gather(model, movie, progress=progress)

    def done(path: PathMaps) -> None:
        var = session.dynamics.var
        if session.recording.movie is not movie or session.dynamics.model is not model or var is None:
            return
        session.dynamics.path = path
        if var is not model.var:
            _show_point(session, lambda: var, settled=True)

    return session.work.start(
        "dynamics", PATH, compute, done, stopped=_PATH_STOPPED, again=partial(prepare_path, session)
    )


def map_recording(session: Session) -> None:
    """Map a recording that was opened after its model was loaded."""
    if maps_missing(session) and session.work.job is None:
        compute_maps(session)


def maps_missing(session: Session) -> bool:
    """Whether the session has a model and a recording that fits it, and no maps."""
    movie, model = session.recording.movie, session.dynamics.model
    if movie is None or model is None or session.dynamics.maps is not None:
        return False
    fits: bool = movie.frame_shape == model.frame_shape
    return fits


def show_edge(session: Session, source: int, target: int, lag: int) -> bool:
    """Map what one connection explains, in the background; returns whether the job was started."""
    fitted = session.fitted()
    if fitted is None:
        return False
    movie, model, var = fitted

    def compute(progress: ProgressCallback) -> NDArray[np.float32]:
        from napari_calcdyn.analysis.maps import edge_map

        leave_a_core()
        return edge_map(model, movie, source, target, lag, var=var, progress=progress)

    def done(edge: NDArray[np.float32]) -> None:
        if session.recording.movie is movie:
            show_edge_map(session, edge)
            frames = "1 frame" if lag == 1 else f"{lag} frames"
            session.work.tell(
                "dynamics",
                f"The map shows what source {source} explains through target {target}, {frames} later.",
            )

    return session.work.start("dynamics", EDGE, compute, done, stage="Mapping the connection")


def show_all(session: Session, movie: Movie, model: VARAutoencoder, var: VAR, maps: ContributionMaps) -> None:
    """Make maps those of the session, and put them and the movies that they sum up over the recording."""
    # The colours of the maps of one model mean the same all along its path.
    keep_contrast = session.dynamics.maps is not None
    session.dynamics.mapped_with = movie.corrections
    if var is model.var:
        session.dynamics.chosen = maps
    session.dynamics.maps = maps
    show_lazy_movies(session, movie, model, var, maps, keep_contrast=keep_contrast)
    show_sources(session, movie, maps, keep_contrast=keep_contrast)
    show_explained(session, maps, keep_contrast=keep_contrast)  # last, hence on top
