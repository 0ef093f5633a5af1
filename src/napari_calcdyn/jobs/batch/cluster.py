"""The workers of a batch: on this computer, of a scheduler that runs, or of SLURM."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import writing

from . import tasks as tasks_module
from .tasks import Share

if TYPE_CHECKING:
    from distributed import Client

_LEAST = 2.5  # GB for each job, if there is a choice: the program and what a run takes by default
_FREE = 0.9  # part of the memory that jobs share
_ATTEMPTS = 2  # times that a job may lose its worker on this computer before Dask gives it up
_SLURM_LOGS = "slurm"
_SLURM_JOBS, _SLURM_THREADS, _SLURM_MEMORY = 8, 4, 8.0


@dataclass(frozen=True)
class Where:
    """Where a batch is done.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler, such as ``tcp://host:8786``.
    slurm : str, optional
        Name of a partition of SLURM.
    workers : int, optional
        How many jobs at the same time.
    threads : int, optional
        Threads of each job.
    memory : float, optional
        GB (10⁹ bytes) of memory for each job.
    walltime : str
        How long SLURM lets a worker live, as ``HH:MM:SS``.
    account : str, optional
        Whom SLURM charges.
    directives : tuple of str
        Further options of ``sbatch``, such as ``--gres=gpu:1``.
    graphics_card : bool
        Whether jobs may use one, so that there is a worker for each.
    """

    scheduler: str | None = None
    slurm: str | None = None
    workers: int | None = None
    threads: int | None = None
    memory: float | None = None
    walltime: str = "12:00:00"
    account: str | None = None
    directives: tuple[str, ...] = ()
    graphics_card: bool = True


@contextmanager
def workers_for(where: Where, tasks: int, folder: Path) -> Iterator[tuple[Client, Share]]:
    """Yield a client of Dask whose workers are there or on their way, and end what was started for it.

    Parameters
    ----------
    where : Where
        Which workers.
    tasks : int
        How many tasks there are.
    folder : Path
        Where SLURM writes what its jobs say.

    Yields
    ------
    client : distributed.Client
        To submit tasks to.
    share : Share
        What each task may take.

    Raises
    ------
    InputError
        If a scheduler does not answer, or the package for SLURM is missing.
    """
    import dask.config
    from distributed import Client

    if where.scheduler is not None:
        with dask.config.set({"distributed.comm.timeouts.connect": "10s"}):
            try:
                client = Client(where.scheduler)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"No Dask scheduler answers at {where.scheduler}: start one with dask scheduler, or mend"
                    " the address."
                ) from error
        with client:
            yield client, Share(where.threads or 1, where.memory or _limit_of_workers(client))
    elif where.slurm is not None:
        with slurm_cluster(where, folder) as cluster, Client(cluster) as client:
            with writing(folder):
                (folder / _SLURM_LOGS).mkdir(parents=True, exist_ok=True)
            cluster.scale(jobs=where.workers or min(tasks, _SLURM_JOBS))
            yield client, _slurm_share(where)
    else:
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": _ATTEMPTS}),
            _on_this_computer(where, tasks) as (cluster, share),
            Client(cluster) as client,
        ):
            yield client, share


def require(package: str) -> None:
    """Raise InputError if a package of the extra ``cluster`` is missing.

    Parameters
    ----------
    package : str
        Its name in Python.
    """
    if find_spec(package) is None:
        raise InputError(
            f'A batch needs the package {package.replace("_", "-")}: pip install "napari-calcdyn[cluster]".'
        )


def slurm_cluster(where: Where, folder: Path) -> Any:
    """Return a cluster of SLURM jobs, of which none is submitted yet; ``job_script()`` shows what will be.

    Parameters
    ----------
    where : Where
        Partition and what each job gets.
    folder : Path
        Where the jobs write what they say.

    Returns
    -------
    dask_jobqueue.SLURMCluster
        To be scaled and closed.

    Raises
    ------
    InputError
        If dask-jobqueue is missing.
    """
    require("dask_jobqueue")
    from dask_jobqueue import SLURMCluster

    share = _slurm_share(where)
    return SLURMCluster(
        queue=where.slurm,
        account=where.account,
        walltime=where.walltime,
        cores=1,  # one job of the batch at a time, which gets all threads
        processes=1,
        job_cpu=share.threads,
        memory=f"{share.memory:g}GB",
        job_extra_directives=[f"--output={folder / _SLURM_LOGS}/%j.txt", *where.directives],
        scheduler_options={"dashboard_address": ":0"},  # others may have a batch on this computer, too
    )


def _slurm_share(where: Where) -> Share:
    return Share(where.threads or _SLURM_THREADS, where.memory or _SLURM_MEMORY)


@contextmanager
def _on_this_computer(where: Where, tasks: int) -> Iterator[tuple[Any, Share]]:
    """Start worker processes that take one task at a time and share cores, memory and graphics cards."""
    from dask.system import CPU_COUNT
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.system import MEMORY_LIMIT

    cards = _graphics_cards() if where.graphics_card else []
    free = _FREE * MEMORY_LIMIT / 1e9
    fitting = min(CPU_COUNT, int(free / (where.memory or _LEAST)))
    number = max(1, min(where.workers or len(cards) or fitting, tasks))
    share = Share(where.threads or max(1, CPU_COUNT // number), where.memory or free / number)
    about = {
        "nthreads": 1,
        "memory_limit": int(1e9 * free / number),
        "silence_logs": logging.CRITICAL,
        "dashboard_address": None,
        "preload": [tasks_module.__name__],
    }
    workers = {
        at: {
            "cls": Nanny,
            "options": about | ({"env": {"CUDA_VISIBLE_DEVICES": cards[at % len(cards)]}} if cards else {}),
        }
        for at in range(number)
    }
    dashboard = "127.0.0.1:0" if find_spec("bokeh") else None
    scheduler = {
        "cls": Scheduler,
        "options": {
            "host": "127.0.0.1",
            "port": 0,
            "dashboard": bool(dashboard),
            "dashboard_address": dashboard,
        },
    }
    with SpecCluster(workers, scheduler, silence_logs=logging.CRITICAL) as cluster:
        yield cluster, share


def _graphics_cards() -> list[str]:
    """Return what CUDA_VISIBLE_DEVICES calls each graphics card that may be used."""
    if shutil.which("nvidia-smi") is None:
        return []
    import torch

    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = allowed.split(",") if allowed else [str(at) for at in range(torch.cuda.device_count())]
    return names[: torch.cuda.device_count()]


def _limit_of_workers(client: Client) -> float | None:
    """Return the GB that a task has on the worker with the least."""
    known = client.scheduler_info(n_workers=-1)["workers"].values()
    limits = [it["memory_limit"] / it["nthreads"] / 1e9 for it in known if it["memory_limit"]]
    return min(limits, default=None)
