from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_calcdyn.models.var_autoencoder import tiled_frames
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.models.var_autoencoder.windows import NormalisedMovie
from napari_calcdyn.recording import Cancelled, Movie

NETWORK = PatchAutoencoder((13, 11), 9, 4)
ROUNDED = {"atol": 500 / 65534, "rtol": 1e-6}  # values up to 500, rounded to 1/32767 of the largest of a tile
RAW = np.random.default_rng(0).integers(1, 4000, (70, 13, 11), dtype=np.uint16)


def normalised(movie: Movie | None = None) -> NormalisedMovie:
    return NormalisedMovie(
        movie or Movie.from_array(RAW), RAW.mean(0, dtype=np.float32), 123.5, torch.device("cpu")
    )


@pytest.mark.parametrize("cached", [0, 50, 70])
def test_tiles_are_those_of_the_frames(cached: int) -> None:
    frames = TiledFrames(normalised(), NETWORK, cached_frames=[cached])
    torch.testing.assert_close(
        NETWORK.join(frames.tiles(40, 60).dense()), normalised().frames(40, 60), **ROUNDED
    )
    blocks = list(frames.batches(3, 70))
    assert sum(len(block) for _, block in blocks) == 67


def test_cached_and_streamed_stretches_are_equal() -> None:
    starts = [30, 0, 41, 12]
    cached, streamed = (TiledFrames(normalised(), NETWORK, cached_frames=[count]) for count in (50, 0))
    found = cached.stretches(starts, 9)
    torch.testing.assert_close(found.dense(), streamed.stretches(starts, 9).dense())
    torch.testing.assert_close(NETWORK.join(found.dense()[:, 18:27]), normalised().frames(41, 50), **ROUNDED)
    squares = torch.cat([normalised().frames(start, start + 9).square().sum((1, 2)) for start in starts])
    torch.testing.assert_close(cached.squares(starts, 9), squares, rtol=1e-5, atol=0)
    assert streamed.squares(starts, 9) is None


def test_stretches_are_parts_of_the_cache_and_no_copies() -> None:
    frames = TiledFrames(normalised(), NETWORK, cached_frames=[70])
    first, same = frames.stretches([5], 10), frames.stretches([5], 4)
    assert first.values.data_ptr() == same.values.data_ptr()


def test_pixels_that_do_not_count() -> None:
    frames = TiledFrames(normalised(), NETWORK)
    assert frames.pixels == 13 * 11
    raw = RAW.astype(np.float32)
    raw[:, 4, 5] = np.nan
    movie = Movie.from_array(raw).corrected(masked_pixels(4, 5))
    frames = TiledFrames(normalised(movie), NETWORK)
    assert frames.pixels == 13 * 11 - 1
    assert not NETWORK.join(frames.used[:, None])[0, 4, 5]
    assert frames.tiles(0, 70).dense().isfinite().all()


def masked_pixels(y: int, x: int):
    from napari_calcdyn.recording.movies import Corrections

    valid = np.ones(RAW.shape[1:], bool)
    valid[y, x] = False
    return Corrections(("pixels",), np.zeros(len(RAW), bool), valid)


def test_a_recording_too_large_for_the_device_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    movie = Movie.from_array(RAW)
    room = 2 * 70 * TiledFrames(normalised(), NETWORK).used.numel()
    for bytes_, expected in ((room, 0), (room - 1, 2)):
        monkeypatch.setattr(tiled_frames, "room_for_frames", lambda bytes_=bytes_: bytes_)
        frames = TiledFrames(normalised(movie), NETWORK, cached_frames=[70])
        asked = []
        monkeypatch.setattr(movie, "frames", lambda a, b, asked=asked: asked.append((a, b)) or RAW[a:b])
        frames.stretches([0, 20], 10)
        monkeypatch.undo()
        assert len(asked) == expected


def test_cutting_can_be_stopped() -> None:
    with pytest.raises(Cancelled):
        TiledFrames(normalised(), NETWORK, cached_frames=[70], progress=lambda done, total: True)


def test_of_a_long_recording_stretches_are_used_with_gaps_between_them(monkeypatch) -> None:
    raw = np.random.default_rng(0).integers(1, 1000, (1000, 8, 8)).astype(np.uint16)
    movie = NormalisedMovie(Movie.from_array(raw), np.zeros((8, 8), np.float32), 2.0, torch.device("cpu"))
    network = PatchAutoencoder((8, 8), 4, 2)
    frames = TiledFrames(movie, network)
    torch.testing.assert_close(
        network.join(frames.sample(1000, 5).dense()), torch.from_numpy(raw / np.float32(2)), **ROUNDED
    )
    monkeypatch.setattr(tiled_frames, "_MOST_SAMPLED", frames.used.numel() * 300)
    some = network.join(frames.sample(1000, 5).dense())
    assert 250 < len(some) < 360
    pieces = some.reshape(-1, 29, 8, 8)
    assert not pieces[:, 24:].any()
    torch.testing.assert_close(pieces[0, :24], torch.from_numpy(raw[:24] / np.float32(2)), **ROUNDED)
    torch.testing.assert_close(pieces[-1, :24], torch.from_numpy(raw[-24:] / np.float32(2)), **ROUNDED)
