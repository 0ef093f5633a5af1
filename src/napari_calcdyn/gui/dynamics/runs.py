"""What the Dynamics dock does: train, load and save a model, compute its maps, move along the lasso path."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.background.status import Status, tracked
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording.errors import InputError

from .results import show_edge_map, show_lazy_movies, show_maps

# torch is imported by the first run, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.maps.contribution import ContributionMaps
    from napari_calcdyn.gui.background.job import Report
    from napari_calcdyn.models.training import Progress
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie
    from napari_calcdyn.recording.progress import ProgressCallback

TRAINING = "Training"
MAPS = "Mapping contributions"
EDGE = "Mapping a connection"
STOPPABLE = (TRAINING, MAPS, EDGE)
MOST_SOURCE_BYTES = 2**30  # of the split by source, which is held in memory
_STOPPED = "The maps were stopped: move the slider and back to make them."


def train(session: Session, config: VARAutoencoderConfig, device: str) -> bool:
    """Train a model on the session's recording in the background; returns whether it was started.

    The model that is there stays until the new one is fitted. A run that is stopped leaves its best so far.
    """
    movie = session.recording.movie
    if movie is None:
        session.work.tell("dynamics", "Open a recording first, in the Recording panel.", True)
        return False

    def work(report: Report, stop: threading.Event) -> VARAutoencoder:
        from napari_calcdyn.models.training import drive
        from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

        leave_a_core()
        model, _ = drive(VARAutoencoder(config).fit_steps(movie, device=device, stop=stop), report)
        ready(model.var)
        return model

    def progressed(news: list[Progress]) -> None:
        session.dynamics.history = (*session.dynamics.history, *(it for it in news if it.losses))
        last = news[-1]
        if session.work.job is not None and not session.work.job.stopping:
            fraction = last.step / last.total if last.total else None
            session.work.status = Status("dynamics", last.stage, fraction, last.eta if fraction else None)

    def done(model: VARAutoencoder) -> None:
        _take_model(session, model)
        if session.recording.movie is movie:
            compute_maps(session)
        else:
            session.work.tell(
                "dynamics", f"The model of {movie.name} is ready: choose that recording to see its maps."
            )

    started = session.work.start("dynamics", TRAINING, work, done, progressed)
    if started:
        session.dynamics.history = ()
    return started


def load_model(session: Session, folder: Path, device: str, maps_folder: Path | None = None) -> bool:
    """Load a saved model in the background and show its maps; returns whether it was started.

    Parameters
    ----------
    session : Session
        Gets the model.
    folder : Path
        Folder of the model.
    device : str
        Where to run it.
    maps_folder : Path, optional
        Output of ``calcdyn run`` that has the maps; without it they are computed.
    """
    movie = session.recording.movie

    def work(report: Report, stop: threading.Event) -> tuple[VARAutoencoder, ContributionMaps | None]:
        from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder

        leave_a_core()
        model = VARAutoencoder.load(folder, device=device)
        if movie is not None:
            model.check_frame_shape(movie)
        ready(model.var)
        return model, None if maps_folder is None else _read_maps(maps_folder)

    def done(loaded: tuple[VARAutoencoder, ContributionMaps | None]) -> None:
        model, maps = loaded
        session.dynamics.history = ()
        _take_model(session, model)
        if session.recording.movie is None:
            session.work.tell("dynamics", "The model is loaded: open its recording to see the maps.")
        if movie is None or session.recording.movie is not movie:
            return
        if maps is None:
            compute_maps(session)
        else:
            _show(session, movie, model, model.var, maps)

    return session.work.start("dynamics", "Loading the model", work, done)


def _read_maps(folder: Path) -> ContributionMaps:
    """Read the maps that ``calcdyn run`` wrote."""
    import tifffile

    from napari_calcdyn.analysis.maps.contribution import ContributionMaps

    try:
        explained, amplitude = (
            tifffile.imread(folder / f"contribution_{name}.tif") for name in ("explained", "amplitude")
        )
        split = folder / "contribution_sources.tif"
        too_large = split.stat().st_size > MOST_SOURCE_BYTES
        sources = np.empty((0, *explained.shape), np.float32) if too_large else tifffile.imread(split)
    except (OSError, tifffile.TiffFileError) as error:
        raise InputError(
            f"{folder} has no maps that can be read ({error}): run `calcdyn run` again."
        ) from error
    return ContributionMaps(explained, amplitude, sources)


def save_model(session: Session, folder: Path) -> bool:
    """Save the session's model in the background; returns whether it was started."""
    model = session.dynamics.model
    if model is None:
        session.work.tell("dynamics", "There is no model to save yet: train or load one first.", True)
        return False

    def work(report: Report, stop: threading.Event) -> None:
        model.save(folder)

    def done(_: None) -> None:
        session.work.tell("dynamics", f"The model was saved in {folder}.")

    return session.work.start("dynamics", "Saving the model", work, done)


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
    _ = var.coefficients, var.fraction
    return var


