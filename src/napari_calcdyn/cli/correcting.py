"""Correction of recordings before a command uses them, and what it says about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_calcdyn.recording import Movie

if TYPE_CHECKING:
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder

    from .progress_bar import Show


def correct_and_tell(
    movies: Sequence[Movie], correct: str | None, show: Show, model: VARAutoencoder | None = None
) -> list[Movie]:
    """Check recordings of one field of view, and correct what is wrong with them.

    Parameters
    ----------
    movies : sequence of Movie
        As they are stored.
    correct : str or None
        As for `correct_movie`. None is ``auto``, or with a fitted model what was corrected in its recording.
    show : callable
        Shows progress.
    model : VARAutoencoder, optional
        The fitted model that will be used.

    Returns
    -------
    list of Movie
        To be used in place of these.

    Raises
    ------
    InputError
        If there is no such correction, or nothing of a recording can be used.
    """
    from napari_calcdyn.recording.quality import correct_movies

    def progress(done: int, total: int) -> None:
        show("Checking the recording", done, total)

    if model is not None and correct is None:
        corrected = [model.corrected(movie, progress) for movie in movies]
    else:
        corrected = correct_movies(movies, correct or "auto", progress)
    for movie in corrected:
        if movie.corrections is not None:
            name = f"{movie.name}: " if len(corrected) > 1 else ""
            print(f"{name}{movie.corrections}", flush=True)
            for text in movie.corrections.left:
                print(f"Warning: {name}{text}", file=sys.stderr, flush=True)
    return corrected
