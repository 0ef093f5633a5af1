"""What the Recording dock does: open a movie, take one from a layer, compute its mean frame."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_calcdyn.gui.layers.layers import DIVERGING, contrast, is_result, put_image, symmetric_contrast
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording import Movie, MovieStatistics, inspect_movie, open_movie
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.lazy import lazy_frames
from napari_calcdyn.recording.movies.readers.axes import AxesUnknown
from napari_calcdyn.recording.movies.reading import arrays_in
from napari_calcdyn.recording.progress import ProgressCallback

from .check import RecordingCheck
from .io import layer_options
from .opened import OPENED, Asking, Choice, Opened, OpenedPath, Question, opened_by_us, remember, remembered

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN = "Mean frame"
MEAN_FRAME = "mean frame"
MIN_FRAMES = 4
MOVIE_MINUS_MEAN = "movie − mean"
_CHUNK_BYTES = 2**20


def open_recording(
    session: Session,
    path: OpenedPath,
    *,
    choice: Choice | None = None,
    into: Image | None = None,
    then: Callable[[], object] | None = None,
) -> bool:
    """Open a movie in the background and show it; returns whether the job was started.

    Where the file holds several data sets, or its axes are unknown, a question is left in the session instead.

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
    """

    def compute(progress: ProgressCallback) -> tuple[Opened | Question, dict[str, Any]]:
        found = _open(path, choice)
        return found, layer_options(found.movie) if isinstance(found, Opened) else {}

    def done(result: tuple[Opened | Question, dict[str, Any]]) -> None:
        opened, options = result
        viewer = session.viewer
        if viewer is None:
            return
        if isinstance(opened, Question):
            session.part(Asking).ask(opened)
            session.work.tell("recording", opened.text, opened.about_axes)
            return
        if choice is not None:
            remember(path, choice)
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
        if opened.info.unsure:
            session.work.tell(
                "recording",
                f"{opened.info.name} was opened with the axes {opened.info.axes}, as its"
                " frames seem to lie along the last one: change Axes above if it looks wrong.",
            )
        if then is not None:
            then()

    started = session.work.start("recording", "Opening the recording", compute, done)
    if started and choice is None:
        session.part(Asking).ask(None)  # about another file
    return started


def _open(path: OpenedPath, choice: Choice | None) -> Opened | Question:
    """Open a movie, or say what is to be asked first."""
    arrays = arrays_in(path)
    names = [it.name for it in arrays]
    said = choice or remembered(path)
    if choice is None and said.dataset is not None:
        known = said.dataset if said.dataset in names else None
        said = replace(said, dataset=known, axes=said.axes if known else None)
    if len(arrays) > 1 and said.dataset is None:
        file = Path(path[0] if isinstance(path, list) else path).name
        text = f"{file} holds {len(arrays)} arrays that may be the movie: choose the data set above."
        return Question(path, text, said, arrays)
    try:
        info = inspect_movie(path, dataset=said.dataset, axes=said.axes)
    except InputError as error:
        if choice is None and said.axes is not None:  # remembered of another file, which this one is not like
            return _open(path, replace(said, axes=None))
        if not isinstance(error, AxesUnknown):
            raise
        return Question(path, str(error), replace(said, axes=said.axes or error.guess), arrays, True)
    axes = info.axes if info.unsure else said.axes
    channel, plane = (
        min(number or 0, count - 1)
        for number, count in ((said.channel, info.channels), (said.plane, info.planes))
    )
    movie = open_movie(
        path,
        channel=channel,
        plane=plane,
        dataset=said.dataset,
        axes=axes,
    )
    return Opened(movie, path, info, Choice(channel, plane, said.dataset, axes), arrays)


def image_layers(session: Session) -> list[Image]:
    """Return the viewer's image layers that are not results of ours."""
    viewer = session.viewer
    layers = viewer.layers if viewer is not None else []
    return [it for it in layers if isinstance(it, Image) and not is_result(it)]


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
    session.part(Asking).ask(None)
    session.recording.layer = weakref.ref(layer)
    session.recording.take(movie)
    session.part(RecordingCheck).start()


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
        movie.check_dynamic(statistics)
        return statistics

    def done(statistics: MovieStatistics) -> None:
        if session.recording.movie is movie:
            session.recording.statistics = statistics
            _show_mean(session, movie, statistics)

    return session.work.start("recording", MEAN, compute, done, stage="Reading the movie")


def _show_mean(session: Session, movie: Movie, statistics: MovieStatistics) -> None:
    viewer, layer = session.viewer, session.movie_layer
    if viewer is None or layer is None:
        return
    mean = statistics.mean
    put_image(
        viewer,
        MEAN_FRAME,
        mean,
        layer,
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
        frames_per_chunk=max(1, _CHUNK_BYTES // (4 * mean.size)),
    )
