"""What a training step costs, and which part of it the VAR and its lasso take.

Two runs on the same movie take turns, one with the prediction term (end-to-end) and one without (two-stage),
and every step of both is timed from the end of the step before; checks on held-out frames are left out. The
lasso is timed alone, forward and backward, on latents of the trained model. With CUDA there is a large movie
too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Generator

import numpy as np
import torch
from report import save
from torch.optim.optimizer import register_optimizer_step_post_hook

from napari_calcdyn import Movie
from napari_calcdyn.models.lasso import solve_lasso
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var import penalty_weights
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.prediction import (
    detached,
    draw_windows,
    estimate_var,
    universal_penalty,
)
from napari_calcdyn.simulate import simulate_movie

MODES = ("end-to-end", "two-stage")
Row = dict[str, object]


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class TurnTaking:
    """Runs that take turns, so that whatever else the machine does meets all of them alike."""

    def __init__(self, movie: Movie, config: VARAutoencoderConfig, device: str) -> None:
        self.device = device
        self.runs: dict[str, Generator[Progress, None, VARAutoencoder]] = {
            mode: VARAutoencoder(config.model_copy(update={"mode": mode})).fit_steps(movie, device=device)
            for mode in MODES
        }
        self.seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
        self.models: dict[str, VARAutoencoder] = {}
        self._turn, self._last = MODES[0], 0.0

    def finish(self) -> None:
        """Run all to their end."""
        hook = register_optimizer_step_post_hook(self._step_done)
        while len(self.models) < len(self.runs):
            for mode, run in self.runs.items():
                if mode in self.models:
                    continue
                wait(self.device)
                self._turn, self._last = mode, time.perf_counter()
                try:
                    next(run)
                except StopIteration as end:
                    self.models[mode] = end.value
        hook.remove()

    def median(self, mode: str) -> float:
        """Median time of the last half of the steps, in which the prediction counts fully."""
        steps = self.seconds[mode]
        return float(np.median(steps[len(steps) // 2 :]))

    def _step_done(self, *_: object) -> None:
        wait(self.device)
        now = time.perf_counter()
        self.seconds[self._turn].append(now - self._last)
        self._last = now


def time_lasso(model: VARAutoencoder, movie: Movie, repeats: int) -> float:
    """Median time of the lasso and its gradient on moments of batches, each started from the one before."""
    config, network = model.config, model.network
    device = model.device.type
    weights = penalty_weights(
        network.centres,
        network.stride,
        config.order,
        distance_penalty=config.distance_penalty,
        penalise_own_past=config.penalise_own_past,
    )
    weights = weights.float().to(device)
    latents = torch.from_numpy(model.encode(movie)).to(device)
    draw = torch.Generator().manual_seed(0)
    times: list[float] = []
    memory = None
    for _ in range(repeats):
        starts = draw_windows(len(latents), config.window_length, config.windows, draw)[::2].tolist()
        windows = torch.stack([latents[start : start + config.window_length] for start in starts])
        estimate = detached(estimate_var(windows, config.order, weights, memory=memory, span=len(latents)))
        moments = estimate.moments
        penalty = universal_penalty(len(moments.gram), moments.samples)
        gram, cov = moments.gram.clone().requires_grad_(), moments.cov.clone().requires_grad_()
        before = None if memory is None else memory.coefficients
        direction = torch.randn_like(cov)
        wait(device)
        start = time.perf_counter()
        solve_lasso(gram, cov, penalty, weights=weights, warm_start=before).backward(direction)
        wait(device)
        times.append(time.perf_counter() - start)
        memory = estimate
    return float(np.median(times))


def cost_of_a_step(movie: Movie, config: VARAutoencoderConfig, device: str) -> Row:
    """Time steps with and without the prediction term."""
    turns = TurnTaking(movie, config, device)
    turns.finish()
    with_term, without = (turns.median(mode) for mode in MODES)
    model = turns.models["end-to-end"]
    lasso = time_lasso(model, movie, repeats=50)
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "frames": "{} × {} × {}".format(*movie.shape),
        "latents": model.metrics["latents"],
        "order": config.order,
        "step ms": 1e3 * with_term,
        "without VAR ms": 1e3 * without,
        "VAR %": 100 * (1 - without / with_term),
        "lasso alone ms": 1e3 * lasso,
        "lasso %": 100 * lasso / with_term,
        "frames per second": config.windows * config.window_length / with_term,
    }


def peak_gpu_memory(movie: Movie, config: VARAutoencoderConfig) -> float:
    """Highest memory of tensors on the GPU over a whole fit, the movie included, in GB."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    finish(VARAutoencoder(config).fit_steps(movie, device="cuda"))
    return torch.cuda.max_memory_allocated() / 1e9


