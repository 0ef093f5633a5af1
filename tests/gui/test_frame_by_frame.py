from __future__ import annotations

import numpy as np
import pytest
from napari.components import Dims
from napari.layers import Image

from napari_calcdyn.gui.layers.frame_by_frame import FrameByFrame
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import Corrections

FRAMES = np.random.default_rng(0).integers(1, 999, (30, 12, 10)).astype(np.uint16)


@pytest.fixture
def shown() -> FrameByFrame:
    valid = np.ones((12, 10), bool)
    valid[3, 4] = False
    return FrameByFrame(
        Movie.from_array(FRAMES).corrected(Corrections(("pixels",), np.ones(30, bool), valid))
    )


def test_it_has_the_parts_of_the_movie(shown: FrameByFrame) -> None:
    whole = FRAMES.astype(np.float32)
    whole[:, 3, 4] = np.nan
    assert (shown.shape, shown.dtype, len(shown), shown.size) == ((30, 12, 10), np.float32, 30, 3600)
    for index in (
        7,
        -1,
        np.int64(4),
        (5, slice(2, 6), slice(None)),
        (5, 3, 4),
        slice(3, 9),
        slice(6, 7),
        (slice(29, 99), slice(2, 6)),
        slice(9, 9),
        (slice(None), 3, 4),
    ):
        np.testing.assert_array_equal(shown[index], whole[index])
    np.testing.assert_array_equal(np.asarray(shown), whole)
    with pytest.raises(IndexError):
        shown[30]


def test_a_step_in_time_reads_one_frame(shown: FrameByFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    read = shown.movie.frames
    monkeypatch.setattr(shown.movie, "frames", lambda a, b: asked.append((a, b)) or read(a, b))
    layer = Image(shown)
    asked.clear()
    layer._slice_dims(Dims(ndim=3, range=((0, 29, 1), (0, 11, 1), (0, 9, 1)), point=(7, 0, 0)))
    assert asked == [(7, 8)]
