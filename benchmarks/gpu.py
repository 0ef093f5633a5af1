"""On a graphics card: whether it computes what the processor computes, what a training step costs, and what bounds it.

``python benchmarks/gpu.py`` takes at most six minutes on a CUDA device and ends with PASS or FAIL, which is about the
checks of ``gpu_checks.py``. ``--quick`` takes small data, and runs without a CUDA device too: the solvers for CUDA then
run on the processor. A row that fails or takes too long says so, and the others are measured all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gpu_checks
import gpu_options
import numpy as np
import torch
from gpu_steps import LENGTH, STRETCHES, copies_and_waits, held, lasso_given, milliseconds, solvers_of
from report import save

from napari_calcdyn import Movie
from napari_calcdyn.jobs.avae_benchmark.experiments import measure, simulated
from napari_calcdyn.jobs.avae_benchmark.grid import QUICK, Grid, Run
from napari_calcdyn.models.avae import AVAE, AVAEConfig
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import Traces
from napari_calcdyn.simulate import simulate_movie

SECONDS = 330.0
METHODS = {"avae": "AVAE", "paper": "published AVAE"}
CORNER = Grid(neurons=100, cultures=3, frame_rate=20.0, partitions=3, epochs=40)
FITTING = importlib.import_module("napari_calcdyn.models.var_autoencoder.fitting")
AVAE_FITTING = importlib.import_module("napari_calcdyn.models.avae.fitting")
STANDS_IN = (
    "On the processor, one thread; the solvers for CUDA too, and what needs none is compared with itself."
)
NOTES = {
    "gpu_checks": "Norm of the difference from the processor, over the norm. The control is the same comparison with"
    " something that is a little wrong; its difference must be beyond the limit.",
    "gpu": f"Steps of {STRETCHES} stretches of {LENGTH} frames, float32, medians. The lasso's share is what a step"
    " saves if the lasso's solution is given.",
    "gpu_bounds": "What a training step cannot be faster than, each alone: its frames read twice, for the latents and"
    " for the gradient, at the speed of a copy within the memory; and torch.bmm of the network's shapes, forward and"
    " backward, in float32. Every step of the lasso's proximal gradient makes one product with the Gram matrix.",
    "gpu_waits": "In each step, checks and reports left out. For each number that the host asks the device for, it"
    " waits.",
    "gpu_options": f"Encoding, reconstruction error and gradient of {STRETCHES * LENGTH} frames, without prediction and"
    " optimiser. The program uses none of the options. The row plain, measured twice, shows how much chance there is.",
    "gpu_avae_steps": "One batch of the AVAE's training, medians.",
    "gpu_avae_scores": "A corner of `calcdyn benchmark avae`, on test neurons: mean ± standard deviation over"
    " partitions.",
}
Row = dict[str, object]
Rows = Iterator[tuple[str, Row]]


class Bench:
    """Where is measured, how much time is left, and the tables so far.

    Parameters
    ----------
    device : {"cuda", "cpu"}
        Where.
    quick : bool
        Small data.
    """

    def __init__(self, device: str, quick: bool) -> None:
        self.device, self.quick = device, quick
        self.tables: dict[str, list[Row]] = {}
        self._start = time.monotonic()

    def measure(self, table: str, what: Row, limit: float, measured: Rows) -> None:
        """Add rows to their tables; what fails or takes longer than `limit` seconds is a row that says so.

        The tables are written down at once, as the run may be ended from outside.
        """
        before = {name: len(rows) for name, rows in self.tables.items()}
        left = min(limit, self._start + SECONDS - time.monotonic())
        try:
            if left < limit / 3:
                raise TimeoutError(f"skipped, {max(0.0, left):.0f} s were left of {SECONDS:.0f} s")
            with at_most(left):
                for name, row in measured:
                    self._add(name, what | row)
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            self._add(table, what | {"not measured": text[:200].replace("|", "/")})
        if self.device == "cuda":
            torch.cuda.empty_cache()
        passed = time.monotonic() - self._start
        print(f"{passed:4.0f} s: {table}, {', '.join(map(str, what.values()))}", flush=True)
        with contextlib.redirect_stdout(None):
            self.save(*(name for name, rows in self.tables.items() if len(rows) > before.get(name, 0)))

    def _add(self, name: str, row: Row) -> None:
        self.tables.setdefault(name, []).append(row)

    def save(self, *names: str) -> None:
        """Write tables down, and print them."""
        suffix, option = ("_quick", " --quick") if self.quick else ("", "")
        where = STANDS_IN
        if self.device == "cuda":
            about = torch.cuda.get_device_properties(0)
            memory = about.total_memory / 1e9
            where = f"{about.name}, {memory:.0f} GB, CUDA {torch.version.cuda}; on the processor, one thread."
        for name in names:
            save(
                f"{name}{suffix}",
                self.tables[name],
                command=f"python benchmarks/gpu.py{option}",
                notes=f"{where} {NOTES[name]}",
            )


@contextmanager
def at_most(limit: float) -> Iterator[None]:
    """Raise TimeoutError inside the block when its time is over, where the system can."""

    def over(*_: object) -> None:
        raise TimeoutError(f"not done after {limit:.0f} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def large_movie(frames: int, size: int, times: int) -> Movie:
    """Put a small simulated movie side by side with itself, every time begun at another frame."""
    small = simulate_movie(frames=frames, height=size, width=size, seed=0).movie.astype(np.float32)
    movie = np.empty((frames, times * size, times * size), np.float32)
    for at in range(times**2):
        y, x = size * (at // times), size * (at % times)
        movie[:, y : y + size, x : x + size] = np.roll(small, at * frames // times**2, axis=0)
    return Movie.from_array(movie)


def bounds(device: str, net: Any, step: float) -> Row:
    """Measure what bounds a step: copies within the memory, and the products of the network's shapes, each alone."""
    places, side, frames = (net.rows + 1) * (net.columns + 1), net.stride**2, STRETCHES * LENGTH
    tiles = torch.randn(places, frames, side, device=device)
    corners, gradient = (torch.randn(places, 4, it, device=device) for it in (side, frames))
    target = torch.empty_like(tiles)
    copied = milliseconds(device, lambda: target.copy_(tiles))  # reads and writes, as much as reading twice
    products = milliseconds(device, lambda: (torch.bmm(tiles, corners.mT), torch.bmm(gradient, tiles)))
    gram = torch.randn(net.latents, net.latents, device=device)
    square = milliseconds(device, lambda: gram @ gram)
    return {
        "step ms": step,
        "times the larger bound": step / max(copied, products),
        "frames MB": 4 * tiles.numel() / 1e6,
        "copy GB/s": 2 * 4 * tiles.numel() / copied / 1e6,
        "reading twice ms": copied,
        "products ms": products,
        "TFLOP/s": 2 * 2 * 4 * tiles.numel() / products / 1e9,
        "product with Gram matrix ms": square,
        "its TFLOP/s": 2 * net.latents**3 / square / 1e9,
    }


