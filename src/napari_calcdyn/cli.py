"""The command line, ``calcdyn``."""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from .models.config import VARAutoencoderConfig
from .recording.errors import InputError

# Everything heavy (torch, numba, matplotlib, napari) is imported by the command that needs it.
if TYPE_CHECKING:
    from .models.training import Progress
    from .recording import Movie

app = typer.Typer(
    help="See which activity in a two-photon recording follows rules, and which region drives which.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
simulate_app = typer.Typer(help="Make recordings whose answer is known.", no_args_is_help=True)
app.add_typer(simulate_app, name="simulate")

Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made if it does not exist.")]
Seed = Annotated[int, typer.Option(help="Same seed, same result.", min=0)]
PRESETS = "[quick|standard|thorough]"
DEVICES = "[auto|cuda|mps|cpu]"


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for every setting of the model, made from the settings' only definition."""

    def options() -> Iterator[inspect.Parameter]:
        for name, field in VARAutoencoderConfig.model_fields.items():
            kind, choices = _kind(field.annotation)
            extra = field.json_schema_extra
            flag = f"--{name.replace('_', '-')}"
            option = typer.Option(
                f"{flag}/--no-{flag[2:]}" if kind is bool else flag,
                help=f"{field.description}{f' Choices: {choices}.' if choices else ''}",
                rich_help_panel=str(extra["group"]) if isinstance(extra, dict) else None,
                show_default=False,
            )
            yield inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )

    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*own, *options()]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _kind(annotation: Any) -> tuple[Any, str]:
    """Return the type of a setting on the command line, and its choices in words."""
    if get_origin(annotation) is Literal:
        return str, ", ".join(get_args(annotation))
    return next((kind for kind in get_args(annotation) if kind is not type(None)), annotation), ""


@app.command()
@with_settings
def run(
    movie: Annotated[
        list[Path], typer.Argument(help="TIFF or .npy file, folder of TIFFs, or several TIFFs.")
    ],
    out: Out,
    preset: Annotated[
        str | None, typer.Option(metavar=PRESETS, help="Settings to start from; standard by default.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Apply this saved model, from an earlier run, instead of training one."),
    ] = None,
    device: Annotated[str, typer.Option(metavar=DEVICES, help="Where to compute.")] = "auto",
    seed: Seed = 0,
    channel: Annotated[int | None, typer.Option(help="Which channel, where there are several.")] = None,
    plane: Annotated[int | None, typer.Option(help="Which plane, where there are several.")] = None,
    frame_rate: Annotated[float | None, typer.Option(help="Frames per second, if not in the file.")] = None,
    **settings: Any,
) -> None:
    """Train on a recording and write contribution maps, dynamics, model and an overview picture."""
    changes = {name: value for name, value in settings.items() if value is not None}
    if model is not None and (preset or changes):
        raise InputError("A saved model keeps its settings: leave out either --model or the settings.")
    config = VARAutoencoderConfig.preset(preset or "standard", **changes)  # type: ignore[arg-type]

    from .recording import open_movie

    source = movie[0] if len(movie) == 1 else movie
    recording = open_movie(source, channel=channel, plane=plane, frame_rate=frame_rate)
    _run(recording, out, config if model is None else model, device, seed)


@app.command()
def demo(out: Out = Path("calcdyn-demo")) -> None:
    """Simulate a recording, run the whole job on it, and show the result where there is a display."""
    from .recording import open_movie

    _simulate(out, seed=0)
    print("Simulated a recording; now learning its dynamics, which takes about a minute.", flush=True)
    _run(open_movie(out / "movie.tif"), out, VARAutoencoderConfig.preset("standard"), "auto", 0)
    if not _has_display() or os.environ.get("CI"):
        return
    try:
        from .gui.launch import show
    except ImportError:
        return
    print("Opening napari; close its window to end.")
    show(movie_path=out / "movie.tif", result_folder=out)


