"""Tables of the AVAE benchmark: a row for every training, written as soon as it is measured."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, write_table

from .grid import Grid, Run, Score

RUNS, SETTINGS = "runs.csv", "benchmark.json"
_COLUMNS = ("sigma", "hidden", "latent", "beta", "partition", "method")


def claim(folder: Path, grid: Grid, device: str) -> None:
    """Write the settings of a benchmark to its folder, or check that they are the same.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    grid : Grid
        What is run.
    device : str
        Where.

    Raises
    ------
    InputError
        If the folder holds another benchmark, or other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    methods = {"avae": "standard", "paper": "paper"}  # rows of other defaults must not be mixed in
    models = {method: AVAEConfig.preset(preset).model_dump() for method, preset in methods.items()}
    settings = json.loads(json.dumps({"grid": asdict(grid), "device": device, "models": models}))
    file = folder / SETTINGS
    if file.exists():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != settings:
            raise InputError(f"{folder} holds another benchmark: choose another folder, or the same options.")
        return
    if any(folder.iterdir()):
        raise InputError(f"{folder} holds other files: choose an empty folder for the benchmark.")
    write_text(file, json.dumps(settings, indent=2) + "\n")


def read_runs(folder: str | Path) -> dict[Run, Score]:
    """Read the scores that were measured so far.

    Parameters
    ----------
    folder : str or Path
        Of `run_benchmark`.

    Returns
    -------
    dict of Run to Score
        Empty if there are none; a last row that was cut off is left out.
    """
    try:
        text = (Path(folder) / RUNS).read_bytes()
    except FileNotFoundError:
        return {}
    done = {}
    for row in csv.DictReader(_complete(text).decode().splitlines()):
        run = Run(
            float(row["sigma"]),
            int(row["hidden"]),
            int(row["latent"]),
            float(row["beta"]) if row["beta"] else None,
            int(row["partition"]),
            row["method"],
            row["split"],
        )
        done[run] = Score(*(float(row[field.name]) for field in fields(Score)))
    return done


def add_run(folder: Path, run: Run, score: Score) -> None:
    """Add a row to ``runs.csv``, in place of one that was cut off.

    Parameters
    ----------
    folder : Path
        Of the benchmark.
    run : Run
        What was trained.
    score : Score
        What was measured.
    """
    file = folder / RUNS
    if not file.exists():
        write_table(file, [tuple(field.name for field in (*fields(Run), *fields(Score)))])
    values = ("" if value is None else str(value) for value in (*_values(run), *_values(score)))
    with file.open("r+b") as lines:
        lines.seek(len(_complete(lines.read())))
        lines.truncate()
        lines.write(",".join(values).encode() + b"\n")


def _complete(text: bytes) -> bytes:
    """Return the lines that end with a line break; a number in another line may have lost digits."""
    return text[: text.rfind(b"\n") + 1]


def _values(row: Run | Score) -> tuple[Any, ...]:
    return tuple(getattr(row, field.name) for field in fields(row))


def write_tables(folder: str | Path, runs: dict[Run, Score]) -> None:
    """Write ``reconstruction.csv`` and ``representation.csv``, of the split by neurons, each in one step.

    Parameters
    ----------
    folder : str or Path
        Where to.
    runs : dict of Run to Score
        What was measured.
    """
    for name, column in (("reconstruction", "mse"), ("representation", "ari")):
        rows: list[tuple[Any, ...]] = [(*_COLUMNS, column)]
        rows += [
            (*("" if value is None else value for value in _values(run)[:-1]), getattr(score, column))
            for run, score in sorted(runs.items(), key=lambda item: _place(item[0]))
            if run.split == "neurons"
        ]
        write_table(Path(folder) / f"{name}.csv", rows)


def _place(run: Run) -> tuple[Any, ...]:
    return (
        run.sigma,
        run.hidden,
        run.latent,
        run.method,
        -1.0 if run.beta is None else run.beta,
        run.partition,
    )


def write_text(file: Path, text: str) -> None:
    """Write a text file in one step.

    Parameters
    ----------
    file : Path
        Replaced if it exists.
    text : str
        What to write.
    """
    with replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")
