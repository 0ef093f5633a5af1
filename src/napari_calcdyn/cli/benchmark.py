"""``calcdyn benchmark …``: repeat the experiments of the papers."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from .options import Device, Out, Seed
from .progress_bar import progress_bar

app = typer.Typer(help="Repeat the experiments of the papers.", no_args_is_help=True)


@app.callback()
def benchmark() -> None:
    """Repeat the experiments of the papers."""


@app.command("avae")
def avae(
    out: Out,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use a small part of the grid and few neurons; takes a minute.")
    ] = False,
    neurons: Annotated[int | None, typer.Option(help="Neurons per culture (700).", min=10)] = None,
    frame_rate: Annotated[float | None, typer.Option(help="Samples per second (50).", min=1)] = None,
    partitions: Annotated[int | None, typer.Option(help="Random partitions (10).", min=1)] = None,
    sigma: Annotated[
        list[float] | None, typer.Option(help="Noise levels σ, one per option (0.5, 1, 1.5, 2 and 2.5).")
    ] = None,
    latent: Annotated[
        list[int] | None,
        typer.Option(help="Numbers of latents D2, one per option (2, 4, 8 and 16)."),
    ] = None,
    beta: Annotated[
        list[float] | None, typer.Option(help="KL weights β, one per option (0, 0.5 and 1).")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of the default AVAE (60).", min=1)] = None,
    scaling: Annotated[
        str | None, typer.Option(metavar="[trace|recording]", help="Range for the scaling, Eq. 4 (trace).")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Number of trainings at a time, one processor each.", min=1)] = 1,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Compare the AVAE, the published network and PCA on simulated cultures, as in Fig. 3 to 5 of the paper.

    The same command continues an interrupted benchmark.
    """
    from napari_calcdyn.jobs.avae_benchmark.experiments import run_benchmark
    from napari_calcdyn.jobs.avae_benchmark.figures import draw_figures
    from napari_calcdyn.jobs.avae_benchmark.grid import QUICK, Grid
    from napari_calcdyn.recording import InputError

    if scaling not in (None, "trace", "recording"):
        raise InputError(f"Traces cannot be scaled per {scaling!r}: choose trace or recording.")
    sizes = {size[1]: size for size in Grid().sizes}
    if unknown := [number for number in latent or () if number not in sizes]:
        raise InputError(f"The paper has no network of {unknown[0]} latents: choose from 2, 4, 8 and 16.")
    if any(not 0 < value <= 100 for value in sigma or ()) or any(value < 0 for value in beta or ()):
        raise InputError("σ must be above 0 and at most 100, and β not below 0: give other numbers.")
    asked = {
        "neurons": neurons,
        "frame_rate": frame_rate,
        "partitions": partitions,
        "sigmas": tuple(sigma or ()) or None,
        "sizes": tuple(sizes[number] for number in latent or ()) or None,
        "betas": tuple(beta or ()) or None,
        "epochs": epochs,
        "scaling": scaling,
        "seed": seed,
    }
    changes = {name: value for name, value in asked.items() if value is not None}
    grid = dataclasses.replace(QUICK if quick else Grid(), **changes)  # type: ignore[arg-type]
    with progress_bar("Stopped. The same command continues from here.") as show:
        run_benchmark(
            grid,
            out,
            device=device,
            jobs=jobs,
            progress=lambda done, total: show("Training and measuring", done, total),
        )
        show("Drawing", 0, 0)
        draw_figures(grid, out, device=device)
    print(f"The tables and figures are in {out.resolve()}. Look at summary.md first.")
