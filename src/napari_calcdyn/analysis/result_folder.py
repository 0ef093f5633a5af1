"""The folder that `calcdyn run` writes: checked before anything is computed, filled in one go at the end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..recording import InputError

METRICS = "metrics.json"
MADE_BY = "napari-calcdyn"
RESULTS = (
    "mean.tif",
    "contribution_explained.tif",
    "contribution_amplitude.tif",
    "contribution_sources.tif",
    "latents.npy",
    "var.npz",
    "model",
    "overview.png",
    METRICS,  # moved last: where it is, everything is
)


@contextmanager
def result_folder(folder: str | Path) -> Iterator[Path]:
    """Give a place to write results to, and move them to their folder when all are there.

    An error, or the user's interruption, leaves the folder as it was. Results of an earlier run are replaced;
    files of other names stay.

    Parameters
    ----------
    folder : str or Path
        Where the results belong; made if it does not exist.

    Yields
    ------
    Path
        An empty folder inside it, to be filled with files named as in `RESULTS`.

    Raises
    ------
    InputError
        If the folder cannot be written, or has files of these names that are not from an earlier run.
    """
    folder = Path(folder)
    _refuse_to_replace(folder)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            old.mkdir()
            yield new
            for name in (METRICS, *RESULTS):
                if (folder / name).exists():
                    (folder / name).rename(old / name)
                if (new / name).exists() and name != METRICS:
                    (new / name).rename(folder / name)
            (new / METRICS).rename(folder / METRICS)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be written ({error.strerror or error}): choose another one."
        ) from error
    finally:
        for empty in made:  # what was made for nothing, from the inside out
            try:
                empty.rmdir()
            except OSError:
                break


def _refuse_to_replace(folder: Path) -> None:
    """Raise InputError where results would replace what is not from an earlier run."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: choose a folder for the results.")
    others = [name for name in RESULTS if (folder / name).exists()]
    if others and not _is_earlier_run(folder):
        raise InputError(
            f"{folder} holds a {others[0]} that is not from an earlier run: choose another folder."
        )


def _is_earlier_run(folder: Path) -> bool:
    try:
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(metrics, dict) and str(metrics.get("made_by")).startswith(MADE_BY)
