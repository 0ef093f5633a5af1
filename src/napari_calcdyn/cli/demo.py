"""``calcdyn demo``: both models on simulated recordings."""

from __future__ import annotations

import os
from pathlib import Path

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig

from .gui import has_display
from .neurons import analyse_and_tell
from .options import Out
from .progress_bar import Show
from .run import run_and_tell
from .simulate import simulate_cultures_to, simulate_movie_to


def demo(out: Out = Path("calcdyn-demo")) -> None:
    """Run both models on simulated recordings, and show the first in napari if there is a display."""
    from napari_calcdyn.recording import RoiSet, Traces, open_movie, open_traces

    simulate_movie_to(out, seed=0)
    print("Simulated a recording. Training a model of its dynamics, which takes about a minute.", flush=True)
    run_and_tell(open_movie(out / "movie.tif"), out, VARAutoencoderConfig.preset("standard"), "auto", 0)

    def traces(show: Show) -> tuple[Traces, RoiSet | None]:
        cultures = {"cultures": 2, "neurons": 100, "frame_rate": 20.0}
        frame_rate = simulate_cultures_to(out / "cultures", show, **cultures).frame_rate
        return open_traces(out / "cultures" / "traces.npy", frame_rate=frame_rate), None

    print("Simulating six cultures of three types and training a model of their neurons.", flush=True)
    analyse_and_tell(traces, out / "neurons", AVAEConfig.preset("standard"), "auto", 0)
    if not has_display() or os.environ.get("CI"):
        return
    try:
        from napari_calcdyn.gui.launch import show
    except ImportError:
        return
    print("Opening napari. Close its window to end the demo.")
    show(movie_path=out / "movie.tif", result_folder=out)
