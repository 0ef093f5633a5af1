"""``calcdyn simulate …``: recordings whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..recording.errors import InputError
from .options import Out, Seed

app = typer.Typer(help="Make recordings whose answer is known.", no_args_is_help=True)


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
    print(f"Written to {out}: movie.tif and truth.npz.")


def simulate_movie_to(out: Path, **options: Any) -> None:
    """Simulate a movie and write it, where that replaces nothing but another simulated one."""
    from ..simulate.movie import simulate_movie

    if (out / "movie.tif").exists() and not (out / "truth.npz").exists():
        raise InputError(f"{out} holds a movie.tif that was not simulated: choose another folder.")
    simulate_movie(**options).save(out)
