"""Two processes that train together end with the model of one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from safetensors.numpy import load_file

from napari_calcdyn import jobs
from napari_calcdyn.models import processes
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import InputError, Movie, open_movie
from napari_calcdyn.recording.quality import correct_movie
from napari_calcdyn.simulate import simulate_movie

SETTINGS: dict[str, dict[str, Any]] = {
    "footprints": {"latents": 12, "steps": 20, "gamma_budget": 0.05},
    "convolutional": {"latents": 12, "steps": 10, "kernels": 4, "windows": 4, "window_length": 12},
}
# What torchrun starts.
SCRIPT = """
import json, sys
from napari_calcdyn import VARAutoencoder, open_movie
from napari_calcdyn.models import processes

settings, movie, out = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
with processes.together("cpu"):
    for network, its in settings.items():
        model = VARAutoencoder(network=network, **its).fit(open_movie(movie), device="cpu")
        model.save(f"{out}-{network}-{processes.rank()}")
"""


def started(rank: int, port: int, *arguments: object) -> subprocess.Popen[str]:
    """Start one of two processes as torchrun does."""
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    each = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env=os.environ | places | each,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# Some 8 s, most of which the programs take to start.
def test_two_processes_train_the_model_of_one(tmp_path: Path) -> None:
    path, out = tmp_path / "movie.tif", tmp_path / "two"
    pixels = simulate_movie(frames=120, height=24, width=24, dynamic=2, silent=1, flicker=0, seed=2).movie
    tifffile.imwrite(path, pixels, photometric="minisblack")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [started(rank, port, json.dumps(SETTINGS), path, out) for rank in (0, 1)]
    said = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for network, settings in SETTINGS.items():
        one = VARAutoencoder(network=network, **settings).fit(open_movie(path), device="cpu")
        one.save(tmp_path / network)
        alone = load_file(tmp_path / network / "model.safetensors")
        for folder in (Path(f"{out}-{network}-{rank}") for rank in (0, 1)):
            two = VARAutoencoder.load(folder, device="cpu")
            for name in ("reconstruction_error", "latent_prediction_error", "picture_prediction_error"):
                assert two.metrics[name] == pytest.approx(one.metrics[name], rel=1e-5), (network, name)
            np.testing.assert_allclose(two.var.coefficients, one.var.coefficients, atol=1e-5)
            together = load_file(folder / "model.safetensors")
            for name, values in alone.items():
                most = 1e-5 * max(float(np.abs(values).max()), 1e-12)
                np.testing.assert_allclose(together[name], values, atol=most, err_msg=name)


def test_more_processes_than_graphics_cards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "3"), ("LOCAL_WORLD_SIZE", "3"), ("LOCAL_RANK", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="at most one process for each graphics card"), processes.together():
        pass


def test_a_process_that_is_not_the_first_trains_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Movie.from_array(
        simulate_movie(frames=80, height=16, width=16, dynamic=1, silent=0, flicker=0).movie
    )
    movie = correct_movie(stored, "none")
    answers: list[object] = []

    def agreed(find: Callable[[], object]) -> object:
        """Answer as the first process does, which has corrected the recording."""
        answers.append([movie.corrections] if not answers else find())
        return answers[-1]

    monkeypatch.setattr(processes, "rank", lambda: 1)
    monkeypatch.setattr(processes, "shares", lambda length: [range(0), range(length)])
    monkeypatch.setattr(processes, "agreed", agreed)
    network = VARAutoencoderConfig(network="convolutional", latents=4, steps=10, kernels=2)
    assert jobs.run(stored, tmp_path / "out", network, device="cpu") == {}
    assert len(answers) > 5  # it trained
    assert not (tmp_path / "out").exists()
