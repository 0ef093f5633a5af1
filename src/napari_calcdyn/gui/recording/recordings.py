"""What the Recording dock does: open a movie, take one from a layer, compute its mean frame."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_calcdyn.gui.layers.layers import (
    COUNTS,
    DIVERGING,
    contrast,
    is_result,
    put_image,
    symmetric_contrast,
)
from napari_calcdyn.gui.opening.folders import OpenedPath
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording import Movie, MovieStatistics
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.lazy import lazy_frames
from napari_calcdyn.recording.progress import ProgressCallback

from .check import RecordingCheck
from .finding_out import find_out
from .layer_options import layer_options
from .looking import ask_about
from .opened import OPENED, Choice, Opened, Question, opened_by_us, remember

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN = "Mean frame"
MEAN_FRAME = "Recording: mean frame"
MIN_FRAMES = 4
MOVIE_MINUS_MEAN = "Recording: movie − mean"


def open_recording(
    session: Session,
    path: OpenedPath,
    *,
    choice: Choice | None = None,
    into: Image | None = None,
    then: Callable[[], object] | None = None,
    look: bool = False,
) -> bool:
    """Open a movie in the background and show it; returns whether the job was started.

    A dialog asks first where something is neither known of the file nor remembered of its folder: which of several data
    sets, channels or planes it is, and what its axes are.

    Parameters
    ----------
    session : Session
        Whose recording it becomes.
    path : str, Path or list of them
        As for `open_movie`.
    choice : Choice, optional
        Which part of the file; what was chosen in its folder before, if nothing is said.
    into : Image, optional
        The layer that gets the data instead of a new one, as when another channel is chosen.
    then : callable, optional
        Called once the movie is there.
    look : bool
        Whether to show the dialog anyhow.
    """

    def compute(progress: ProgressCallback) -> tuple[Opened | Question, dict[str, Any]]:
        found = find_out(path, choice)
        if look or isinstance(found, Question) or found.question:
            return found, {}
        return found, layer_options(found.movie)

    def done(result: tuple[Opened | Question, dict[str, Any]]) -> None:
        found, options = result
        if isinstance(found, Question) and choice is not None and choice.axes is not None:
            session.work.tell("recording", found.text, True)  # typed in the panel, where it can be corrected
        elif isinstance(found, Question) or not options:
            accept = partial(open_recording, session, into=into, then=then)
            ask_about(session, path, found, lambda chosen: accept(path, choice=chosen))
        else:
            if choice is not None:
                remember(path, choice)
            show_opened(session, found, options, into)
            if then is not None:
                then()

    return session.work.start("recording", "Opening the recording", compute, done)


def show_opened(session: Session, opened: Opened, options: dict[str, Any], into: Image | None) -> None:
    """Show a movie in a layer, a new one or another's place, and make it the recording.

    Parameters
    ----------
    session : Session
        Whose recording it becomes.
    opened : Opened
        The movie, and how it was opened.
    options : dict
        From `layer_options`.
    into : Image or None
        The layer that gets the data instead of a new one.
    """
    viewer = session.viewer
    if viewer is None:
        return
    if into is not None and into in viewer.layers:
        into.data = opened.movie.data
        into.contrast_limits_range = into.contrast_limits = options["contrast_limits"]
        into.metadata[OPENED] = opened
        layer = into
    else:
        # The docks look at a layer when it is added, and have to find its movie there.
        options["metadata"] |= {OPENED: opened}
        layer = viewer.add_image(opened.movie.data, **options)
    take(session, opened.movie, layer)


def image_layers(session: Session) -> list[Image]:
    """Return the viewer's image layers that are not results of ours."""
    viewer = session.viewer
    layers = viewer.layers if viewer is not None else []
    return [it for it in layers if isinstance(it, Image) and not is_result(it)]


def layer_of(session: Session, movie: Movie) -> Image | None:
    """Return the layer of a recording that we opened; None where it came another way, or is closed."""
    layers = ((it, opened_by_us(it)) for it in image_layers(session))
    return next((it for it, opened in layers if opened is not None and opened.movie is movie), None)


