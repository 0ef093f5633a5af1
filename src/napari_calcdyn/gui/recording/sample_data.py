"""The sample recording in napari's File > Open Sample menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.recording import Movie

from .layer_options import layer_options

if TYPE_CHECKING:
    from napari.types import LayerData


def simulated_recording() -> list[LayerData]:
    """Simulate a recording of 1,000 frames, 128 × 128 pixels, and the cells in it.

    Returns
    -------
    list of LayerData
        The movie, and the cells as labels, hidden at first: they are the answer. Their kind (dynamic, silent,
        flicker) shows in the status bar.
    """
    from napari_calcdyn.simulate.movie import simulate_movie

    simulated = simulate_movie()
    scale = simulated.pixel_size
    movie = Movie.from_array(
        simulated.movie, frame_rate=simulated.frame_rate, pixel_size=scale, name="simulated recording"
    )
    cells = {
        "name": "true cells",
        "visible": False,
        "features": {"index": np.arange(1, len(simulated.kind) + 1), "kind": simulated.kind},
        "scale": scale,
        "units": ("um", "um"),
        "axis_labels": ("y", "x"),
    }
    return [(simulated.movie, layer_options(movie), "image"), (simulated.labels, cells, "labels")]
