"""Job that makes the example: a simulated recording, and what ``calcdyn run`` finds in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import open_movie
from napari_calcdyn.simulate import simulate_movie

from .maps import run
from .saved.result_session import holds_results

_MOVIE: dict[str, Any] = {"frames": 1000}  # and the defaults: 128 × 128 pixels, 50 cells
_PRESET = "standard"
_FILE = "movie.tif"


def example_results(folder: Path) -> Path | None:
    """Look for the results in the folder of the example.

    Parameters
    ----------
    folder : Path
        Of `make_example`; there or not.

    Returns
    -------
    Path or None
        None where it was not made, or not to its end.
    """
    results = folder / "results"
    return results if (folder / _FILE).is_file() and holds_results(results) else None


def make_example(folder: Path, on_progress: Callable[[Progress], None] | None = None) -> Path:
    """Simulate a recording and run on it: cells, a model, its maps, and tested connections between the cells.

    Parameters
    ----------
    folder : Path
        Gets the recording and the results; what is there already is made no more.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.

    Returns
    -------
    Path
        The results, which open as a session.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    made = example_results(folder)
    if made is not None:
        return made
    if not (folder / _FILE).is_file():
        if on_progress is not None:
            on_progress(Progress("Simulating a recording"))
        simulate_movie(**_MOVIE).save(folder)
    shutil.rmtree(folder / "results", ignore_errors=True)  # a part of them, which a run would not replace
    movie = open_movie(folder / _FILE)
    movie.name = "simulated recording"
    run(movie, folder / "results", VARAutoencoderConfig.preset(_PRESET), on_progress=on_progress)
    return folder / "results"
