"""The folder that `calcdyn run` writes: checked before anything is computed, filled in one go at the end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    with ExitStack() as clean_up:
        clean_up.callback(_remove_empty, made)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            beside = clean_up.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-"))
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            old.mkdir()
        yield new
        with writing(folder):
            for name in RESULTS[::-1]:
                if (folder / name).exists():
                    (folder / name).rename(old / name)
            for name in RESULTS:
                (new / name).rename(folder / name)


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Say which folder could not be written, where something goes wrong with it.

    Parameters
    ----------
    folder : str or Path
        As the user named it.

    Yields
    ------
    None
        While the work on it is done.

    Raises
    ------
    InputError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be written ({error.strerror or error}): choose another one."
        ) from error


def _remove_empty(folders: list[Path]) -> None:
    """Remove what was made for nothing, from the inside out."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


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