def training(bench: Bench, movie: Movie, latents: int, mode: str) -> Rows:
    """Time steps of one training, and count what they wait for."""
    config = VARAutoencoderConfig(
        latents=latents, mode=mode, warm_up=0, steps=200, windows=STRETCHES, window_length=LENGTH
    )
    device, most, limit = bench.device, 10 if bench.quick else 30, 2.0 if bench.quick else 15.0
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    with (
        solvers_of(device),
        held(FITTING, lambda: VARAutoencoder(config).fit_steps(movie, device=device)) as fit,
    ):
        row: Row = {"set-up s": time.perf_counter() - start}
        step = milliseconds(device, fit.step, most=most, limit=limit)
        row |= {"step ms": step, "frames per second": 1e3 * STRETCHES * LENGTH / step}
        if mode == "end-to-end":
            with lasso_given():
                row["lasso %"] = 100 * (1 - milliseconds(device, fit.step, most=most, limit=limit) / step)
        if device == "cuda":
            row["peak GPU memory GB"] = torch.cuda.max_memory_allocated() / 1e9
        yield "gpu", row  # kept if something fails below
        if mode == "end-to-end":
            yield "gpu_bounds", bounds(device, fit.task.module, step)  # type: ignore[union-attr]
        yield "gpu_waits", copies_and_waits(device, fit)


