"""Arrays and plain values together in one ``.npz`` file, read without executing anything in it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .writing import replacing, writing

Packed = TypeVar("Packed")

_VALUES = "values"
_KINDS = "biufcU"  # of arrays: numbers, truth values and texts


def save_packed(file: Path, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
    """Write arrays and values.

    Parameters
    ----------
    file : Path
        An ``.npz`` file, made or replaced in one step; not compressed, so that reading it takes no more memory than it
        has bytes.
    arrays : mapping of str to ndarray
        Numbers, truth values or texts.
    values : mapping
        The rest, as JSON can hold it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    packed: dict[str, Any] = {f"array.{name}": it for name, it in arrays.items()}
    packed[_VALUES] = json.dumps(dict(values))
    with writing(file.parent), replacing(file) as beside:
        np.savez(beside, **packed)


def load_packed(file: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save_packed` wrote.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    arrays : dict of str to ndarray
        In memory.
    values : dict
        The rest.

    Raises
    ------
    InputError
        If it is missing, damaged, or holds something else.
    """
    try:
        with zipfile.ZipFile(file) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                raise ValueError("it is compressed")
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        values = json.loads(str(arrays.pop(_VALUES)))
        if not isinstance(values, dict) or any(it.dtype.kind not in _KINDS for it in arrays.values()):
            raise ValueError("it holds something else")
        return {name.removeprefix("array."): it for name, it in arrays.items()}, values
    except OSError as error:
        raise InputError(f"{file.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(f"{file.name} is damaged: copy or make it again.") from error


def save_object(file: Path, of: Any) -> None:
    """Write a dataclass of arrays, mappings of arrays, plain values, and others of its kind.

    Parameters
    ----------
    file : Path
        An ``.npz`` file, made or replaced in one step.
    of : dataclass
        The object.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    arrays, values = _apart(of, "")
    save_packed(file, arrays, values)


def load_object(file: Path, kind: type[Packed], **nested: type[Any]) -> Packed:
    """Read what `save_object` wrote.

    Parameters
    ----------
    file : Path
        The file.
    kind : type
        The dataclass; nothing in the file chooses it.
    **nested : type
        Those in it, by the names of their fields.

    Returns
    -------
    object
        Of that kind.

    Raises
    ------
    InputError
        If it is missing, damaged, or holds something else.
    """
    arrays, values = load_packed(file)
    try:
        found: Packed = _together(kind, "", arrays, values, nested)
    except InputError as error:
        raise InputError(f"{file.name} cannot be used: {error}") from error
    except Exception as error:  # whatever a part that is not as it was written raises
        raise InputError(f"{file.name} is damaged or holds something else: copy or make it again.") from error
    return found


def _apart(of: Any, start: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    values: dict[str, Any] = {}
    for name, value in ((start + it.name, getattr(of, it.name)) for it in fields(of)):
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, Mapping) and all(isinstance(it, np.ndarray) for it in value.values()):
            values[name] = {"keys": list(value)}
            arrays |= {f"{name}.{number}": it for number, it in enumerate(value.values())}
        elif is_dataclass(value):
            values[name] = True
            more, others = _apart(value, f"{name}.")
            arrays |= more
            values |= others
        else:
            values[name] = value.item() if isinstance(value, np.generic) else value
    return arrays, values


def _together(
    kind: type[Any],
    start: str,
    arrays: Mapping[str, NDArray[Any]],
    values: Mapping[str, Any],
    nested: Mapping[str, type[Any]],
) -> Any:
    parts: dict[str, Any] = {}
    for field in fields(kind):
        name = start + field.name
        if name in arrays:
            parts[field.name] = arrays[name]
            continue
        value = values[name]
        if value is True and field.name in nested:
            parts[field.name] = _together(nested[field.name], f"{name}.", arrays, values, nested)
        elif isinstance(value, dict) and list(value) == ["keys"]:
            parts[field.name] = {key: arrays[f"{name}.{number}"] for number, key in enumerate(value["keys"])}
        else:
            parts[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**parts)
