"""HDF5 files opened with care: nothing in them leads to other files or loads code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .hdf5_stored import check_readable, check_whole, path_of
from .hdf5_texts import check_texts

HDF5_ENDINGS = (".h5", ".hdf5", ".nwb", ".mat", ".nc", ".mesc")
MOST_PIXELS = 2**28  # of a frame
_MOST_LINKS = 16
_MOST_LISTED = 8


@contextmanager
def opened(path: Path, *, again: bool = False) -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever goes wrong with it becomes an `InputError`.

    Parameters
    ----------
    path : Path
        The file.
    again : bool
        Whether it was opened before, so that its texts need not be checked.

    Yields
    ------
    h5py.File
        Closed afterwards.

    Raises
    ------
    InputError
        If it cannot be opened or read.
    """
    import h5py  # takes 0.2 s

    start = b""
    try:
        with path.open("rb") as raw:
            start = raw.read(16)
            if not again:
                check_texts(raw)
        # Numbers of a damaged file may be anything.
        with (
            h5py.File(path, "r", locking="best-effort") as file,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            yield file
    except InputError:
        raise
    except Exception as error:  # damaged bytes raise errors of all kinds
        if isinstance(error, OSError) and isinstance(error.errno, int) and not h5py.is_hdf5(path):
            raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
        if start.startswith(b"MATLAB 5.0"):
            raise InputError(
                f"{path.name} is a MATLAB file of version 7 or earlier: save it in MATLAB with save(…, '-v7.3')."
            ) from error
        raise InputError(
            f"{path.name} is no HDF5 file, or it is truncated or damaged: copy it again from its source."
        ) from error


def find(group: Any, name: str) -> Any:
    """Return what a name leads to in a file, without leaving the file.

    Parameters
    ----------
    group : h5py.Group
        Where to start.
    name : str
        Names joined by ``/``, from the top of the file if it begins with one.

    Returns
    -------
    h5py.Group, h5py.Dataset or None
        None if there is no such thing.

    Raises
    ------
    InputError
        If a link leads to another file.
    """
    from h5py import Group, h5l

    path = path_of(group).name
    at, links = group, 0
    names = deque(name.split("/"))
    if name.startswith("/"):
        at = group.file["/"]
    while names:
        part = names.popleft().encode()
        if part in (b"", b"."):
            continue
        if not isinstance(at, Group) or not at.id.links.exists(part):
            return None
        kind = at.id.links.get_info(part).type
        if kind == h5l.TYPE_HARD:
            at = at[part]
            continue
        links += 1
        if kind == h5l.TYPE_EXTERNAL:
            other = at.id.links.get_val(part)[0].decode(errors="replace")
            raise InputError(f"{path} keeps {name} in another file, {other}: open that file.")
        if kind != h5l.TYPE_SOFT or links > _MOST_LINKS:
            return None
        target = at.id.links.get_val(part).decode()
        names.extendleft(reversed(target.split("/")))
        if target.startswith("/"):
            at = group.file["/"]
    return at


def objects(group: Any) -> list[Any]:
    """Return all groups and data sets below a group, each once; links to other places are left out."""
    found: list[Any] = []
    group.visititems(lambda _, it: found.append(it))
    return found


def array(group: Any, name: str) -> Any:
    """Return the data set of that name below a group, None if there is none or it holds no numbers."""
    from h5py import Dataset

    found = find(group, name)
    return found if isinstance(found, Dataset) and found.dtype.kind in "biuf" and found.shape else None


def attribute(item: Any, name: str) -> Any:
    """Return an attribute that is one text or one number, None for anything else."""
    value = item.attrs.get(name)
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value if isinstance(value, str | int | float) else None


def number(group: Any, name: str) -> float | None:
    """Return the one number in a data set, None if there is none."""
    found = find(group, name)
    if getattr(found, "size", None) != 1 or found.dtype.kind not in "iuf":
        return None
    check_readable(found)
    return float(np.asarray(found[()]).item())


def numbers(group: Any, name: str) -> NDArray[Any] | None:
    """Return all numbers in a data set, None if there is no such data set or it holds no numbers.

    Parameters
    ----------
    group : h5py.Group
        Where it is.
    name : str
        Its name.

    Returns
    -------
    ndarray or None
        In memory.

    Raises
    ------
    InputError
        If not all of it is in the file.
    """
    found = array(group, name)
    if found is None:
        return None
    check_whole(found)
    return np.asarray(found[()])


def choose(path: Path, kind: str, found: Sequence[Any], dataset: str | None) -> Any:
    """Return the one of several groups or data sets that was chosen by name, or the only one.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What they are, such as "movie".
    found : sequence of h5py.Group or h5py.Dataset
        What there is to choose from.
    dataset : str or None
        The name of one of them.

    Returns
    -------
    h5py.Group or h5py.Dataset
        That one.

    Raises
    ------
    InputError
        If there is none, none of that name, or several and no name.
    """
    if not found:
        raise InputError(f"{path.name} holds no {kind}: choose a file that does.")
    if dataset is None and len(found) == 1:
        return found[0]
    names = {it.name.strip("/"): it for it in found}
    if dataset is not None and dataset.strip("/") in names:
        return names[dataset.strip("/")]
    listed = ", ".join(f'dataset="/{name}"' for name in list(names)[:_MOST_LISTED]) + " …" * (
        len(names) > _MOST_LISTED
    )
    if dataset is None:
        raise InputError(f"{path.name} holds several {kind.removesuffix('s')}s: choose one with {listed}.")
    raise InputError(f"{path.name} holds no {kind} {dataset}: choose {listed}.")
