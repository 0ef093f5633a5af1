"""What a worker does: one job of a batch as a command in a process of its own, watched until it ends.

A process of its own can be stopped, can crash or take too much memory without harm to the worker and what else runs
there, and gives back all its memory. Its results appear in one step, as those of the command line always do.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from napari_calcdyn.jobs.result_folder import unfinished_folder
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import writing

from .plan import Task
from .records import LOG, Record, read_record

_COMMAND = (
    "from napari_calcdyn.jobs.batch.tied import end_with_starter; end_with_starter();"
    " from napari_calcdyn.cli import main; main()"
)
_REFUSED, _INTERRUPTED = 2, 130  # exit codes of the command line
_EXPORTING = ".unfinished-export"  # the command line has no folder of its own for these
_LOOK = 0.05  # seconds between two looks at a job
_PATIENCE = 5.0  # seconds that a job has to tidy up
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "DASK_NUM_WORKERS",
    "PYTHON_CPU_COUNT",  # what os.cpu_count returns, from Python 3.13 on
)

_running: dict[subprocess.Popen[bytes], str] = {}  # with the batch that each belongs to
_stopped: set[str] = set()  # batches that were interrupted


class JobCrashed(Exception):
    """A job ended in a way that a second attempt may mend; its message says how."""


@dataclass(frozen=True)
class Share:
    """What one job may take.

    Parameters
    ----------
    threads : int
        Number of threads.
    memory : float or None
        GB (10⁹ bytes) of memory; None if there is no limit.
    """

    threads: int
    memory: float | None


def do(task: Task, share: Share, batch: str, *before: Record) -> Record:
    """Do one task in its folder.

    Parameters
    ----------
    task : Task
        What is to be done.
    share : Share
        What it may take.
    batch : str
        Which batch it belongs to.
    *before : Record
        What became of the tasks that it needs.

    Returns
    -------
    Record
        How it ended; it is in the folder, too.

    Raises
    ------
    JobCrashed
        If the job neither was done nor said why not.
    """
    earlier = read_record(task.folder)
    begun = earlier is not None and earlier.key == task.key and earlier.state in ("running", "stopped")
    attempts = earlier.attempts if earlier is not None and earlier.batch == batch else 0
    lost = begun and attempts > 0
    note = "Its worker was lost while it ran, so it was begun again." if lost else ""
    record = Record(task.key, "running", note=note, batch=batch, attempts=attempts + 1)
    if any(it.state not in ("done", "as before") for it in before):
        record = replace(record, state="left out", why="A job whose results it needs was not done.")
    elif batch in _stopped:
        record = replace(record, state="stopped")
    if record.state != "running":
        record.write(task.folder)
        return record
    record.write(task.folder)
    try:
        record = _watched(task, share, record, go_on=begun, anew=attempts == 0)
    except InputError as error:
        record = replace(record, state="failed", why=str(error))
    record.write(task.folder)
    return record


def dask_setup(worker: object) -> None:
    """Let a worker on this computer outlive a Ctrl-C in the terminal, so that it can end its jobs in good order.

    Parameters
    ----------
    worker : distributed.Worker
        The worker, which calls this when it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_jobs(batch: str) -> None:
    """Interrupt the jobs of a batch on this worker, and wait until they are gone.

    Parameters
    ----------
    batch : str
        Which batch.
    """
    _stopped.add(batch)
    for process, of in list(_running.items()):
        if of == batch:
            process.terminate()  # the command line tidies up, as after Ctrl-C
    deadline = time.monotonic() + _PATIENCE
    while batch in _running.values() and time.monotonic() < deadline:
        time.sleep(_LOOK)
    for process, of in list(_running.items()):
        if of == batch:
            process.kill()


def _watched(task: Task, share: Share, record: Record, *, go_on: bool, anew: bool) -> Record:
    """Run the command, and return the record of how it ended; what a killed run has kept is used."""
    log, start = task.folder / LOG, time.monotonic()
    place, command = task.folder, task.job
    unfinished = place / _EXPORTING if command == "export" else unfinished_folder(place, command)
    arguments = list(task.arguments)
    if task.job != "export":
        arguments += ["--out", str(task.folder)]
    if task.job == "run" and go_on:
        arguments.append("--resume")
    with writing(task.folder):
        if task.job == "export":
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
        output = log.open("wb" if anew else "ab")
    with (
        output,
        _process(arguments, share, output.fileno(), unfinished if task.job == "export" else None) as job,
    ):
        _running[job] = record.batch
        try:
            peak, too_much = _wait(job, share.memory)
        finally:
            del _running[job]
    record = replace(record, seconds=round(time.monotonic() - start, 2), peak_gb=round(peak / 1e9, 3))
    interrupted = not too_much and (record.batch in _stopped or job.returncode == _INTERRUPTED)
    if job.returncode and not interrupted:  # killed, it could not tidy up
        shutil.rmtree(unfinished, ignore_errors=True)
    if too_much:
        why = (
            f"It needed more than the {share.memory:.3g} GB of memory that a job may take here: give each more, with"
            " --memory or fewer --workers."
        )
        return replace(record, state="failed", why=why)
    if job.returncode == 0:
        files = _published(unfinished, task.folder) if task.job == "export" else ()
        return replace(record, state="done", files=files)
    if interrupted:
        return replace(record, state="stopped")
    last = _last_line(log)
    if job.returncode == _REFUSED:
        return replace(record, state="failed", why=last)
    why = (
        f"It ended with exit code {job.returncode}: {last}" if job.returncode > 0 else _signal(job.returncode)
    )
    replace(record, state="failed", why=why).write(task.folder)
    raise JobCrashed(why)


@contextmanager
def _process(
    arguments: list[str], share: Share, output: int, folder: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that does not outlive this process, and have it killed whatever happens."""
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(share.threads)), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        cwd=folder,
        env=environment,
        start_new_session=True,  # a Ctrl-C in the terminal is for the batch, which then interrupts each job once
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _wait(process: subprocess.Popen[bytes], limit: float | None) -> tuple[int, bool]:
    """Wait for a job; return its largest memory in bytes, and whether it was ended because of that."""
    import psutil

    peak = 0
    while True:
        try:
            process.wait(_LOOK)
            return peak, False
        except subprocess.TimeoutExpired:
            pass
        try:
            whole = psutil.Process(process.pid)
            memory = sum(it.memory_info().rss for it in (whole, *whole.children(recursive=True)))
        except psutil.Error:  # it has just ended
            continue
        peak = max(peak, memory)
        if limit is not None and peak > 1e9 * limit:
            process.kill()
            process.wait()
            return peak, True


def _published(unfinished: Path, folder: Path) -> tuple[str, ...]:
    """Move what an export wrote to its place, and return the names."""
    with writing(folder):
        names = sorted(it.name for it in unfinished.iterdir())
        for name in names:
            place = folder / name
            if place.is_dir():
                shutil.rmtree(place)
            (unfinished / name).replace(place)
        unfinished.rmdir()
    return tuple(names)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing."


def _signal(code: int) -> str:
    why = ", as the system does where memory runs out" if code == -9 else ""
    return f"It was killed by signal {-code}{why}."
