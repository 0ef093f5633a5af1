from __future__ import annotations

import numpy as np
from napari.layers import Layer

from napari_calcdyn.gui.recording.sample_data import simulated_recording


def test_sample_is_a_movie_and_its_hidden_cells_in_the_same_place():
    movie, cells = (Layer.create(*layer) for layer in simulated_recording())
    assert movie.data.shape == (1000, 128, 128)
    assert movie.metadata["frame_rate"] == 10
    low, high = movie.contrast_limits
    assert movie.data.min() <= low < high <= movie.data.max()
    assert not cells.visible
    np.testing.assert_array_equal(cells.scale, movie.scale[1:])
    assert cells.units == movie.units[1:]
    cells.visible = True
    row, column = np.argwhere(cells.data == 1)[0]
    assert "kind: dynamic" in cells.get_status((float(row), float(column)))["coordinates"]
    # What is bright in the cells is bright in the movie.
    mean = movie.data.mean(0)
    assert mean[cells.data > 0].mean() > 1.3 * mean[cells.data == 0].mean()
