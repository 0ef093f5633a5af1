"""Job that trains or applies a model and maps contributions, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models import processes
from napari_calcdyn.models.memory import limited_memory
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import drive
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.held_out import guess_by, held_out_errors
from napari_calcdyn.models.var_autoencoder.split import check_each_held_out
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.movies import join, recorded_frames
from napari_calcdyn.recording.writing import writing

from .between_rois import look_between_rois
from .correcting import corrected
from .estimate import Cost, estimate
from .peak_memory import peak_rss_mb
from .provenance import provenance
from .result_folder import result_folder
from .saved.run import save_run
from .several_processes import corrected_by_first, help_to_train, one_of_all
from .stages import in_stage
from .together import look_at_each
from .unfinished import described, unfinished_run


def run(
    movie: Movie | Sequence[Movie],
    folder: str | Path,
    model: VARAutoencoderConfig | VARAutoencoder,
    *,
    rois: RoiSet | None = None,
    correct: str | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    memory: float | None = None,
    command_line: str | None = None,
    on_estimate: Callable[[Cost], object] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Train a model on a recording or apply one, compute its maps, and write the results.

    Parameters
    ----------
    movie : Movie, or sequence of Movie
        The recording; or recordings of one field of view, such as trials or days, which get one model.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["run"]``, all or none.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings to train with, or a fitted model to apply as it is.
    rois : RoiSet, optional
        ROIs of the recording, between which connections are estimated; by default cells are found.
    correct : str, optional
        What to correct in the recording; see `jobs.correcting.corrected`.
    device : str
        Where to train: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    seed : int
        Of weights and batches.
    resume : bool
        Go on with the run in this folder that was killed or cancelled, if there is one, from what it kept: the checked
        recording, and the state of the training every 20 s. Otherwise begin anew.
    memory : float, optional
        GB of memory that the run may take; see `models.memory.memory_budget`.
    command_line : str, optional
        What was typed, for the report; None in Python and in the window.
    on_estimate : callable, optional
        Called with what the run will take, before anything is computed; not with a graphics card.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.

    Returns
    -------
    dict
        Content of ``metrics.json``; empty in a process that only helps to train (see `models.processes`). Predictions
        are measured on the held-out frames, also those of a model that is applied; its reconstruction is measured on
        all frames of this recording.

    Raises
    ------
    InputError
        If the recording cannot be used, several differ in size or frame rate, the ROIs belong to frames of another
        size, or the network is not linear and there are ROIs, the memory is too little for the settings, there is no
        such device, the folder cannot be written or holds other files, or the run to go on with was another one; all
        but the first are checked before anything is computed.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)
    settings = model.config if isinstance(model, VARAutoencoder) else model
    recordings = [movie] if isinstance(movie, Movie) else list(movie)
    stored = recordings[0] if len(recordings) == 1 else join(recordings, levelled=False)
    if processes.rank() > 0:
        with limited_memory(memory):
            help_to_train(recordings, model, device, seed)
        return {}
    if rois is not None:
        rois.check_frame_shape(stored.frame_shape)
        if settings.network == "convolutional":
            raise InputError(
                "Connections between ROIs need a linear network: choose the network “footprints”, or give no ROIs."
            )

    with (
        limited_memory(memory),
        result_folder(folder, "run") as new,
        unfinished_run(new.parent, described(stored, model, correct, device, seed), resume) as kept,
    ):
        cost = estimate(stored, model, device=device)
        if cost is not None and on_estimate is not None:
            on_estimate(cost)
        usable = corrected_by_first(
            recordings,
            lambda: kept.corrected(recordings, lambda those: corrected(those, correct, model, tell)),
        )
        movie = one_of_all(usable, tell)
        made = provenance(
            [*recordings, *([] if rois is None else [rois])],
            settings,
            seed=seed,
            device=device,
            command_line=command_line,
        )
        history: list[Progress] = []
        if isinstance(model, VARAutoencoder):
            fitted = model
            if len(movie.parts) > 1:  # a single one is measured on all frames
                check_each_held_out(movie, settings)
            statistics = movie.statistics(in_stage(tell, "Computing the mean frame"))
            statistics.check_dynamic(movie.name)
        else:
            fit = VARAutoencoder(model).fit_steps(movie, device=device, seed=seed, keeper=kept)
            fitted, history = drive(fit, tell)
        latents = fitted.encode(movie, in_stage(tell, "Encoding every frame"))
        metrics = fitted.metrics | (_errors(fitted, movie, latents) if fitted is model else {})
        between = look_between_rois(movie, fitted, latents, rois, seed, tell)
        metrics |= between.metrics
        each = look_at_each(movie, fitted, latents, between, tell)
        if each:
            metrics["recordings"] = [it.metrics for it in each]

        tell(Progress("Writing the results"))
        with writing(folder):
            metrics |= {
                "seconds": round(time.monotonic() - start, 3),
                "peak_rss_mb": peak_rss_mb(),
                **made,
            }
            save_run(new, movie, fitted, latents, between, history, metrics, each=each)
    return metrics


def _errors(model: VARAutoencoder, movie: Movie, latents: NDArray[np.float32]) -> dict[str, Any]:
    """Measure a model on a recording that it was not trained on."""
    network, var = model.network, model.var
    frames = TiledFrames(model.normalised(movie), network)
    return {
        "frames": recorded_frames(movie),
        "device": model.device.type,
        **held_out_errors(
            network, frames, latents, var.order, model.scale, var.order, guess_by(var, latents)
        ),
    }
