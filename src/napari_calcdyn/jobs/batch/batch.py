"""A whole batch: what is left to do goes to the workers of Dask, and a summary says how all of it ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .cluster import Where, require, workers_for
from .plan import Task
from .records import Record, is_up_to_date, read_record
from .summary import write_summary
from .tasks import JobCrashed, do, end_jobs

if TYPE_CHECKING:
    from distributed import Client, Future

_RETRIES = 1  # of a job that crashed
_SUMMARY = 5.0  # seconds between two summaries while jobs end


def states_before(tasks: list[Task], anew: bool = False) -> dict[Path, Record]:
    """Return how each task stands before a batch: ``as before`` where nothing is to be done, ``waiting`` elsewhere.

    Parameters
    ----------
    tasks : list of Task
        From `plan`.
    anew : bool
        Do everything, whatever is there.

    Returns
    -------
    dict of Path to Record
        By the folders of the tasks.
    """
    records = {}
    for task in tasks:
        earlier = None if anew or not is_up_to_date(task) else read_record(task.folder)
        records[task.folder] = (
            Record(task.key, "waiting") if earlier is None else replace(earlier, state="as before")
        )
    return records


def run_batch(
    tasks: list[Task],
    out: Path,
    where: Where,
    *,
    anew: bool = False,
    say: Callable[[str], object] = print,
) -> dict[Path, Record]:
    """Do what is left of a batch, and write ``summary.csv`` and ``summary.html``.

    Parameters
    ----------
    tasks : list of Task
        From `plan`.
    out : Path
        For the summary.
    where : Where
        Which workers do it.
    anew : bool
        Do everything, whatever is there.
    say : callable
        Called with a sentence whenever there is news.

    Returns
    -------
    dict of Path to Record
        How each task ended, by its folder. One that failed stops only those that need its results.

    Raises
    ------
    InputError
        If a package is missing, a scheduler does not answer, or the summary cannot be written.
    KeyboardInterrupt
        Again, after the jobs were ended and the summary was written.
    """
    records = states_before(tasks, anew)
    todo = [task for task in tasks if records[task.folder].state == "waiting"]
    say(f"{len(tasks)} jobs, of which {len(tasks) - len(todo)} are up to date.")
    batch = uuid.uuid4().hex
    if todo:
        require("distributed")
    try:
        if todo:
            with workers_for(where, len(todo), out) as (client, share):
                say(
                    f"Each may take {share.threads} thread(s) and {_memory(share.memory)}.{_dashboard(client)}"
                )
                futures: dict[Path, Future] = {}
                for number, task in enumerate(todo):
                    before = [futures.get(it, records[it]) for it in task.needs]
                    key = f"{task.job}-{batch[:8]}{number:06d}"
                    futures[task.folder] = client.submit(
                        do, task, share, batch, *before, key=key, retries=_RETRIES, pure=False
                    )
                try:
                    _collect(futures, tasks, records, out, say)
                except KeyboardInterrupt:
                    say("Interrupted: the jobs are being ended.")
                    client.cancel(list(futures.values()), force=True)
                    with suppress(OSError):  # a worker that is gone has taken its jobs along
                        client.run(end_jobs, batch, on_error="ignore")
                    raise
    finally:
        _settle(todo, records)
        write_summary(out, tasks, records)
    return records


def _collect(
    futures: dict[Path, Future],
    tasks: list[Task],
    records: dict[Path, Record],
    out: Path,
    say: Callable[[str], object],
) -> None:
    """Wait for all tasks, and keep how each ended."""
    from distributed import as_completed

    by_key = {futures[task.folder].key: task for task in tasks if task.folder in futures}
    written = time.monotonic()
    for number, future in enumerate(as_completed(futures.values()), 1):
        task = by_key[future.key]
        record = records[task.folder] = _ended(future, task, records)
        name = f"{task.recording}, {task.settings}" if task.settings else task.recording
        more = " ".join(it for it in (record.why, record.note) if it)
        took = f" in {record.seconds:.0f} s" if record.state == "done" else ""
        say(f"[{number}/{len(futures)}] {name}: {task.job} {record.state}{took}{f'. {more}' if more else ''}")
        if time.monotonic() - written > _SUMMARY:
            write_summary(out, tasks, records)
            written = time.monotonic()


def _ended(future: Future, task: Task, records: dict[Path, Record]) -> Record:
    """Return how a task ended; where its worker could not say it, write it for it."""
    if future.status == "finished":
        record: Record = future.result()
        return record
    error = future.exception() if future.status == "error" else None
    record = read_record(task.folder) or Record(task.key, "running")
    if any(records[it].state not in ("done", "as before") for it in task.needs):
        record = Record(task.key, "left out", "A job whose results it needs was not done.")
    elif isinstance(error, JobCrashed):
        record = replace(record, key=task.key, state="failed", why=str(error))
    else:
        why = f"Its worker was lost {record.attempts} times while it ran: killed, without memory, or out of reach."
        if type(error).__name__ != "KilledWorker":
            why = f"Dask could not do it: {error!r}."
        record = replace(record, key=task.key, state="failed", why=why)
    record.write(task.folder)
    return record


def _settle(todo: list[Task], records: dict[Path, Record]) -> None:
    """After an interruption, take over what is known of each task from its folder."""
    for task in todo:
        if records[task.folder].state != "waiting":
            continue
        record = read_record(task.folder)
        if record is not None and record.key == task.key and record.state in ("running", "stopped"):
            records[task.folder] = replace(record, state="stopped")
            records[task.folder].write(task.folder)


def _memory(gigabytes: float | None) -> str:
    return "any memory" if gigabytes is None else f"{gigabytes:.3g} GB of memory"


def _dashboard(client: Client) -> str:
    link = client.dashboard_link if client.scheduler_info()["services"] else None
    return f" Dask's dashboard: {link}" if link else ""
