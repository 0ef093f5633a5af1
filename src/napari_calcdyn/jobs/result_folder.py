"""Result folder of a command, checked before anything is computed and filled in one step at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import writing

Command = Literal["run", "neurons", "recordings", "compare", "influence", "check"]

CELLS_FILE, ROIS_FILE, TRACES_FILE = "cells_found.tif", "rois.npz", "traces.npy"
NEURONS_FILE, COMPARISON_FILE = "neurons.npz", "comparison.npz"
"""All numbers to the last digit, for the window."""

SOURCES_FILE = "contribution_sources.tif"
BY_RECORDING = "by_recording"
METRICS: dict[Command, str] = {
    "run": "metrics.json",
    "neurons": "metrics.json",
    "recordings": "recordings.json",
    "compare": "comparison.json",
    "influence": "influence.json",
    "check": "quality.json",
}
RESULTS: dict[Command, tuple[str, ...]] = {
    "run": (
        "mean.tif",
        "contribution_explained.tif",
        "contribution_amplitude.tif",
        SOURCES_FILE,
        "latents.npy",
        "var.npz",
        "model",
        "overview.png",
        "report.html",
        METRICS["run"],  # moved last, so a folder with it is complete
    ),
    "neurons": (
        "neurons.csv",
        TRACES_FILE,
        "reconstruction.npy",
        "denoised.npy",
        "denoised_sd.npy",
        NEURONS_FILE,
        "model",
        "overview.png",
        "report.html",
        METRICS["neurons"],
    ),
    "recordings": ("neurons.csv", "model", "overview.png", "report.html", METRICS["recordings"]),
    "compare": (
        "explained_a.tif",
        "explained_b.tif",
        "difference.tif",
        COMPARISON_FILE,
        "overview.png",
        "report.html",
        METRICS["compare"],
    ),
    "influence": (
        ROIS_FILE,
        "influence.csv",
        "influence.graphml",
        "overview.png",
        "report.html",
        METRICS["influence"],
    ),
    "check": ("quality.png", METRICS["check"]),
}
"""Files that each command writes; `recordings` is ``calcdyn neurons`` with several inputs."""
ONLY_SOMETIMES: dict[Command, tuple[str, ...]] = {
    "run": (
        "contribution_own.tif",
        "contribution_driven.tif",
        "contribution_driving.tif",
        "connections.csv",
        "connections.graphml",
        CELLS_FILE,
        ROIS_FILE,
        TRACES_FILE,
        BY_RECORDING,
    ),
    "neurons": (CELLS_FILE, ROIS_FILE),
    "compare": (CELLS_FILE, ROIS_FILE),
    "influence": (CELLS_FILE,),
}
"""Files that a command writes besides: the cells where it finds them itself, ROIs where there are any, and maps of each
recording where there are several."""

_MADE_BY = "napari-calcdyn"


def unfinished_folder(folder: str | Path, command: Command) -> Path:
    """Return the hidden folder in a result folder where a command works until its results are complete.

    Parameters
    ----------
    folder : str or Path
        Where the results belong.
    command : {"run", "neurons", "recordings", "compare", "influence", "check"}
        Whose results they are.

    Returns
    -------
    Path
        There or not.
    """
    return Path(folder, f".unfinished-{command}")


@contextmanager
def result_folder(folder: str | Path, command: Command) -> Iterator[Path]:
    """Yield an empty folder for results, and move them to their place when all are there.

    An error, or the user's interruption, leaves the folder as it was. Results of an earlier run are replaced;
    files of other names stay. A run that is killed leaves its `unfinished_folder`, which the next one empties.

    Parameters
    ----------
    folder : str or Path
        Where the results belong; made if it does not exist.
    command : {"run", "neurons", "recordings", "compare", "influence", "check"}
        Whose results they are.

    Yields
    ------
    Path
        An empty folder in the `unfinished_folder`, to be filled with the files of `RESULTS`, and at times those of
        `ONLY_SOMETIMES`; `write_metrics` writes the last one. What is put beside it stays there until a run is
        complete.

    Raises
    ------
    InputError
        If the folder cannot be written, or has files of these names that are not from an earlier run.
    """
    folder, names = Path(folder), _names(command)
    _refuse_to_replace(folder, command)
    unfinished = unfinished_folder(folder, command)
    new, old = unfinished / "new", unfinished / "old"
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    with ExitStack() as clean_up:
        clean_up.callback(_remove_empty, [unfinished, *made])
        with writing(folder):
            for part in (new, old):
                _remove(part)
                clean_up.callback(_remove, part)
                part.mkdir(parents=True)
        yield new
        with writing(folder):
            for name in names[::-1]:
                if (folder / name).exists():
                    (folder / name).rename(old / name)
            for name in names:
                if name in RESULTS[command] or (new / name).exists():
                    (new / name).rename(folder / name)
        _remove(unfinished)


def write_metrics(folder: Path, command: Command, metrics: dict[str, Any]) -> None:
    """Write the metrics, by which a later run recognises a folder of results.

    Parameters
    ----------
    folder : Path
        From `result_folder`.
    command : {"run", "neurons", "recordings", "compare", "influence", "check"}
        Whose results they are.
    metrics : dict
        The measurements; the command and the version of this program are added to them.
    """
    metrics |= {"command": command, "made_by": f"{_MADE_BY} {version(_MADE_BY)}"}
    (folder / METRICS[command]).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


def read_metrics(folder: Path, command: Command) -> dict[str, Any]:
    """Read what `write_metrics` wrote.

    Parameters
    ----------
    folder : Path
        A result folder.
    command : {"run", "neurons", "recordings", "compare", "influence", "check"}
        Whose results it holds.

    Returns
    -------
    dict
        Empty where there is no such file of this command, or it cannot be read.
    """
    try:
        metrics = json.loads((folder / METRICS[command]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) and metrics.get("command", "run") == command else {}


def _names(command: Command) -> tuple[str, ...]:
    return (*ONLY_SOMETIMES.get(command, ()), *RESULTS[command])


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders that are still empty, the innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _refuse_to_replace(folder: Path, command: Command) -> None:
    """Raise InputError if results would replace files that no earlier run of the same command wrote."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: choose a folder for the results.")
    others = [name for name in _names(command) if (folder / name).exists()]
    if others and not _is_earlier_run(folder, command):
        typed = "neurons` with several inputs" if command == "recordings" else f"{command}`"
        raise InputError(
            f"{folder} holds a {others[0]} that is not from an earlier run of `calcdyn {typed}: choose another"
            " folder."
        )


def _is_earlier_run(folder: Path, command: Command) -> bool:
    """Return whether the results of a run are there, or of one that was killed while it moved them there."""
    return any(
        str(read_metrics(place, command).get("made_by")).startswith(_MADE_BY)
        for place in (folder, unfinished_folder(folder, command) / "new")
    )
