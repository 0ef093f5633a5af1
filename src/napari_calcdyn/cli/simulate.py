"""``calcdyn simulate …``: simulate recordings with known dynamics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_calcdyn.recording.errors import InputError

from .options import Out, Seed
from .progress_bar import Show, progress_bar

if TYPE_CHECKING:
    from napari_calcdyn.simulate import SimulatedCultures
    from napari_calcdyn.simulate.movie import SimulatedMovie

app = typer.Typer(help="Simulate recordings with known dynamics or neuron types.", no_args_is_help=True)


@app.command("movie")
def movie(
    out: Out,
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 1000,
    height: Annotated[int, typer.Option(help="Height in pixels.")] = 128,
    width: Annotated[int, typer.Option(help="Width in pixels.")] = 128,
    noise: Annotated[str, typer.Option(metavar="[low|middle|high]", help="Level of shot noise.")] = "middle",
    seed: Seed = 0,
) -> None:
    """Simulate a two-photon recording with known cells and dynamics: movie.tif and truth.npz."""
    simulate_movie_to(out, frames=frames, height=height, width=width, noise=noise, seed=seed)
    print(f"The movie and the truth are in {out}: movie.tif and truth.npz.")


@app.command("culture")
def culture(
    out: Out,
    types: Annotated[
        str,
        typer.Option(help="Regular spiking, intrinsically bursting, chattering; separated by commas."),
    ] = "RS,IB,CH",
    cultures: Annotated[int, typer.Option(help="Cultures of each type.")] = 5,
    neurons: Annotated[int, typer.Option(help="Neurons in each culture.")] = 700,
    seconds: Annotated[float, typer.Option(help="Length of the traces in seconds.")] = 30.0,
    sigma: Annotated[float, typer.Option(help="Standard deviation of the noise (baseline 42).")] = 1.0,
    frame_rate: Annotated[float, typer.Option(help="Samples per second.")] = 50.0,
    seed: Seed = 0,
) -> None:
    """Simulate cultures of spiking neurons: traces.npy, clean.npy, neurons.csv and culture.json."""
    with progress_bar("Cancelled; nothing was written.") as show:
        simulated = simulate_cultures_to(
            out,
            show,
            kinds=[kind.strip() for kind in types.split(",")],
            cultures=cultures,
            neurons=neurons,
            seconds=seconds,
            sigma=sigma,
            frame_rate=frame_rate,
            seed=seed,
        )
    traces, samples = simulated.clean.shape
    print(f"The traces ({traces} of {samples} samples) and the true types are in {out}.")


def simulate_cultures_to(out: Path, show: Show, **options: Any) -> SimulatedCultures:
    """Simulate cultures and write them; replace only files of an earlier simulation."""
    from napari_calcdyn.simulate import simulate_cultures
    from napari_calcdyn.simulate.cultures import FILES

    foreign = [name for name in FILES if (out / name).exists()]
    if foreign and not (out / "culture.json").exists():
        raise InputError(f"{out} holds a {foreign[0]} that was not simulated: choose another folder.")
    simulated = simulate_cultures(**options, progress=lambda done, total: show("Simulating", done, total))
    show("Writing", 0, 0)
    simulated.save(out)
    return simulated


def simulate_movie_to(out: Path, **options: Any) -> SimulatedMovie:
    """Simulate a movie and write it; replace only a movie of an earlier simulation."""
    from napari_calcdyn.simulate import simulate_movie

    if (out / "movie.tif").exists() and not (out / "truth.npz").exists():
        raise InputError(f"{out} holds a movie.tif that was not simulated: choose another folder.")
    simulated = simulate_movie(**options)
    simulated.save(out)
    return simulated
