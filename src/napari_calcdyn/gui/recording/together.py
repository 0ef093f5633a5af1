"""Several recordings of one field of view, such as trials or days, opened as one movie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording import MovieInfo, ProgressCallback
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import Corrections, join
from napari_calcdyn.recording.movies.corrections import nothing_corrected
from napari_calcdyn.recording.movies.places import natural_key
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.quality import correct_movies

from .finding_out import find_out
from .layer_options import layer_options
from .opened import Choice, Opened, places_of_opened
from .recordings import show_opened

_CHECKED = 0.8  # of the time


def open_together(session: Session, paths: list[Path]) -> bool:
    """Check several recordings, correct them, join them and show them; returns whether the job was started.

    Parameters
    ----------
    session : Session
        Whose recording they become.
    paths : list of Path
        One recording each.
    """

    def compute(progress: ProgressCallback) -> tuple[Opened, dict[str, Any]]:
        opened = joined([_opened(path) for path in sorted(paths, key=natural_key)], (), progress)
        return opened, layer_options(opened.movie)

    def done(result: tuple[Opened, dict[str, Any]]) -> None:
        show_opened(session, *result, None)

    return session.work.start("recording", "Checking the recordings", compute, done)


def joined(
    opened: Sequence[Opened], corrections: Sequence[Corrections], progress: ProgressCallback
) -> Opened:
    """Correct recordings of one field of view, and join them; without corrections, they are checked before."""
    movies = [it.movie for it in opened]
    total = sum(it.n_frames for it in movies)
    if corrections:
        corrected = [movie.corrected(it) for movie, it in zip(movies, corrections, strict=True)]
    else:
        corrected = correct_movies(movies, progress=part_of(progress, 0, _CHECKED * total, total))
    movie = join(corrected, part_of(progress, _CHECKED * total, total, total))
    done = [it.corrections or nothing_corrected(it.shape) for it in corrected]
    info = MovieInfo(
        movie.name,
        movie.axes,
        movie.n_frames,
        movie.frame_shape,
        movie.dtype,
        1,
        1,
        movie.frame_rate,
        movie.pixel_size,
    )
    parts = tuple(zip(opened, done, strict=True))
    return Opened(
        movie, [path for it in opened for path in places_of_opened(it)], info, Choice(), joined=parts
    )


def _opened(path: Path) -> Opened:
    """Open one of them as its folder was opened before; one about which something must be asked is refused."""
    found = find_out(path)
    if isinstance(found, Opened) and not found.question:
        return found
    text = found.question if isinstance(found, Opened) else found.text
    raise InputError(f"{text.removesuffix('.')}. Open it by itself first: what you choose is remembered.")
