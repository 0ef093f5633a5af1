"""How far a long command has come, on the terminal, and where its results are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_calcdyn.models.training import Progress

Show = Callable[[str, int, int], None]
"""Called with the stage in words, and the units of work done and in all.

What changes within a stage, such as the epoch, follows a comma.
"""


@contextmanager
def progress_bar(cancelled: str = "Cancelled; no results were written.") -> Iterator[Show]:
    """Show a bar per stage on stderr, with the time that is left; nothing where that is no terminal.

    Parameters
    ----------
    cancelled : str
        Said when the user interrupts the work, which ends the command with exit code 130.

    Yields
    ------
    callable
        To be told of progress.
    """
    try:
        with _bars() as show:
            show("Starting", 0, 0)
            yield show
    except KeyboardInterrupt:
        print(cancelled, file=sys.stderr)
        raise typer.Exit(130) from None


def tell_with(show: Show) -> Callable[[Progress], None]:
    """Return what a job is given to tell of its progress, so that the bar shows it."""
    return lambda progress: show(progress.stage, progress.step, progress.total)


def say_done(seconds: float, out: Path) -> None:
    """Say how long a command took, and where to look."""
    print(f"Done in {seconds:.0f} s. The results are in {out.resolve()}; look at overview.png first.")


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
