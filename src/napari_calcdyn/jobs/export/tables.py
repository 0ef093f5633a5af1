"""Results as CSV files for spreadsheets, R and MATLAB."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, write_table, writing

from .results import Results

ABOUT = "about.json"


def write_tables(folder: Path, results: Results) -> list[Path]:
    """Write every table of a result, and what it was made from.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; files of these names must not be there.
    results : Results
        From `read_results`.

    Returns
    -------
    list of Path
        The files: ``traces.csv``, ``denoised.csv``, ``denoised_sd.csv``, ``redrawn.csv`` and
        ``latents.csv`` with time in rows, ``neurons.csv``,
        ``rois.csv``, ``connections.csv`` and, of the latents of a run, ``dynamics.csv``, as far as there are such, and
        ``about.json``.

    Raises
    ------
    InputError
        If a file is there already, or cannot be written.
    """
    tables = dict(_tables(results))
    files = [folder / name for name in (*tables, ABOUT)]
    for file in files:
        if file.exists():
            raise InputError(f"{file} is there already: choose another folder.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        write_table(folder / name, rows)
    with writing(folder), replacing(folder / ABOUT) as beside:
        beside.write_text(results.json() + "\n", encoding="utf-8")
    return files


def _tables(results: Results) -> Iterator[tuple[str, Iterable[Iterable[object]]]]:
    numbers = results.neurons.get("roi_id", () if results.rois is None else results.rois.ids)
    ids = [f"roi_{number:.0f}" for number in numbers]
    for name, values in (
        ("traces", results.traces),
        ("denoised", results.denoised),
        ("denoised_sd", results.denoised_sd),
        ("redrawn", results.redrawn),
    ):
        if values is not None:
            yield f"{name}.csv", _over_time(ids, values.T, results.frame_rate)
    if results.latents is not None:
        names = [f"latent_{number}" for number in range(results.latents.shape[1])]
        yield "latents.csv", _over_time(names, results.latents, results.frame_rate)
    if results.neurons:
        yield "neurons.csv", _columns(results.neurons)
    if results.rois is not None:
        rois = results.rois
        y, x = rois.centres.T
        yield (
            "rois.csv",
            _columns({"roi_id": rois.ids, "y": y, "x": x, "pixels": np.diff(rois.footprints.indptr)}),
        )
    if results.connections:
        name = "dynamics.csv" if results.command == "run" else "connections.csv"
        yield name, _columns(results.connections)
    if results.roi_connections:
        yield "connections.csv", _columns(results.roi_connections)


def _over_time(
    names: list[str], values: NDArray[np.float32], frame_rate: float | None
) -> Iterator[Iterable[object]]:
    """Yield names, then time in seconds, or the frame where that is not known, and the values."""
    yield ["time_s" if frame_rate else "frame", *names]
    for frame, row in enumerate(values.tolist()):
        yield [_cell(frame / frame_rate) if frame_rate else frame, *map(_cell, row)]


def _columns(columns: dict[str, NDArray[Any]]) -> Iterator[Iterable[object]]:
    yield columns
    for row in zip(*(it.tolist() for it in columns.values()), strict=True):
        yield map(_cell, row)


def _cell(value: object) -> object:
    """Write numbers as short as float32 allows, and nothing for what is not known."""
    if not isinstance(value, float):
        return value
    if value.is_integer() and abs(value) < 1e15:
        return int(value)
    return "" if math.isnan(value) else f"{value:.9g}"
