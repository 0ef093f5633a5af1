"""Job that checks a recording, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_calcdyn.jobs.overviews.quality import save_overview
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.quality import check_quality, corrections_for, first_look
from napari_calcdyn.recording.writing import writing

from .result_folder import result_folder, write_metrics
from .stages import in_stage


def run_check(
    movie: Movie, folder: str | Path, *, on_progress: Callable[[Progress], None] | None = None
) -> dict[str, Any]:
    """Measure what is wrong with a recording, take a first look, and write the results.

    Parameters
    ----------
    movie : Movie
        The recording as it is stored.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["check"]``, all or none.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.

    Returns
    -------
    dict
        Content of ``quality.json``.

    Raises
    ------
    InputError
        If nothing of the recording can be used, or the folder cannot be written or holds other files.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)
    with result_folder(folder, "check") as new:
        quality = check_quality(movie, progress=in_stage(tell, "Checking the recording"))
        corrections = corrections_for(quality)
        look = first_look(movie.corrected(corrections), in_stage(tell, "Taking a first look"))
        tell(Progress("Writing the results"))
        with writing(folder):
            save_overview(new / "quality.png", movie, quality, corrections, look)
            found = {
                "movie": str(movie.path or movie.name),
                **quality.record(),
                "corrections": list(corrections.kinds),
                "seconds": round(time.monotonic() - start, 3),
            }
            write_metrics(new, "check", found)
    return found
