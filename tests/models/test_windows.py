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


def normalised(recording: tuple[Movie, np.ndarray, float], cached_frames: int) -> NormalisedMovie:
    movie, offset, scale = recording
    return NormalisedMovie(movie, offset, scale, CPU, cached_frames=cached_frames)


@pytest.mark.parametrize("cached", [0, 50, 70])
def test_frames_are_normalised(recording, cached: int) -> None:
    movie, offset, scale = recording
    frames = normalised(recording, cached).frames(45, 55)
    assert frames.dtype == torch.float32
    expected = (movie.frames(45, 55).astype(np.float64) - offset) / scale
    np.testing.assert_allclose(frames.numpy(), expected, atol=1e-5)


def test_cached_and_streamed_are_equal(recording) -> None:
    cached, streamed = normalised(recording, 50), normalised(recording, 0)
    starts = torch.tensor([30, 0, 41, 12])
    assert torch.equal(cached.windows(starts, 9), streamed.windows(starts, 9))
    # across the end of what is cached
    assert torch.equal(cached.frames(40, 60), streamed.frames(40, 60))


def test_windows_are_stretches_of_frames(recording) -> None:
    movie = normalised(recording, 70)
    found = movie.windows(torch.tensor([5, 61]), 9)
    assert found.shape == (2, 9, 13, 11)
    assert torch.equal(found[0], movie.frames(5, 14))
    assert torch.equal(found[1], movie.frames(61, 70))


def test_batches_cover_every_frame_once_and_stay_small(recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_BATCH_BYTES", 4 * 13 * 11 * 8)
    movie = normalised(recording, 0)
    batches = list(movie.batches(3, 70))
    assert [start for start, _ in batches] == list(range(3, 70, 8))
    assert max(len(block) for _, block in batches) == 8
    assert torch.equal(torch.cat([block for _, block in batches]), movie.frames(3, 70))


def test_a_recording_too_large_for_the_device_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = np.zeros((40, 16, 16), np.uint16)
    movie = Movie.from_array(raw)
    frame_bytes = 4 * 16 * 16
    for room, expected in ((40 * frame_bytes, 0), (40 * frame_bytes - 1, 2)):
        monkeypatch.setattr(windows, "_CACHE_BYTES", room)
        frames = NormalisedMovie(movie, np.zeros((16, 16), np.float32), 1.0, CPU, cached_frames=40)
        asked = []
        monkeypatch.setattr(movie, "frames", lambda a, b, asked=asked: asked.append((a, b)) or raw[a:b])
        frames.windows(torch.tensor([0, 20]), 10)
        monkeypatch.undo()
        assert len(asked) == expected
