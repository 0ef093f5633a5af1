"""``calcdyn demo``: everything once, on a simulated recording."""

from __future__ import annotations

import os
from pathlib import Path

from ..models.avae_config import AVAEConfig
from ..models.config import VARAutoencoderConfig
from .gui import has_display
from .neurons import analyse_and_tell
from .options import Out
from .progress_bar import Show
from .run import run_and_tell
from .simulate import simulate_movie_to


def demo(out: Out = Path("calcdyn-demo")) -> None:
    """Simulate a recording, run the whole job on it, and show the result where there is a display."""
    from ..recording import RoiSet, Traces, delta_f_over_f, extract_traces, open_movie

    simulated = simulate_movie_to(out, seed=0)
    movie = open_movie(out / "movie.tif")
    print("Simulated a recording; now learning its dynamics, which takes about a minute.", flush=True)
    run_and_tell(movie, out, VARAutoencoderConfig.preset("standard"), "auto", 0)

    def cells(show: Show) -> tuple[Traces, RoiSet]:
        rois = RoiSet.from_labels(simulated.labels, name="simulated cells")
        fluorescence = extract_traces(movie, rois, progress=lambda *at: show("Extracting traces", *at))
        return delta_f_over_f(fluorescence), rois

    print("Now its single neurons.", flush=True)
    analyse_and_tell(cells, out / "neurons", AVAEConfig.preset("standard"), "auto", 0)
    if not has_display() or os.environ.get("CI"):
        return
    try:
        from ..gui.launch import show
    except ImportError:
        return
    print("Opening napari; close its window to end.")
    show(movie_path=out / "movie.tif", result_folder=out)
