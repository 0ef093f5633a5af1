"""Write a benchmark's numbers down together with the machine and the command that made them."""

from __future__ import annotations

import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "numba", "torch", "tifffile", "dask", "scikit-learn", "napari-calcdyn")


def machine() -> dict[str, str | int]:
    """Describe this computer: processor, cores this process may use, memory, Python and packages."""
    about: dict[str, str | int] = {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            about[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return about


def table(rows: list[dict[str, object]]) -> str:
    """Lay rows out as a Markdown table; its columns are the keys of all rows, in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def save(name: str, rows: list[dict[str, object]], *, command: str, notes: str = "") -> None:
    """Print a benchmark's table and write it to ``results/<name>.json`` and ``results/<name>.md``.

    Parameters
    ----------
    name : str
        File name without its ending.
    rows : list of dict
        One dict per line of the table, keys are column headings with their units.
    command : str
        What a reader types to measure the same.
    notes : str
        Conditions and limits that belong beside the numbers.
    """
    RESULTS.mkdir(exist_ok=True)
    about = machine()
    date = datetime.date.today().isoformat()
    record = {"command": command, "date": date, "machine": about, "notes": notes, "rows": rows}
    (RESULTS / f"{name}.json").write_text(
        json.dumps(record, indent=2, default=float) + "\n", encoding="utf-8"
    )
    versions = ", ".join(f"{key} {value}" for key, value in about.items() if key in PACKAGES)
    text = [
        f"`{command}`, {date}: {about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, "
        f"Python {about['python']}, {versions}.",
        table(rows),
    ]
    if notes:
        text.append(notes)
    page = "\n\n".join(text) + "\n"
    (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory_gb() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, ValueError, OSError):
        return 0
