"""``calcdyn influence``: test which ROI drives which."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig

from .options import (
    ROIS_HELP,
    Axes,
    Channel,
    Correct,
    Dataset,
    Device,
    FrameRate,
    Out,
    Plane,
    Preset,
    SavedModel,
    Seed,
    cells_are_to_be_found,
    typed,
)
from .progress_bar import progress_bar, say_cells_found, say_corrections, say_done, tell_with
from .settings import settings_or_model, with_settings


@with_settings(VARAutoencoderConfig)
def influence(
    movie: Annotated[
        Path, typer.Argument(help="A TIFF, .npy, HDF5, NWB or .mat file, or a folder of TIFFs.")
    ],
    rois: Annotated[Path, typer.Option(help=f"ROIs: {ROIS_HELP}")],
    out: Out,
    model: SavedModel = None,
    preset: Preset = None,
    correct: Correct = None,
    surrogates: Annotated[int, typer.Option(min=19, help="Number of surrogates to test against.")] = 199,
    device: Device = "auto",
    seed: Seed = 0,
    channel: Channel = None,
    plane: Plane = None,
    frame_rate: FrameRate = None,
    dataset: Dataset = None,
    axes: Axes = None,
    **settings: Any,
) -> None:
    """Test which ROI drives which, and write the connections as a table and as a graph.

    Nothing is trained: of the settings, --order counts, and a model given with --model says what is corrected.
    """
    chosen = settings_or_model(VARAutoencoderConfig, preset, settings, model)

    from napari_calcdyn.recording import open_movie
    from napari_calcdyn.recording.traces.agreement import open_rois_of

    recording = open_movie(
        movie, channel=channel, plane=plane, frame_rate=frame_rate, dataset=dataset, axes=axes
    )
    find = cells_are_to_be_found(rois)
    roi_set = None if find else open_rois_of(recording, rois)
    for note in roi_set.notes if roi_set is not None else ():
        print(note)
    with progress_bar() as show:
        from napari_calcdyn.jobs import run_influence
        from napari_calcdyn.models.var_autoencoder import VARAutoencoder

        using = VARAutoencoder.load(chosen, device=device) if isinstance(chosen, Path) else chosen
        found = run_influence(
            recording,
            roi_set,
            out,
            using,
            correct=correct,
            surrogates=surrogates,
            seed=seed,
            command_line=typed(),
            on_progress=tell_with(show),
        )
    say_corrections(found)
    say_cells_found(found)
    edges = found["edges"]
    print(
        f"{edges} connection{'s' * (edges != 1)} between {found['rois']} ROIs at a family-wise p ≤ {found['alpha']:g}"
        f" ({found['surrogates']} surrogates, blocks of {found['block_length']} frames)."
    )
    say_done(found["seconds"], out)
