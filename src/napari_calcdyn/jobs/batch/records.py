"""What became of a task, kept in its folder so that a later batch knows what is left to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.recording.writing import replacing, writing

from .plan import Task

State = Literal["waiting", "running", "done", "as before", "failed", "left out", "stopped"]
RECORD, LOG = "batch.json", "log.txt"


@dataclass(frozen=True)
class Record:
    """How far a task is.

    Parameters
    ----------
    key : str
        Of the task that it is about.
    state : str
        How it stands; ``as before`` is what an earlier batch did.
    why : str
        Why it failed or was left out; empty otherwise.
    note : str
        What else happened.
    batch : str
        Which batch it belongs to.
    attempts : int
        How often this batch began it.
    seconds : float
        Time that the last attempt took.
    peak_gb : float
        Largest memory that was seen, in GB (10⁹ bytes).
    files : tuple of str
        What an export wrote.
    """

    key: str
    state: State
    why: str = ""
    note: str = ""
    batch: str = ""
    attempts: int = 0
    seconds: float = 0.0
    peak_gb: float = 0.0
    files: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it into the folder of a task, in one step; raise InputError if that cannot be done."""
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / RECORD) as beside:
                beside.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_record(folder: Path) -> Record | None:
    """Return the record of a folder; None if there is none that can be read.

    Parameters
    ----------
    folder : Path
        Of a task.

    Returns
    -------
    Record or None
        As it was written.
    """
    try:
        values: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**(values | {"files": tuple(values["files"])}))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_up_to_date(task: Task) -> bool:
    """Return whether a task was done as it is now, and its results are still there.

    Parameters
    ----------
    task : Task
        The task.

    Returns
    -------
    bool
        Whether nothing is to be done.
    """
    record = read_record(task.folder)
    if record is None or record.key != task.key or record.state != "done":
        return False
    files = record.files if task.job == "export" else RESULTS[task.job]
    return all((task.folder / name).exists() for name in files)