def densest(var: VAR) -> float:
    """Return the smallest fraction of λ_max that lies on the path as it was followed, of every target.

    Beyond it every point has to be solved for anew, which takes seconds where there are many latents.
    """
    knots = var.path.knots.detach().cpu().numpy()
    return float(np.nanmax(np.nanmin(knots, axis=0) / np.maximum(knots[0], np.finfo(knots.dtype).tiny)))


def compute_maps(session: Session) -> bool:
    """Compute the maps of the VAR that is shown, in the background; returns whether it was started."""
    movie, model, var = session.recording.movie, session.dynamics.model, session.dynamics.var
    if movie is None or model is None or var is None:
        return False

    def compute(progress: ProgressCallback) -> ContributionMaps:
        from napari_calcdyn.analysis.maps.contribution import contribution_maps

        leave_a_core()
        split = 4 * var.latents * movie.frame_shape[0] * movie.frame_shape[1] <= MOST_SOURCE_BYTES
        return contribution_maps(model, movie, var=var, sources=split, progress=progress)

    def done(maps: ContributionMaps) -> None:
        if session.recording.movie is not movie or session.dynamics.model is not model:
            return
        _show(session, movie, model, var, maps)
        if session.dynamics.var is not var:  # the slider moved on while these were computed
            compute_maps(session)

    return session.work.start("dynamics", MAPS, tracked("dynamics", MAPS, compute), done, stopped=_STOPPED)


def map_recording(session: Session) -> None:
    """Map a recording that was opened after its model was loaded."""
    movie, model = session.recording.movie, session.dynamics.model
    if movie is None or model is None or session.dynamics.maps is not None or session.work.job is not None:
        return
    if movie.frame_shape == model.frame_shape:
        compute_maps(session)


def show_edge(session: Session, source: int, target: int, lag: int) -> bool:
    """Map what one connection explains, in the background; returns whether the job was started."""
    movie, model, var = session.recording.movie, session.dynamics.model, session.dynamics.var
    if movie is None or model is None or var is None:
        return False

    def compute(progress: ProgressCallback) -> NDArray[np.float32]:
        from napari_calcdyn.analysis.maps.contribution import edge_map

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

    return session.work.start("dynamics", EDGE, tracked("dynamics", "Mapping the connection", compute), done)


def _show(session: Session, movie: Movie, model: VARAutoencoder, var: VAR, maps: ContributionMaps) -> None:
    # The colours of the maps of one model mean the same all along its path.
    keep_contrast = session.dynamics.maps is not None
    session.dynamics.maps = maps
    show_lazy_movies(session, movie, model, var, maps, keep_contrast=keep_contrast)
    show_maps(session, movie, maps, keep_contrast=keep_contrast)  # last, hence on top


def _take_model(session: Session, model: VARAutoencoder) -> None:
    session.dynamics.maps = None
    session.dynamics.model = model
    session.dynamics.var = model.var
