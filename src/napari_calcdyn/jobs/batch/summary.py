"""``summary.csv`` and ``summary.html`` over all recordings, jobs and settings of a batch."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from napari_calcdyn.jobs.report.style import CSS
from napari_calcdyn.jobs.result_folder import METRICS
from napari_calcdyn.recording.writing import replacing, write_table, writing

from .plan import Task
from .records import LOG, Record

TABLE, PAGE = "summary.csv", "summary.html"
_COLUMNS = (
    "recording", "settings", "job", "state", "why", "note", "seconds", "attempts", "peak_gb", "findings", "folder",
)  # fmt: skip
_PICTURES = {"run": 0, "neurons": 0, "influence": 1, "compare": 1, "check": 2}  # lower ones are shown first
_FIRST = ("report.html", "quality.png", LOG)  # what a link to a job opens: the first of these that is there
_BAD = ("failed", "left out", "stopped")
_CSS = """
img { display: block; width: 14rem; max-width: 40vw; height: auto; border-radius: .3rem; background: #fff; }
td ul { margin: 0; padding-left: 1.1rem; } .table { max-height: none; }
.bad { color: var(--warn); font-weight: 600; }
"""


def write_summary(out: Path, tasks: list[Task], records: Mapping[Path, Record]) -> None:
    """Write both files, each in one step.

    Parameters
    ----------
    out : Path
        Folder of the batch.
    tasks : list of Task
        All of them.
    records : mapping of Path to Record
        How each stands, by its folder.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    found = {task.folder: _findings(task) for task in tasks if _has_results(records[task.folder])}
    write_table(out / TABLE, [_COLUMNS, *_rows(out, tasks, records, found)])
    with writing(out), replacing(out / PAGE) as beside:
        beside.write_text(_page(out, tasks, records, found), encoding="utf-8")


def in_words(records: Mapping[Path, Record]) -> str:
    """Return how many tasks ended in which way, such as ``7 done, 1 failed``.

    Parameters
    ----------
    records : mapping of Path to Record
        How each task stands.

    Returns
    -------
    str
        The counts.
    """
    return ", ".join(
        f"{number} {state}" for state, number in Counter(it.state for it in records.values()).items()
    )


def _has_results(record: Record) -> bool:
    return record.state in ("done", "as before")


def _findings(task: Task) -> list[str]:
    """Return what a job found wrong with its recording; a result that cannot be read says nothing."""
    if task.job == "export":
        return []
    try:
        values: dict[str, Any] = json.loads((task.folder / METRICS[task.job]).read_text(encoding="utf-8"))
        return [str(it) for it in values.get("findings") or []]
    except (OSError, ValueError):
        return []


def _rows(
    out: Path, tasks: list[Task], records: Mapping[Path, Record], found: Mapping[Path, list[str]]
) -> Iterator[tuple[object, ...]]:
    for task in tasks:
        it = records[task.folder]
        yield (
            task.recording,
            task.settings,
            task.job,
            it.state,
            it.why,
            it.note,
            it.seconds,
            it.attempts,
            it.peak_gb,
            " ".join(found.get(task.folder, [])),
            Path(os.path.relpath(task.folder, out)).as_posix(),
        )


def _page(
    out: Path, tasks: list[Task], records: Mapping[Path, Record], found: Mapping[Path, list[str]]
) -> str:
    of: dict[str, list[Task]] = {}
    for task in tasks:
        of.setdefault(task.recording, []).append(task)
    bad = [task for task in tasks if records[task.folder].state in _BAD]
    listed = "".join(
        f"<li>{escape(_name(task))}: {escape(records[task.folder].state)}."
        f" {escape(records[task.folder].why)} {_link(out, task, 'log', (LOG,))}</li>"
        for task in bad
    )
    problems = (
        f'<div class="card warn"><h3>Not done</h3><ul>{listed}</ul></div>'
        if bad
        else "<p>Nothing went wrong.</p>"
    )
    body = "".join(_recording(out, name, its, records, found) for name, its in of.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Batch of {len(of)} recordings</title>\n<style>{CSS}{_CSS}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Batch of {len(of)} recordings</h1>\n"
        f'<p class="soft">{escape(in_words(records))}. The numbers are in {TABLE}.</p>\n{problems}\n'
        '<div class="card table"><table><thead><tr><th>Recording</th><th>Picture</th><th>Jobs</th>'
        f"<th>Findings</th></tr></thead>\n<tbody>{body}</tbody></table></div>\n</main>\n</body>\n</html>\n"
    )


def _recording(
    out: Path,
    name: str,
    tasks: list[Task],
    records: Mapping[Path, Record],
    found: Mapping[Path, list[str]],
) -> str:
    jobs = "".join(f"<li>{_job(out, task, records[task.folder])}</li>" for task in tasks)
    texts = dict.fromkeys(text for task in tasks for text in found.get(task.folder, []))
    findings = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return (
        f"<tr><td><strong>{escape(name)}</strong></td><td>{_picture(out, tasks)}</td><td><ul>{jobs}</ul></td>"
        f"<td>{f'<ul>{findings}</ul>' if findings else '–'}</td></tr>\n"
    )


def _job(out: Path, task: Task, record: Record) -> str:
    label = f"{task.job}, {task.settings}" if task.settings else task.job
    kind = ' class="bad"' if record.state in _BAD else ""
    took = f" in {record.seconds:.3g} s" if record.seconds else ""
    note = f" {escape(record.note)}" if record.note else ""
    return f"{_link(out, task, label, _FIRST)}: <span{kind}>{escape(record.state)}</span>{took}.{note}"


def _name(task: Task) -> str:
    return (
        f"{task.recording}, {task.settings}, {task.job}" if task.settings else f"{task.recording}, {task.job}"
    )


def _link(out: Path, task: Task, label: str, names: tuple[str, ...]) -> str:
    for name in names:
        if (task.folder / name).exists():
            return f'<a href="{_address(out, task.folder / name)}">{escape(label)}</a>'
    return escape(label)


def _picture(out: Path, tasks: list[Task]) -> str:
    """Return the picture of the job that says most; browsers load it when it comes into sight."""
    for task in sorted(tasks, key=lambda it: _PICTURES.get(it.job, 3)):
        file = task.folder / ("quality.png" if task.job == "check" else "overview.png")
        if file.exists():
            address = _address(out, file)
            alt = escape(f"Pictures of {task.recording}")
            return f'<a href="{address}"><img src="{address}" alt="{alt}" loading="lazy"></a>'
    return "–"


def _address(out: Path, file: Path) -> str:
    return escape(quote(Path(os.path.relpath(file, out)).as_posix()))
