"""Trainings and measurements of the AVAE and PCA benchmark, Fig. 3 to 5 of Abante et al. (2025).

Every method gets the same neurons, the same noise, the same scaling (Eq. 4) and the same search for clusters. Each
training is a row, written as soon as it is measured, so that an interrupted benchmark can continue.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.neurons.clustering import best_epsilon
from napari_calcdyn.analysis.neurons.scores import neighbour_accuracy
from napari_calcdyn.recording import InputError, ProgressCallback, Scaling, Traces, report
from napari_calcdyn.recording.writing import writing
from napari_calcdyn.simulate import SimulatedCultures, simulate_cultures

from .grid import Grid, Run, Score, all_runs, partition_of
from .summary import write_summary
from .tables import add_run, claim, read_runs, write_tables

if TYPE_CHECKING:
    from napari_calcdyn.models.avae import AVAE


def measure(data: SimulatedCultures, run: Run, grid: Grid, *, device: str = "cpu", **changes: Any) -> Score:
    """Train one model and measure it.

    Parameters
    ----------
    data : SimulatedCultures
        All neurons.
    run : Run
        What to train.
    grid : Grid
        Scaling, epochs and seed.
    device : str
        Where to train.
    **changes
        Settings of the AVAE that differ from those of the method.

    Returns
    -------
    Score
        On the test neurons.
    """
    noisy = data.noisy(run.sigma, seed=grid.seed)
    training, test = partition_of(data, run)
    per = grid.scaling
    scaling = Scaling.fit(noisy[training], per)
    test_scaling = Scaling.fit(noisy[test], per) if per == "trace" else scaling
    if run.method == "pca":
        from sklearn.decomposition import PCA

        known, new = scaling.apply(noisy[training]), test_scaling.apply(noisy[test])
        # Eq. 13 and 15; arpack is exact, and computes only the components that are needed.
        pca = PCA(run.latent, svd_solver="arpack", random_state=0).fit(known.astype(np.float64))
        seen, unseen = pca.transform(known), pca.transform(new)
        reconstructed = pca.inverse_transform(unseen)
    else:
        model = train_avae(noisy[training], run, grid, device=device, **changes)
        tested = Traces.from_array(noisy[test])
        (seen, _), (unseen, _) = model.encode(Traces.from_array(noisy[training])), model.encode(tested)
        reconstructed = test_scaling.apply(model.reconstruct(tested))
    types = data.table["type"]
    residual = reconstructed - test_scaling.apply(data.clean[test])
    return Score(
        mse=float(np.square(residual, dtype=np.float64).mean()),
        ari=best_epsilon(unseen, types[test])[1],
        neighbour_accuracy=neighbour_accuracy(seen, types[training], unseen, types[test]),
    )


def train_avae(
    noisy: NDArray[np.float32], run: Run, grid: Grid, *, device: str = "cpu", **changes: Any
) -> AVAE:
    """Train the AVAE of a run.

    Parameters
    ----------
    noisy : ndarray (N, T)
        Training traces.
    run : Run
        Method, sizes and β.
    grid : Grid
        Scaling, epochs and seed.
    device : str
        Where to train.
    **changes
        Settings that differ from those of the method.

    Returns
    -------
    AVAE
        Fitted.
    """
    from napari_calcdyn.models.avae import AVAE, AVAEConfig
    from napari_calcdyn.models.training import drive

    chosen: dict[str, Any] = {
        "hidden": run.hidden,
        "latent": run.latent,
        "beta": run.beta,
        "scaling": grid.scaling,
    }
    preset = "paper"
    if run.method == "avae":
        preset, chosen["epochs"] = "standard", grid.epochs
    config = AVAEConfig.preset(preset, **chosen | changes)
    fit = AVAE(config).fit_steps(Traces.from_array(noisy), device=device, seed=grid.seed + run.partition)
    return drive(fit, lambda progress: None)[0]


def simulated(grid: Grid, progress: ProgressCallback | None = None) -> SimulatedCultures:
    """Simulate the cultures of a grid.

    Parameters
    ----------
    grid : Grid
        What to run.
    progress : callable or None
        Called with cultures done and in all; returns True to stop.

    Returns
    -------
    SimulatedCultures
        Three types.
    """
    return simulate_cultures(
        ("RS", "IB", "CH"),
        grid.cultures,
        grid.neurons,
        grid.seconds,
        frame_rate=grid.frame_rate,
        seed=grid.seed,
        progress=progress,
    )


def run_benchmark(
    grid: Grid,
    folder: str | Path,
    *,
    device: str = "cpu",
    jobs: int = 1,
    progress: ProgressCallback | None = None,
) -> None:
    """Train and measure the runs that are not in the folder yet, and write the tables.

    Parameters
    ----------
    grid : Grid
        What to run.
    folder : str or Path
        Gets ``runs.csv``, a row for each training as soon as it is measured, and at the end
        ``reconstruction.csv``, ``representation.csv`` and ``summary.md``. A benchmark of the same grid is continued.
    device : str
        Where to train.
    jobs : int
        Processes, of one thread each.
    progress : callable or None
        Called with runs done and in all; returns True to stop.

    Raises
    ------
    InputError
        If there is no such device, the folder holds another benchmark or cannot be written, or the system ends a
        training.
    Cancelled
        If `progress` asked to stop; what was measured is kept.
    """
    from napari_calcdyn.models.devices import resolve_device

    folder = Path(folder)
    resolve_device(device)
    with writing(folder):
        claim(folder, grid, device)
        done = read_runs(folder)
    todo = [run for run in all_runs(grid) if run not in done]
    total = len(done) + len(todo)
    report(progress, len(done), total)
    context = multiprocessing.get_context("spawn")  # a fork after torch started threads may hang
    watched, alive = context.Pipe(duplex=False)
    with ProcessPoolExecutor(jobs, context, _prepare, (watched,)) as pool, alive:
        running = {pool.submit(_measure, run, grid, device): run for run in todo}
        for future in as_completed(running):
            run, score = running[future], _result(future)
            done[run] = score
            with writing(folder):
                add_run(folder, run, score)
            report(progress, len(done), total)
    with writing(folder):
        write_tables(folder, done)
        write_summary(folder, done)


def _result(future: Future[Score]) -> Score:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "The system ended a training, most likely because memory was short: choose fewer jobs. What was"
            " measured is kept."
        ) from error


def _prepare(watched: Connection) -> None:
    """Set up a worker process that ends as soon as the benchmark does."""
    import torch

    def watch() -> None:
        try:
            watched.recv_bytes()  # nothing is ever sent
        except (EOFError, OSError):
            os._exit(0)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the first one decides
    threading.Thread(target=watch, daemon=True).start()
    # On a busy machine, threads that wait for each other make the training slower.
    torch.set_num_threads(1)


def _measure(run: Run, grid: Grid, device: str) -> Score:
    return measure(_cultures(grid), run, grid, device=device)


@functools.lru_cache(maxsize=1)
def _cultures(grid: Grid) -> SimulatedCultures:
    """Simulate the cultures, once in each process."""
    return simulated(grid)