def finish(run: Generator[Progress, None, VARAutoencoder]) -> VARAutoencoder:
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value


def agreement(movie: Movie, config: VARAutoencoderConfig) -> list[Row]:
    """How far CPU and GPU are apart: the same weights, and the same training."""
    on_gpu, on_cpu = (
        finish(VARAutoencoder(config).fit_steps(movie, device=device)) for device in ("cuda", "cpu")
    )
    with tempfile.TemporaryDirectory() as folder:
        on_gpu.save(f"{folder}/model")
        moved = VARAutoencoder.load(f"{folder}/model", device="cpu")
    some = movie.frames(0, 64)
    latents = moved.encode(some)
    rows: list[Row] = [
        {"quantity": "latents, same weights", "relative difference": apart(on_gpu.encode(some), latents)},
        {
            "quantity": "reconstruction, same weights",
            "relative difference": apart(on_gpu.decode(latents), moved.decode(latents)),
        },
    ]
    for name in ("reconstruction_error", "latent_prediction_error"):
        one, other = (float(model.metrics[name]) for model in (on_gpu, on_cpu))
        what = f"{name.replace('_', ' ')} after {config.steps} steps from one seed"
        rows.append({"quantity": what, "relative difference": abs(one / other - 1)})
    return rows


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(one - other).max() / other.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, a smaller movie on the GPU")
    quick: bool = parser.parse_args().quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    command = f"python benchmarks/train.py{option}"
    cuda = torch.cuda.is_available()

    # The prediction counts from the start and nothing ends early, so no step is wasted.
    config = VARAutoencoderConfig(
        latents=64, order=2, warm_up=0, steps=120 if quick else 600, patience=1000, held_out=0.05
    )
    small = Movie.from_array(simulate_movie(frames=600, height=64, width=64, seed=0).movie)
    rows = [cost_of_a_step(small, config, device) for device in ("cpu", *["cuda"] * cuda)]
    note = (
        f"Medians over steps of {config.windows} windows of {config.window_length} frames; on the CPU"
        f" {torch.get_num_threads()} threads."
    )
    save(f"train{suffix}", rows, command=command, notes=note)
    if not cuda:
        print(
            "There is no CUDA device here: the table of the large movie and the agreement were not measured."
        )
        return

    frames, size, latents = (500, 128, 256) if quick else (5000, 512, 1024)
    config = config.model_copy(update={"latents": latents, "order": 1, "steps": 60 if quick else 300})
    large = Movie.from_array(simulate_movie(frames=frames, height=size, width=size, seed=0).movie)
    peak = peak_gpu_memory(large, config.model_copy(update={"steps": 20}))
    row = cost_of_a_step(large, config, "cuda") | {"peak GPU memory GB": peak}
    note = "The movie stays on the GPU as float32 and is part of the peak."
    save(f"train_gpu{suffix}", [row], command=command, notes=note)
    same = agreement(small, VARAutoencoderConfig(latents=64, order=2, steps=40))
    note = "Largest difference over the standard deviation; of the errors, their ratio less 1."
    save(f"train_agreement{suffix}", same, command=command, notes=note)


if __name__ == "__main__":
    main()
