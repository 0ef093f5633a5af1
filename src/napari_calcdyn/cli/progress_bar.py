"""Progress of a long command on the terminal, and a last line about its results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_calcdyn.models.progress import Progress

Show = Callable[[str, int, int], None]
"""Called with the name of the stage, and the units of work done and in all.

A part that changes within a stage, such as the epoch, follows a comma.
"""


@contextmanager
def progress_bar(cancelled: str = "Cancelled; no results were written.") -> Iterator[Show]:
    """Show a bar per stage on stderr, with the time that is left; show nothing if stderr is not a terminal.

    Parameters
    ----------
    cancelled : str
        Printed when the user interrupts the work, which ends the command with exit code 130.

    Yields
    ------
    callable
        Takes the progress, as `Show`.
    """
    try:
        with _bars() as show:
            show("Starting", 0, 0)
            yield show
    except KeyboardInterrupt:
        print(cancelled, file=sys.stderr)
        raise typer.Exit(130) from None


def tell_with(show: Show) -> Callable[[Progress], None]:
    """Return a callback that shows a job's progress in the bar."""
    return lambda progress: show(progress.stage, progress.step, progress.total)


def say_on_terminal(what: object) -> None:
    """Print a sentence on stderr where the bars are shown, above them."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def say_corrections(found: dict[str, Any]) -> None:
    """Print what was corrected in a recording, and warn of what was found and is not corrected."""
    if found["corrected"]:
        print(found["corrected"])
    for text in found["findings"]:
        print(f"Warning, not corrected: {text}", file=sys.stderr)


def say_cells_found(found: dict[str, Any]) -> None:
    """Print how many cells a command found in the movie, if it did."""
    cells = found["cells_found"]
    if cells is not None:
        print(f"{cells} cell{'s were' if cells != 1 else ' was'} found in the movie; see cells_found.tif.")


def say_done(seconds: float, out: Path, first: str = "report.html") -> None:
    """Print how long a command took, and where its results are."""
    print(f"Done in {seconds:.0f} s. The results are in {out.resolve()}. Look at {first} first.")


@contextmanager
def _bars() -> Iterator[Show]:
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
        TextColumn("{task.description:32}"),
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
            name = stage.partition(",")[0]
            if current is None or current[0] != name:
                if current is not None:
                    task = bars.tasks[-1]
                    bars.update(current[1], total=task.total or 1, completed=task.total or 1)
                current = (name, bars.add_task(stage, total=None))
            bars.update(current[1], description=stage, completed=done, total=total or None)

        yield show
