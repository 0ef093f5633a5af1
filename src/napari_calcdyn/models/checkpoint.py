"""Saved models and trainings: numbers as safetensors, everything else as JSON. Loading never executes code."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save, save_file
from torch import Tensor

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

VAR_AUTOENCODER = "napari-calcdyn ℓ1-VAR autoencoder"
AVAE = "napari-calcdyn AVAE"
KINDS = "napari-calcdyn kinds of neurons"

_USED_IN = {
    VAR_AUTOENCODER: "open it in the Dynamics panel",
    AVAE: "open it in the Neurons panel",
    KINDS: "give the folder around it to calcdyn neurons --onto",
}
_FORMAT_VERSION = 1
_SETTINGS = "model.json"
_NUMBERS = "model.safetensors"
_VALUES = "values"
_LIBRARIES = ("napari-calcdyn", "torch", "numpy", "safetensors")


def save_checkpoint(folder: Path, kind: str, tensors: dict[str, Tensor], settings: dict[str, Any]) -> None:
    """Write a model to a temporary folder, then move it to its place.

    Parameters
    ----------
    folder : Path
        Made or replaced.
    kind : str
        `VAR_AUTOENCODER`, `AVAE` or `KINDS`.
    tensors : dict of str to Tensor
        The numbers.
    settings : dict
        The rest, as JSON can hold it.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds anything other than a model of this kind.
    """
    if not _may_be_replaced(folder, kind):
        raise InputError(
            f"{folder} holds files other than a model of this kind: choose another folder to save to."
        )
    libraries = {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}
    settings = {"format": kind, "version": _FORMAT_VERSION, **settings, "libraries": libraries}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, new / _NUMBERS)
            (new / _SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")
            _swap(folder, new, old)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"The model cannot be saved to {folder} ({reason}): choose a folder that you may write to."
        ) from error


@contextmanager
def open_checkpoint(folder: Path, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Tensor]]]:
    """Read a model, and raise InputError for any error while the model is built from it.

    Parameters
    ----------
    folder : Path
        What `save_checkpoint` wrote.
    kind : str
        `VAR_AUTOENCODER`, `AVAE` or `KINDS`.

    Yields
    ------
    settings : dict
        As they were saved.
    tensors : dict of str to Tensor
        On the CPU.

    Raises
    ------
    InputError
        If it holds no model of this kind, or one that is damaged.
    """
    settings = _read_settings(folder, kind)
    try:
        yield settings, load_file(folder / _NUMBERS)
    except (
        OSError,
        SafetensorError,
        ValidationError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:
        raise InputError(
            f"The model in {folder} is damaged or was written by another version: train or save it again."
        ) from error


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, without it.

    Parameters
    ----------
    tensors : dict of str to Tensor
        Numbers of a model.
    prefix : str
        For example ``"network."``.

    Returns
    -------
    dict of str to Tensor
        As `torch.nn.Module.load_state_dict` takes it.
    """
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def with_prefix_added(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors under names that start with `prefix`; `with_prefix` takes it away.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        As `torch.nn.Module.state_dict` returns it.
    prefix : str
        For example ``"network."``.

    Returns
    -------
    dict of str to Tensor
        The same tensors.
    """
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def save_numbers(file: Path, tensors: Mapping[str, Tensor], values: dict[str, Any]) -> None:
    """Write numbers and some values to one file, which is the old or the new one whenever the program is killed.

    Parameters
    ----------
    file : Path
        Made or replaced.
    tensors : mapping of str to Tensor
        The numbers.
    values : dict
        The rest, as JSON can hold it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    numbers = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with writing(file.parent), replacing(file) as beside:
        beside.write_bytes(save(numbers, {_VALUES: json.dumps(values)}))


def load_numbers(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_numbers` wrote.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    tensors : dict of str to Tensor
        On the CPU.
    values : dict
        The rest.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is damaged.
    """
    try:
        with safe_open(file, "pt") as opened:
            values = json.loads(opened.metadata()[_VALUES])
            # copies, or the tensors would be the file, which is replaced later
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged.") from error
    return tensors, values


def _may_be_replaced(folder: Path, kind: str) -> bool:
    """Return whether the folder is missing or empty, or holds only a model of this kind."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    if not names:
        return True
    try:
        _read_settings(folder, kind)
    except InputError:
        return False
    return names <= {_SETTINGS, _NUMBERS}


def _swap(folder: Path, new: Path, old: Path) -> None:
    """Move the old model away and the new one to its place; undo both if one fails."""
    replaced = folder.exists()
    if replaced:
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if replaced:
            old.rename(folder)
        raise


def _read_settings(folder: Path, kind: str) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(f"There is no model folder {folder}: check the path.")
    try:
        settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    found = settings.get("format") if isinstance(settings, dict) else None
    if found not in _USED_IN:
        raise InputError(
            f"{folder} is not a model of napari-calcdyn: choose the folder that was saved, with {_SETTINGS}"
            " in it."
        )
    if found != kind:
        raise InputError(
            f"{folder} holds the other kind of model: {_USED_IN[found]}, or choose another folder."
        )
    assert isinstance(settings, dict)
    if settings.get("version") != _FORMAT_VERSION:
        raise InputError(f"The model in {folder} is of another version of napari-calcdyn: train it again.")
    return settings