@app.command()
def gui(
    movie: Annotated[Path | None, typer.Argument(help="Recording to open.")] = None,
    results: Annotated[Path | None, typer.Option(help="Folder that `calcdyn run` wrote for it.")] = None,
) -> None:
    """Open napari with the docks, and a recording and its results if they are given."""
    if results is not None and movie is None:
        raise InputError("Results are shown over their recording: give the recording too.")
    for path in (movie, results):
        if path is not None and not path.exists():
            raise InputError(f"There is no file or folder {path}: check the path.")
    if not _has_display():
        raise InputError("There is no display to open a window on: use `calcdyn run` instead.")
    try:
        from .gui.launch import show
    except ImportError as error:
        raise InputError(
            f'The window needs napari and Qt ({error}): pip install "napari-calcdyn[pyqt6]".'
        ) from error
    show(movie_path=movie, result_folder=results)


@simulate_app.command("movie")
def simulate_movie_command(
    out: Out,
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 1000,
    height: Annotated[int, typer.Option(help="Height in pixels.")] = 128,
    width: Annotated[int, typer.Option(help="Width in pixels.")] = 128,
    noise: Annotated[str, typer.Option(metavar="[low|middle|high]", help="Level of shot noise.")] = "middle",
    seed: Seed = 0,
) -> None:
    """Simulate a two-photon recording with known cells and dynamics: movie.tif and truth.npz."""
    _simulate(out, frames=frames, height=height, width=width, noise=noise, seed=seed)
    print(f"Written to {out}: movie.tif and truth.npz.")


def _simulate(out: Path, **options: Any) -> None:
    from .simulate.movie import simulate_movie

    if (out / "movie.tif").exists() and not (out / "truth.npz").exists():
        raise InputError(f"{out} holds a movie.tif that was not simulated: choose another folder.")
    simulate_movie(**options).save(out)


def _run(movie: Movie, out: Path, model: VARAutoencoderConfig | Path, device: str, seed: int) -> None:
    """Run the whole job with a progress bar, and say what came out."""
    try:
        with _progress_bar() as show:
            show("Starting", 0, 0)
            from .analysis.run import run as run_job
            from .models.var_autoencoder import VARAutoencoder

            def on_progress(progress: Progress) -> None:
                show(progress.stage, progress.step, progress.total)

            chosen = VARAutoencoder.load(model, device=device) if isinstance(model, Path) else model
            metrics = run_job(movie, out, chosen, device=device, seed=seed, on_progress=on_progress)
    except KeyboardInterrupt:
        print("Cancelled; no results were written.", file=sys.stderr)
        raise typer.Exit(130) from None
    measured = "all" if isinstance(model, Path) else "the held-out"
    print(
        f"{metrics['latents']} latents, {metrics['nonzeros']} connections; on {measured} frames"
        f" reconstruction error {metrics['reconstruction_error']:.4g},"
        f" prediction error {metrics['latent_prediction_error']:.3f},"
        f" latent signal-to-noise {metrics['latent_snr']:.2f}."
    )
    print(
        f"Done in {metrics['seconds']:.0f} s. The results are in {out.resolve()}; look at overview.png first."
    )


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar per stage on stderr, with the time that is left; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:24}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("to go"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        current: tuple[str, Any] | None = None

        def show(stage: str, done: int, total: int) -> None:
            nonlocal current
            if current is None or current[0] != stage:
                if current is not None:
                    task = bars.tasks[-1]
                    bars.update(current[1], total=task.total or 1, completed=task.total or 1)
                current = (stage, bars.add_task(stage, total=None))
            bars.update(current[1], completed=done, total=total or None)

        yield show


def _has_display() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main() -> None:
    """Run the command line; input that cannot be used ends it with one sentence and exit code 2."""
    # A cluster's scheduler ends a job with SIGTERM; what is unfinished is cleaned up then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except InputError as error:
        sys.exit(_say(str(error), 2))


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code
