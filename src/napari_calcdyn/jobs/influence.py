"""Job that tests the connections between ROIs, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_calcdyn.analysis.influence.edge_test import SURROGATES
from napari_calcdyn.analysis.influence.influence import influence_of
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.models.sources import NO_CELLS
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.writing import writing

from .cells_found import rois_with_activity
from .correcting import corrected
from .provenance import provenance
from .result_folder import result_folder
from .saved.influence import save_influence
from .stages import in_stage


class InfluenceSettings(BaseModel):
    """What the connections depend on."""

    order: int
    surrogates: int


def run_influence(
    movie: Movie,
    rois: RoiSet | None,
    folder: str | Path,
    model: VARAutoencoderConfig | VARAutoencoder,
    *,
    correct: str | None = None,
    surrogates: int = SURROGATES,
    seed: int = 0,
    command_line: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Test the connections between ROIs, and write the results.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet or None
        Its ROIs; None finds cells in the corrected recording.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["influence"]``, all or none; and the cells, where they are found.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings, of which the order is used; or a fitted model, as whose recording this one is corrected.
    correct : str, optional
        What to correct in the recording; see `jobs.correcting.corrected`.
    surrogates : int
        Number of surrogates to test against.
    seed : int
        Of the surrogates.
    command_line : str, optional
        What was typed, for the report; None in Python and in the window.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.

    Returns
    -------
    dict
        Content of ``influence.json``.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size, no cells are found, the recording cannot be used, or the folder
        cannot be written or holds other files.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)

    if rois is not None:
        rois.check_frame_shape(movie.frame_shape)
    with result_folder(folder, "influence") as new:
        stored = movie
        [movie] = corrected([movie], correct, model, tell)
        config = model.config if isinstance(model, VARAutoencoder) else model
        settings = InfluenceSettings(order=config.order, surrogates=surrogates)
        known = rois_with_activity(movie, rois, tell)
        if known is None:
            raise InputError(NO_CELLS)
        rois, activity = known
        influence = influence_of(
            fit_activity_var(activity, settings.order),
            activity,
            rois,
            settings.order,
            surrogates=surrogates,
            seed=seed,
            progress=in_stage(tell, "Testing connections"),
        )
        tell(Progress("Writing the results"))
        metrics = {
            "order": settings.order,
            "surrogates": surrogates,
            "seed": seed,
            "seconds": round(time.monotonic() - start, 3),
            **provenance([stored, rois], settings, seed=seed, command_line=command_line),
        }
        with writing(folder):
            save_influence(new, movie, rois, influence, metrics)
    return metrics