def avae_steps(bench: Bench, method: str, where: str) -> Rows:
    """Time steps of the AVAE, and count what they wait for."""
    cultures = simulated(dataclasses.replace(QUICK if bench.quick else Grid(), cultures=1))
    traces = Traces.from_array(cultures.noisy(1.0, seed=0))
    config = AVAEConfig.preset("paper" if method == "paper" else "standard")
    with held(AVAE_FITTING, lambda: AVAE(config).fit_steps(traces, device=where)) as fit:
        took = milliseconds(where, fit.step, most=50, limit=1.0 if bench.quick else 5.0)
        yield "gpu_avae_steps", {"neurons": config.batch, "samples": traces.samples, "step ms": took}
        if where == bench.device:
            yield "gpu_waits", copies_and_waits(where, fit)


def avae_scores(bench: Bench, method: str, where: str) -> Rows:
    """Train on a corner of the AVAE benchmark's grid, and score as that does."""
    grid = dataclasses.replace(QUICK, epochs=5) if bench.quick else CORNER
    data = simulated(grid)
    changes = {"epochs": grid.epochs} if method == "paper" else {}
    start, scores = time.perf_counter(), []
    for partition in range(grid.partitions):
        run = Run(1.0, 128, 8, 0.5, partition, method)
        scores.append(dataclasses.astuple(measure(data, run, grid, device=where, **changes)))
    row: Row = {"training and scores s": (time.perf_counter() - start) / len(scores)}
    for name, *values in zip(("mse", "ari", "neighbour_accuracy"), *scores, strict=True):
        row[name] = f"{np.mean(values):.4f} ± {np.std(values):.4f}"
    yield "gpu_avae_scores", row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small data; without a CUDA device too")
    quick: bool = parser.parse_args().quick
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not quick:
        raise SystemExit("There is no CUDA device that torch can use: run it with --quick.")
    # The processor only compares, and on a busy machine threads that wait for each other take minutes.
    torch.set_num_threads(1)
    bench = Bench(device, quick)

    for what, check in (
        ("lasso", gpu_checks.lasso(device)),
        ("VAR autoencoder", gpu_checks.var_autoencoder(device, quick)),
        ("AVAE", gpu_checks.avae(device, quick)),
    ):
        bench.measure("gpu_checks", {"what": what}, 90.0, (("gpu_checks", row) for row in check))

    frames, size, times, latents = (300, 48, 2, (64,)) if quick else (5000, 128, 4, (1024, 4096))
    movie = large_movie(frames, size, times)

    def of_size(latents: int) -> None:
        for mode in ("two-stage", "end-to-end"):
            name = f"{times * size} × {times * size} × {frames:,}, {latents:,} latents, {mode}"
            row: Row = {"training": name, "device": device}
            bench.measure("gpu", row, 90.0, training(bench, movie, latents, mode))

    of_size(latents[0])
    for option in gpu_options.OPTIONS:
        row: Row = {"option": option}
        measured = gpu_options.measured(device, option, latents[0], times * size)
        bench.measure("gpu_options", row, 60.0, (("gpu_options", it) for it in measured))
    for method, name in METHODS.items():
        for where in dict.fromkeys((device, "cpu")):
            row = {"training": name, "device": where}
            bench.measure("gpu_avae_steps", row, 30.0, avae_steps(bench, method, where))
            bench.measure("gpu_avae_scores", row, 40.0, avae_scores(bench, method, where))
    for more in latents[1:]:  # last, as it may take all the time that is left
        of_size(more)

    bench.save(*bench.tables)
    checks = bench.tables["gpu_checks"]
    failed = [row for row in checks if row.get("passed") is not True]
    for row in failed:
        print(f"Not passed: {row}")
    print(f"{'FAIL' if failed else 'PASS'}: {len(checks) - len(failed)} of {len(checks)} checks of equality")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