def looks_like_a_movie(layer: Image) -> bool:
    """Whether a layer may be taken for the recording unasked: grey, three axes, some frames."""
    return layer.ndim == 3 and not layer.rgb and int(layer.level_shapes[0][0]) >= MIN_FRAMES


def use_layer(session: Session, layer: Image) -> None:
    """Make the movie that a layer shows the recording of this session."""
    if opened_by_us(layer) is None and session.recording.movie is not None and session.movie_layer is layer:
        return
    try:
        movie = movie_of(layer)
    except InputError as error:
        session.work.tell("recording", str(error), True)
        return
    take(session, movie, layer)


def movie_of(layer: Image) -> Movie:
    """Return the movie that a layer shows, with what the layer knows of it.

    Parameters
    ----------
    layer : Image
        Any image layer.

    Returns
    -------
    Movie
        As it was opened, or made of the layer's data.

    Raises
    ------
    InputError
        If the layer shows no movie.
    """
    opened = opened_by_us(layer)
    if opened is not None:
        return opened.movie
    micrometres = all(str(unit) == "micrometer" for unit in layer.units[-2:])
    pixel = (float(layer.scale[-2]), float(layer.scale[-1])) if micrometres else None
    data = layer.data[0] if layer.multiscale else layer.data
    rate = layer.metadata.get("frame_rate")
    return Movie.from_array(data, frame_rate=rate, pixel_size=pixel, name=layer.name)


def take(session: Session, movie: Movie, layer: Image) -> None:
    """Set the session's recording; what was computed from another one is forgotten."""
    if session.recording.source is movie:
        return
    session.work.notice = None
    session.recording.layer = weakref.ref(layer)
    session.recording.take(movie)
    session.part(RecordingCheck).start()


def give_back(session: Session, why: str) -> None:
    """Have no recording, as before one was taken unasked; `why` is said in the panel."""
    session.work.stop_check()
    session.recording.layer = None
    session.recording.take(None)
    session.work.tell("recording", why)


def compute_mean(session: Session) -> bool:
    """Compute the mean frame in the background and show it; returns whether the job was started."""
    return session.work.after_check("recording", MEAN, partial(_compute_mean, session))


def _compute_mean(session: Session) -> bool:
    movie = session.recording.movie
    if movie is None:
        session.work.tell("recording", "Open a recording first.", True)
        return False

    def compute(progress: ProgressCallback) -> MovieStatistics:
        statistics = movie.statistics(progress)
        statistics.check_dynamic(movie.name)
        return statistics

    def done(statistics: MovieStatistics) -> None:
        if session.recording.movie is movie:
            session.recording.statistics = statistics
            show_mean(session, movie, statistics)

    return session.work.start("recording", MEAN, compute, done, stage="Reading the movie")


def show_mean(session: Session, movie: Movie, statistics: MovieStatistics) -> None:
    """Put the mean frame over the recording, and, hidden, the movie without it."""
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    mean = statistics.mean
    put_image(
        viewer,
        MEAN_FRAME,
        mean,
        layer,
        unit=COUNTS,
        colormap="gray",
        contrast_limits=contrast(mean, float(np.nanmin(mean))),
    )
    # Three standard deviations of a lively pixel: what is beyond is an event, and shown as one.
    spread = 3 * symmetric_contrast(statistics.std, 99.0)[1]
    put_image(
        viewer,
        MOVIE_MINUS_MEAN,
        minus_mean(movie, mean),
        layer,
        unit=COUNTS,
        colormap=DIVERGING,
        contrast_limits=(-spread, spread),
        visible=False,
    )


def minus_mean(movie: Movie, mean: NDArray[np.float32]) -> Any:
    """Return the movie without its mean frame, lazily: float32 (T, Y, X), read where it is looked at."""
    # One chunk is one read; arithmetic on a dask array of the frames costs a second per look at long movies.
    return lazy_frames(
        lambda start, stop: movie.frames(start, stop).astype(np.float32) - mean,
        movie.shape,
        np.float32,
    )
