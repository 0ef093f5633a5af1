"""``calcdyn gui``: open the napari window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_calcdyn.recording import InputError


def gui(
    movie: Annotated[
        Path | None, typer.Argument(help="Recording to open; or a session, or the results of a command.")
    ] = None,
    results: Annotated[Path | None, typer.Option(help="Folder that `calcdyn run` wrote for it.")] = None,
) -> None:
    """Open napari with our panels, and with a recording and its results, or a session, if they are given."""
    if results is not None and movie is None:
        raise InputError("Results are shown over their recording: give the recording too.")
    for path in (movie, results):
        if path is not None and not path.exists():
            raise InputError(f"There is no file or folder {path}: check the path.")
    if not has_display():
        raise InputError("There is no display to open a window on: use `calcdyn run` instead.")
    try:
        from napari_calcdyn.gui.launch import show
    except ImportError as error:
        raise InputError(
            f'The window needs napari and Qt ({error}): pip install "napari-calcdyn[pyqt6]".'
        ) from error
    show(movie_path=movie, result_folder=results)


def has_display() -> bool:
    """Return whether a window can be opened."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
