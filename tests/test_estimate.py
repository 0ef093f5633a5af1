"""The estimate of a run before it begins: its sizes, its sentence, and what it refuses."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from commands import calcdyn, refused
from napari_calcdyn.jobs import estimate as module
from napari_calcdyn.jobs import run_sizes as sizes_module
from napari_calcdyn.jobs.estimate import Cost, _stages, check_memory, estimate
from napari_calcdyn.jobs.run_sizes import RunSizes
from napari_calcdyn.models.memory import limited_memory
from napari_calcdyn.models.var import Neighbourhoods
from napari_calcdyn.models.var.local_moments import moments_among
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig, tiled_frames
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.networks import new_network
from napari_calcdyn.models.var_autoencoder.objective import Objective
from napari_calcdyn.models.var_autoencoder.split import Split
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.models.var_autoencoder.windows import NormalisedMovie
from napari_calcdyn.recording import InputError, Movie


@pytest.fixture
def movie() -> Movie:
    pixels = np.random.default_rng(0).integers(0, 100, (300, 40, 56), dtype=np.uint16)
    return Movie.from_array(pixels, name="noise")


def large(movie: Movie, frames: int, side: int) -> Movie:
    """A recording of any size that takes no memory."""
    return Movie.from_array(np.broadcast_to(movie.frames(0, 1)[:1, :1, :1], (frames, side, side)))


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    "config",
    [
        VARAutoencoderConfig(latents=35, order=2, windows=6, window_length=20, steps=10),
        VARAutoencoderConfig(latents=300, order=3, steps=10),
    ],
)
def test_sizes_are_those_of_what_is_allocated(
    movie: Movie, config: VARAutoencoderConfig, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        for name in ("napari_calcdyn.jobs.run_sizes", tiled_frames.__name__):
            monkeypatch.setattr(f"{name}.room_for_frames", lambda: 0)
    run = RunSizes(movie, config)
    split = Split.of(movie, config)
    network = PatchAutoencoder(movie.frame_shape, config.latents or 0, config.kernels)
    normalised = NormalisedMovie(movie, movie.mean_frame(), 1.0, torch.device("cpu"))
    frames = TiledFrames(normalised, network, cached_frames=(split.training, split.known))
    cached = 0 if frames._cache is None else len(frames._cache)
    assert (run.kept, run.tiled_pixels) == (cached, frames.used.numel())
    assert run.kept == (split.known if kept else 0)
    assert run.sampled == len(frames.sample(split.training, 5))
    assert run.weights == sum(it.numel() for it in network.parameters())

    task = Objective(network, frames, split, config, 0, torch.zeros(frames.used.shape))
    stretches = frames.stretches(task._starts[0], task._length)
    assert run.step_frames == len(stretches)
    assert len(task._starts) == run.steps
    near = Neighbourhoods.if_many(network.centres, network.stride)
    assert run.sparse == (near is not None)
    assert run.predictors == len(task._weights)
    latents = torch.randn(run.step_frames // task._length // 2, task._length, run.latents)
    moments = moments_among(latents, config.order, near)
    assert run.var_samples == moments.samples
    table = moments.gram if near is None else moments.gram.table
    assert 0.95 * run.moments < table.numel() <= run.moments  # a small grid has no latent with all neighbours


def test_the_maps_of_a_convolutional_network_have_room_for_their_derivatives(movie: Movie) -> None:
    config = VARAutoencoderConfig(network="convolutional", latents=64, steps=10)
    run = RunSizes(large(movie, 300, 128), config)
    network = new_network(config, (128, 128), 64)
    with torch.no_grad():
        kept = 32 * 8 * sum(it.nbytes for it in network.slopes(torch.zeros(1, 64)))  # nodes, frames at a time
    assert kept < _stages(run)[0]["slopes"] < 4 * kept


def test_sizes_take_no_memory_for_the_weights(movie: Movie, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(
        sizes_module, "new_network", lambda *given: made.append(new_network(*given)) or made[-1]
    )
    for kind in ("footprints", "convolutional"):
        RunSizes(movie, VARAutoencoderConfig(network=kind, steps=10))
    assert all(it.is_meta for network in made for it in network.parameters())
    assert len(made) == 2


def test_the_speed_is_measured_however_long_the_process_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(
        range(0, 10_000, 100)
    )  # more than the time for measuring lies between any two looks at the clock
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    assert 0 < module._speed.__wrapped__() < float("inf")


def test_longer_training_and_larger_recordings_take_more(movie: Movie) -> None:
    usual = VARAutoencoderConfig(latents=256)
    first = estimate(movie, usual, device="cpu")
    assert first is not None
    assert 0.5 < first.gigabytes < 1
    for recording, config in (
        (movie, VARAutoencoderConfig(latents=256, steps=5000)),
        (large(movie, 3000, 256), usual),
        (movie, VARAutoencoderConfig(latents=256, order=5)),
    ):
        cost = estimate(recording, config, device="cpu")
        assert cost is not None
        assert cost.seconds > first.seconds
        assert cost.gigabytes >= first.gigabytes


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (7.4, "7 s"),
        (9.8, "10 s"),
        (38, "40 s"),
        (58, "1 min"),
        (170, "3 min"),
        (1400, "25 min"),
        (3590, "1 h"),
        (4900, "1 h 20 min"),
        (7200, "2 h"),
    ],
)
def test_a_cost_is_a_sentence(seconds: float, words: str) -> None:
    assert str(Cost(seconds, 1.34)) == f"About {words} and 1.3 GB of memory."


@pytest.mark.parametrize(
    ("frames", "side", "settings", "words"),
    [
        (
            8000,
            512,
            {"window_length": 1024},
            "the frames of a training step: choose fewer or shorter stretches",
        ),
        (8000, 64, {"latents": 256, "order": 20}, "choose a smaller order or fewer latents"),
        (200_000, 64, {"latents": 1000}, "the latents of all frames: choose fewer latents"),
        (500, 1024, {"latents": 4096}, "the maps of the sources: choose fewer latents"),
        (500, 2048, {"latents": 4}, "the network: choose fewer patch shapes, or more latents"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_setting_that_takes_most(
    movie: Movie,
    frames: int,
    side: int,
    settings: dict[str, int],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording, config = large(movie, frames, side), VARAutoencoderConfig(**settings)
    monkeypatch.setattr(module, "free_memory", lambda: 500.0)
    check_memory(recording, config, device="cpu")
    with (
        limited_memory(1.5),
        pytest.raises(InputError, match=rf"1\.5 GB is allowed.*{words}.*allow more memory"),
    ):
        check_memory(recording, config, device="cpu")
    monkeypatch.setattr(module, "free_memory", lambda: 1.5)
    with pytest.raises(InputError, match=rf"1\.5 GB is free.*{words}.*close other programs"):
        estimate(recording, config, device="cpu")


def test_the_command_line_says_it_once_on_a_terminal(
    movie: Movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    np.save(tmp_path / "noise.npy", movie.frames(0, 100))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    options = ("--out", tmp_path / "out", "--steps", 10, "--device", "cpu")
    assert calcdyn(monkeypatch, "run", tmp_path / "noise.npy", *options) == 0
    said = terminal.getvalue()
    assert said.count("GB of memory.") == 1
    assert said.index("GB of memory.") < said.index("Checking the recording")


def test_a_run_that_does_not_fit_is_refused_and_what_is_unfinished_stays(
    movie: Movie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "noise.npy", movie.frames(0, 300))
    out = tmp_path / "out"
    kept = out / ".unfinished-run" / "old.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    command = ("run", tmp_path / "noise.npy", "--out", out, "--latents", 256, "--order", 14, "--memory", 1)
    refused(monkeypatch, capsys, *command, "--device", "cpu", "--resume", words="allow more memory")
    assert kept.exists()
