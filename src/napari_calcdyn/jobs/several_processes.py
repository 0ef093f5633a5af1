"""The part of a run that processes besides the first one do: they train, and write nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_calcdyn.models import processes
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import drive
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import Corrections, join

from .stages import in_stage


def one_of_all(movies: Sequence[Movie], tell: Callable[[Progress], object]) -> Movie:
    """Return the recordings of a run, corrected, as the movie that is trained on."""
    return movies[0] if len(movies) == 1 else join(movies, in_stage(tell, "Computing mean frames"))


def corrected_by_first(movies: Sequence[Movie], correct: Callable[[], list[Movie]]) -> list[Movie]:
    """Let the first process check and correct recordings, and correct them alike in all others.

    Parameters
    ----------
    movies : sequence of Movie
        As they are stored.
    correct : callable
        Returns them corrected; called in the first process only.

    Returns
    -------
    list of Movie
        To be used in place of these.
    """
    mine: list[Movie] = []

    def look() -> list[Corrections | None]:
        mine.extend(correct())
        return [it.corrections for it in mine]

    found = processes.agreed(look)
    return mine or [
        movie if corrections is None or movie.corrections is not None else movie.corrected(corrections)
        for movie, corrections in zip(movies, found, strict=True)
    ]


def help_to_train(
    movies: Sequence[Movie], model: VARAutoencoderConfig | VARAutoencoder, device: str, seed: int
) -> None:
    """Train together with the first process, whose `run` has these recordings, settings and seed.

    Parameters
    ----------
    movies : sequence of Movie
        The recordings, as they are stored.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings; with a fitted model there is nothing to do.
    device : str
        Where to train.
    seed : int
        Of weights and batches.
    """
    usable = corrected_by_first(movies, list)
    if not isinstance(model, VARAutoencoder):
        movie = one_of_all(usable, lambda progress: None)
        drive(VARAutoencoder(model).fit_steps(movie, device=device, seed=seed), lambda progress: None)
