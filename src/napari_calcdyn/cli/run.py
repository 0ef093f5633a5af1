"""``calcdyn run``: train the ℓ1-VAR autoencoder on a recording and compute its maps."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_calcdyn.models.var.gain import gain_in_words
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import InputError

from .options import (
    FOUND,
    ROIS_HELP,
    Axes,
    Channel,
    Correct,
    Dataset,
    Device,
    FrameRate,
    Memory,
    Movies,
    Out,
    Plane,
    Preset,
    Resume,
    SavedModel,
    Seed,
    cells_are_to_be_found,
    typed,
)
from .progress_bar import progress_bar, say_cells_found, say_corrections, say_done, say_on_terminal, tell_with
from .settings import settings_or_model, with_settings

if TYPE_CHECKING:
    from napari_calcdyn.recording import Movie, RoiSet

_CANCELLED = (
    "Cancelled; no results were written. `calcdyn run` with --resume goes on from the last checkpoint."
)


@with_settings(VARAutoencoderConfig)
def run(
    movie: Movies,
    out: Out,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Train one model on several recordings of one field of view, such as trials or days: each MOVIE is"
            " one. Without it, several files are one recording.",
        ),
    ] = False,
    preset: Preset = None,
    model: SavedModel = None,
    rois: Annotated[
        Path, typer.Option(help=f"ROIs between which connections are estimated: {ROIS_HELP}")
    ] = FOUND,
    correct: Correct = None,
    device: Device = "auto",
    seed: Seed = 0,
    resume: Resume = False,
    memory: Memory = None,
    channel: Channel = None,
    plane: Plane = None,
    frame_rate: FrameRate = None,
    dataset: Dataset = None,
    axes: Axes = None,
    **settings: Any,
) -> None:
    """Train on a recording and write contribution maps, dynamics, model and an overview picture."""
    chosen = settings_or_model(VARAutoencoderConfig, preset, settings, model)
    if together and len(movie) < 2:
        raise InputError("--together needs several recordings: name at least two, or leave it out.")

    from napari_calcdyn.recording import open_movie
    from napari_calcdyn.recording.traces.agreement import open_rois_of

    recordings = [
        open_movie(source, channel=channel, plane=plane, frame_rate=frame_rate, dataset=dataset, axes=axes)
        for source in (movie if together or len(movie) == 1 else [movie])
    ]
    roi_set = None if cells_are_to_be_found(rois) else open_rois_of(recordings[0], rois)
    for note in roi_set.notes if roi_set is not None else ():
        print(note)
    run_and_tell(
        recordings if together else recordings[0], out, chosen, device, seed, correct, resume, memory, roi_set
    )


def run_and_tell(
    movie: Movie | list[Movie],
    out: Path,
    model: VARAutoencoderConfig | Path,
    device: str,
    seed: int,
    correct: str | None = None,
    resume: bool = False,
    memory: float | None = None,
    rois: RoiSet | None = None,
) -> None:
    """Say what the job will take, run it with a progress bar, and print a summary."""
    from napari_calcdyn.jobs.result_folder import unfinished_folder

    # of several processes, the first one reports; other programs set RANK, too
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and int(os.environ.get("RANK", "0")) > 0:
        _help(movie, out, model, device, seed, memory)
        return
    if not resume and unfinished_folder(out, "run").exists():
        print(
            f"{out} holds an unfinished run, which this one replaces; --resume goes on with one.",
            file=sys.stderr,
        )
    with progress_bar(_CANCELLED) as show:
        from napari_calcdyn.jobs.maps import run as run_job
        from napari_calcdyn.models import processes
        from napari_calcdyn.models.var_autoencoder import VARAutoencoder

        chosen = VARAutoencoder.load(model, device=device) if isinstance(model, Path) else model
        with processes.together(device):
            metrics = run_job(
                movie,
                out,
                chosen,
                rois=rois,
                correct=correct,
                device=device,
                seed=seed,
                resume=resume,
                memory=memory,
                command_line=typed(),
                on_estimate=say_on_terminal,
                on_progress=tell_with(show),
            )
    say_corrections(metrics)
    say_cells_found(metrics)
    if metrics["network"] == "convolutional":
        print("Cells, and connections between them, need the network “footprints”, and were left out.")
    if metrics["rois"]:
        edges = metrics["roi_connections"]
        print(
            f"{edges} connection{'s' * (edges != 1)} between {metrics['rois']} ROIs at a family-wise"
            f" p ≤ {metrics['alpha']:g}; see connections.csv."
        )
    print(
        f"{metrics['latents']} latents. Measured on the held-out frames:"
        f" reconstruction error {metrics['reconstruction_error']:.4g},"
        f" prediction error {metrics['latent_prediction_error']:.3f},"
        f" latent signal-to-noise ratio {metrics['latent_snr']:.2f}. {gain_in_words(metrics)}"
    )
    if "gamma" in metrics:
        print(f"γ = {metrics['gamma']:.2g} was chosen by the budget; metrics.json has the whole trade-off.")
    for it in metrics.get("recordings", ()):
        print(
            f"{it['name']}, frames {it['start']}:{it['stop']}: reconstruction error {it['reconstruction_error']:.4g},"
            f" prediction error of the latents {it['latent_prediction_error']:.3f}."
        )
    say_done(metrics["seconds"], out)


def _help(
    movie: Movie | list[Movie],
    out: Path,
    model: VARAutoencoderConfig | Path,
    device: str,
    seed: int,
    memory: float | None,
) -> None:
    """Train together with the first of several processes, which writes the results."""
    from napari_calcdyn.jobs.maps import run as run_job
    from napari_calcdyn.models import processes
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder

    chosen = VARAutoencoder.load(model, device=device) if isinstance(model, Path) else model
    with processes.together(device):
        run_job(movie, out, chosen, device=device, seed=seed, memory=memory)
