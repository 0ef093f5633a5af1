from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_calcdyn.models.var_autoencoder import windows
from napari_calcdyn.models.var_autoencoder.windows import NormalisedMovie
from napari_calcdyn.recording import Movie

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def recording() -> tuple[Movie, np.ndarray, float]:
    raw = np.random.default_rng(0).integers(0, 4000, (70, 13, 11), dtype=np.uint16)
    return Movie.from_array(raw), raw.mean(0, dtype=np.float64).astype(np.float32), 123.5


def normalised(recording: tuple[Movie, np.ndarray, float]) -> NormalisedMovie:
    movie, offset, scale = recording
    return NormalisedMovie(movie, offset, scale, CPU)


def test_frames_are_normalised(recording) -> None:
    movie, offset, scale = recording
    frames = normalised(recording).frames(45, 55)
    assert frames.dtype == torch.float32
    expected = (movie.frames(45, 55).astype(np.float64) - offset) / scale
    np.testing.assert_allclose(frames.numpy(), expected, atol=1e-5)


def test_batches_cover_every_frame_once_and_stay_small(recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_BATCH_BYTES", 4 * 13 * 11 * 8)
    movie = normalised(recording)
    batches = list(movie.batches(3, 70))
    assert [start for start, _ in batches] == list(range(3, 70, 8))
    assert max(len(block) for _, block in batches) == 8
    assert torch.equal(torch.cat([block for _, block in batches]), movie.frames(3, 70))
