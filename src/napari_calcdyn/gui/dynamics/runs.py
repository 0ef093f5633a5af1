"""What the Dynamics dock does with a model: compute its maps, and move along the lasso path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.session import Session

from .results import show_edge_map, show_lazy_movies, show_maps

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.maps import ContributionMaps
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie
    from napari_calcdyn.recording.progress import ProgressCallback

MAPS = "Mapping contributions"
EDGE = "Mapping a connection"
_STOPPED = "The maps were stopped: move the slider and back to compute them."


def choose_sparsity(session: Session, fraction: float | None, *, with_maps: bool = False) -> None:
    """Show another point of the lasso path, as soon as its coefficients are solved for.

    Parameters
    ----------
    session : Session
        With a model.
    fraction : float or None
        Fraction of λ_max; None is the point that the training chose.
    with_maps : bool
        Whether the maps should follow.
    """
    model = session.dynamics.model
    if model is None:
        return

    def solve() -> VAR:
        leave_a_core()
        return ready(model.var if fraction is None else model.var.at(fraction=fraction))

    def done(var: VAR) -> None:
        if session.dynamics.model is not model:
            return
        session.dynamics.var = var
        if not with_maps:
            return
        if session.work.job is None:
            compute_maps(session)
        elif session.work.job.title != MAPS:  # those under way are followed by newer ones by themselves
            text = f"The maps follow when “{session.work.job.title}” has ended and the slider is moved again."
            session.work.tell("dynamics", text)

    session.work.latest.ask(solve, done)


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
    """Compute the maps of the VAR that is shown, in the background; returns whether it was started."""
    fitted = session.fitted()
    if fitted is None:
        return False
    movie, model, var = fitted

    def compute(progress: ProgressCallback) -> ContributionMaps:
        from napari_calcdyn.analysis.maps import contribution_maps

        leave_a_core()
        predictor = None if var is model.var else var
        return contribution_maps(model, movie, var=predictor, progress=progress)

    def done(maps: ContributionMaps) -> None:
        if session.recording.movie is not movie or session.dynamics.model is not model:
            return
        show_all(session, movie, model, var, maps)
        if session.dynamics.var is not var:  # the slider moved on while these were computed
            compute_maps(session)

    return session.work.start("dynamics", MAPS, compute, done, stopped=_STOPPED)


def map_recording(session: Session) -> None:
    """Map a recording that was opened after its model was loaded."""
    movie, model = session.recording.movie, session.dynamics.model
    if movie is None or model is None or session.dynamics.maps is not None or session.work.job is not None:
        return
    if movie.frame_shape == model.frame_shape:
        compute_maps(session)


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
    session.dynamics.maps = maps
    show_lazy_movies(session, movie, model, var, maps, keep_contrast=keep_contrast)
    show_maps(session, movie, maps, keep_contrast=keep_contrast)  # last, hence on top
