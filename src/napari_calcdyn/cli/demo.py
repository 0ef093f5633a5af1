"""``calcdyn demo``: everything once, on a simulated recording."""

from __future__ import annotations

import os
from pathlib import Path

from ..models.config import VARAutoencoderConfig
from .gui import has_display
from .options import Out
from .run import run_and_tell
from .simulate import simulate_movie_to


def demo(out: Out = Path("calcdyn-demo")) -> None:
    """Simulate a recording, run the whole job on it, and show the result where there is a display."""
    from ..recording import open_movie

    simulate_movie_to(out, seed=0)
    print("Simulated a recording; now learning its dynamics, which takes about a minute.", flush=True)
    run_and_tell(open_movie(out / "movie.tif"), out, VARAutoencoderConfig.preset("standard"), "auto", 0)
    if not has_display() or os.environ.get("CI"):
        return
    try:
        from ..gui.launch import show
    except ImportError:
        return
    print("Opening napari; close its window to end.")
    show(movie_path=out / "movie.tif", result_folder=out)
