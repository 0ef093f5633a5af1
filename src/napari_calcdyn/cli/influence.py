"""``calcdyn influence``: which ROI drives which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..models.config import VARAutoencoderConfig
from ..recording.errors import InputError
from .options import Device, Out, Seed
from .progress_bar import progress_bar
from .settings import given, with_settings

if TYPE_CHECKING:
    from ..models.training import Progress


@with_settings(VARAutoencoderConfig)
def influence(
    movie: Annotated[Path, typer.Argument(help="TIFF or .npy file, or folder of TIFFs.")],
    rois: Annotated[Path, typer.Option(help="Its ROIs: suite2p's folder, or ImageJ's .zip or .roi.")],
    out: Out,
    model: Annotated[
        Path | None, typer.Option(help="Use this saved model, from an earlier run, instead of training one.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="[quick|standard|thorough]", help="Settings to train with; standard by default."
        ),
    ] = None,
    surrogates: Annotated[int, typer.Option(min=19, help="How many surrogates to test against.")] = 199,
    device: Device = "auto",
    seed: Seed = 0,
    channel: Annotated[int | None, typer.Option(help="Which channel, where there are several.")] = None,
    plane: Annotated[int | None, typer.Option(help="Which plane, where there are several.")] = None,
    frame_rate: Annotated[float | None, typer.Option(help="Frames per second, if not in the file.")] = None,
    **settings: Any,
) -> None:
    """Test which ROI drives which, and write the connections as a table and as a graph."""
    changes = given(VARAutoencoderConfig, settings)
    if model is not None and (preset or changes):
        raise InputError("A saved model keeps its settings: leave out either --model or the settings.")
    config = VARAutoencoderConfig.preset(preset or "standard", **changes)

    from ..recording import open_movie, open_rois

    recording = open_movie(movie, channel=channel, plane=plane, frame_rate=frame_rate)
    regions = open_rois(rois, frame_shape=recording.frame_shape)
    with progress_bar() as show:
        from ..analysis.influence_run import run_influence
        from ..models.var_autoencoder import VARAutoencoder

        def on_progress(progress: Progress) -> None:
            show(progress.stage, progress.step, progress.total)

        using = config if model is None else VARAutoencoder.load(model, device=device)
        found = run_influence(
            recording,
            regions,
            out,
            using,
            surrogates=surrogates,
            device=device,
            seed=seed,
            on_progress=on_progress,
        )
    edges = found["edges"]
    print(
        f"{edges} connection{'s' * (edges != 1)} between {found['rois']} ROIs at a family-wise p ≤ {found['alpha']:g}"
        f" ({found['surrogates']} surrogates, blocks of {found['block_length']} frames)."
    )
    print(
        f"Done in {found['seconds']:.0f} s. The results are in {out.resolve()}; look at overview.png first."
    )
