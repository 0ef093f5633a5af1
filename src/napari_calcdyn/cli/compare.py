"""``calcdyn compare``: test whether the dynamics are the same in two stretches or two recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import InputError

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_calcdyn.recording import Movie, RoiSet

    Conditions = tuple[list[range], list[range]]

_MOST_WORDS = 12  # of a column that are listed


@with_settings(VARAutoencoderConfig)
def compare(
    movie: Annotated[Path, typer.Argument(help="A TIFF or .npy file, or a folder of TIFFs.")],
    out: Out,
    movie2: Annotated[
        Path | None, typer.Argument(help="Another recording of the same field of view, for B.")
    ] = None,
    a: Annotated[
        str | None,
        typer.Option("--a", metavar="START:STOP", help="Frames of A, STOP excluded; several with commas."),
    ] = None,
    b: Annotated[
        str | None,
        typer.Option("--b", metavar="START:STOP", help="Frames of B, in MOVIE2 if it is given."),
    ] = None,
    behaviour: Annotated[
        Path | None,
        typer.Option(help="Table with a row for each frame, or with times, to define A and B."),
    ] = None,
    column: Annotated[str | None, typer.Option(help="Column of the table that defines A.")] = None,
    above: Annotated[float | None, typer.Option(help="A is where the column is above this.")] = None,
    value: Annotated[str | None, typer.Option(help="A is where the column has this value.")] = None,
    smooth: Annotated[
        int, typer.Option(min=1, help="Average a column of numbers over this many frames first.")
    ] = 1,
    rois: Annotated[
        Path | None,
        typer.Option(help=f"Compare the activities of ROIs in place of the model's latents: {ROIS_HELP}"),
    ] = None,
    model: SavedModel = None,
    preset: Preset = None,
    correct: Correct = None,
    permutations: Annotated[
        int, typer.Option(min=19, help="Number of draws of random signs for the blocks.")
    ] = 999,
    block: Annotated[str, typer.Option(metavar="[auto|FRAMES]", help="Frames in a block.")] = "auto",
    device: Device = "auto",
    seed: Seed = 0,
    channel: Channel = None,
    plane: Plane = None,
    frame_rate: FrameRate = None,
    dataset: Dataset = None,
    axes: Axes = None,
    **settings: Any,
) -> None:
    """Test whether the dynamics differ between two stretches, or two recordings of one field of view."""
    chosen = settings_or_model(VARAutoencoderConfig, preset, settings, model)
    length = _block(block)

    from napari_calcdyn.recording import open_movie
    from napari_calcdyn.recording.traces.agreement import open_rois_of

    paths = [movie] if movie2 is None else [movie, movie2]
    movies = [
        open_movie(path, channel=channel, plane=plane, frame_rate=frame_rate, dataset=dataset, axes=axes)
        for path in paths
    ]
    if behaviour is not None:
        if a is not None or b is not None or movie2 is not None:
            raise InputError("--behaviour defines A and B: leave out --a, --b and the second recording.")
        conditions = _from_behaviour(behaviour, column, above, value, smooth, movies[0])
    else:
        if column is not None or above is not None or value is not None or smooth > 1:
            raise InputError(
                "--column, --above, --value and --smooth need a table: name it with --behaviour."
            )
        conditions = _from_text(a, b, movies)
    cells: RoiSet | Literal["found"] | None = None
    if rois is not None:
        cells = "found" if cells_are_to_be_found(rois) else open_rois_of(movies[0], rois)
    for note in cells.notes if cells is not None and cells != "found" else ():
        print(note)
    with progress_bar() as show:
        from napari_calcdyn.jobs import run_compare
        from napari_calcdyn.models.var_autoencoder import VARAutoencoder

        using = VARAutoencoder.load(chosen, device=device) if isinstance(chosen, Path) else chosen
        found = run_compare(
            movies,
            *conditions,
            out,
            using,
            rois=cells,
            correct=correct,
            permutations=permutations,
            block=length,
            device=device,
            seed=seed,
            command_line=typed(),
            on_progress=tell_with(show),
        )
    say_corrections(found)
    say_cells_found(found)
    edges, effect = len(found["edges"]), found["effect"]
    less = f"{100 * effect:.2g} % smaller" if effect > 0 else "not smaller"
    print(
        f"p = {found['p_value']:.3g} for the same dynamics in A and B ({found['permutations']} draws of signs for"
        f" blocks of {found['block_length']} frames). With separate dynamics for A and B the one-step error is {less}"
        f" than by chance. {edges} connection{'s' * (edges != 1)} changed. {_livelier(found)}"
    )
    say_done(found["seconds"], out)


def _livelier(found: dict[str, Any]) -> str:
    """Say how many latents or ROIs are livelier in one of the stretches."""
    one = "ROI" if "rois" in found else "latent"
    if not found["louder"]:
        return f"No {one} is clearly livelier in A or in B."
    in_b = sum(it["ratio"] > 1 for it in found["louder"])
    in_a = len(found["louder"]) - in_b
    return f"Livelier {one}s: {in_a} in A, {in_b} in B (p = {found['loudness_p_value']:.3g})."


def _block(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise InputError(f"--block is “{text}”: give “auto” or a number of frames.")
    return int(text)


def _from_text(a: str | None, b: str | None, movies: list[Movie]) -> Conditions:
    from napari_calcdyn.recording.ranges import parse_ranges

    if len(movies) == 1 and (a is None or b is None):
        raise InputError("Say what to compare: --a 0:250 --b 250:500, a second recording, or --behaviour.")
    return parse_ranges(a or ":", movies[0].n_frames), parse_ranges(b or ":", movies[-1].n_frames)


def _from_behaviour(
    path: Path, column: str | None, above: float | None, value: str | None, smooth: int, movie: Movie
) -> Conditions:
    from napari_calcdyn.recording import open_behaviour
    from napari_calcdyn.recording.behaviour.behaviour import averaged, known, where
    from napari_calcdyn.recording.ranges import stretches

    table = open_behaviour(path, movie.n_frames, frame_rate=movie.frame_rate)
    if column is None or column not in table.columns:
        named = f"has no column “{column}”" if column is not None else "is a table of columns"
        raise InputError(f"{table.name} {named}: choose one with --column, {', '.join(table.columns)}.")
    values = table.columns[column]
    if smooth > 1:
        if values.dtype.kind != "f":
            raise InputError(f"{column} does not hold numbers: leave out --smooth.")
        values = averaged(values, smooth)
    if (above is None) == (value is None):
        raise InputError(f"Say which values of {column} define A, with either --above or --value.")
    holds, is_known = where(values, above=above, value=value), known(values)
    a, b = stretches(holds & is_known), stretches(~holds & is_known)
    if not (a and b):
        limit = f"above {above:g}" if above is not None else f"“{value}”"
        raise InputError(f"{column} is {'always' if a else 'never'} {limit}: {_holds(values[is_known])}.")
    return a, b


def _holds(values: NDArray[Any]) -> str:
    """Describe the known values of a column."""
    if not len(values):
        return "it is blank, choose another column"
    if values.dtype.kind == "f":
        return f"choose a number between {values.min():g} and {values.max():g}"
    words = sorted(set(values.astype(str).tolist()))
    return f"choose one of its values, {', '.join(words[:_MOST_WORDS])}{', …' * (len(words) > _MOST_WORDS)}"
