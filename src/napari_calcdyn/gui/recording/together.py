"""Several recordings of one field of view, such as trials or days, opened as one movie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording import Movie, MovieInfo, ProgressCallback
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import join
from napari_calcdyn.recording.movies.places import natural_key
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.quality import correct_movies

from .finding_out import find_out
from .layer_options import layer_options
from .opened import Choice, Opened
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
        movies = [_opened(path) for path in sorted(paths, key=natural_key)]
        total = sum(it.n_frames for it in movies)
        checked = part_of(progress, 0, _CHECKED * total, total)
        movie = join(
            correct_movies(movies, progress=checked), part_of(progress, _CHECKED * total, total, total)
        )
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
        return Opened(movie, list(paths), info, Choice()), layer_options(movie)

    def done(result: tuple[Opened, dict[str, Any]]) -> None:
        show_opened(session, *result, None)

    return session.work.start("recording", "Checking the recordings", compute, done)


def _opened(path: Path) -> Movie:
    """Open one of them as its folder was opened before; one about which something must be asked is refused."""
    found = find_out(path)
    if isinstance(found, Opened) and not found.question:
        return found.movie
    text = found.question if isinstance(found, Opened) else found.text
    raise InputError(f"{text.removesuffix('.')}. Open it by itself first: what you choose is remembered.")
