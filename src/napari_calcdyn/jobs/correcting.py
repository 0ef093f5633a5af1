"""Correction of recordings before a job uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie, Traces
from napari_calcdyn.recording.movies.corrections import joined, nothing_corrected
from napari_calcdyn.recording.quality import correct_movies

from .stages import in_stage


def corrected(
    movies: Sequence[Movie],
    correct: str | None,
    model: object,
    tell: Callable[[Progress], object],
) -> list[Movie]:
    """Check recordings of one field of view, and correct what is wrong with them.

    Parameters
    ----------
    movies : sequence of Movie
        As they are stored; those that were checked before stay as they are.
    correct : str or None
        As for `correct_movie`. None is ``auto``, or with a fitted model what was corrected in its recording.
    model : object
        The fitted model that will be used, or settings to train with.
    tell : callable
        Called with every progress report.

    Returns
    -------
    list of Movie
        To be used in place of these.

    Raises
    ------
    InputError
        If there is no such correction, or nothing of a recording can be used.
    """
    progress = in_stage(tell, "Checking the recording")
    if isinstance(model, VARAutoencoder) and correct is None:
        return [model.corrected(movie, progress) for movie in movies]
    return correct_movies(movies, correct or "auto", progress)


def corrections_of(*movies: Movie) -> dict[str, Any]:
    """Return what result files say about the corrections of recordings.

    Parameters
    ----------
    *movies : Movie
        One, or several that follow each other in time.

    Returns
    -------
    dict
        As from `Corrections.record`; bad frames are counted through all recordings.
    """
    return joined([it.corrections or nothing_corrected(it.shape) for it in movies], gap=0).record()


def corrections_behind(traces: Traces) -> dict[str, Any]:
    """Return what result files say about the corrections of the movie that traces are from.

    Parameters
    ----------
    traces : Traces
        Extracted, or opened.

    Returns
    -------
    dict
        As from `Corrections.record`.
    """
    nothing = nothing_corrected((1, 1, 1)).record()
    return {name: traces.provenance.get(name, value) for name, value in nothing.items()}
