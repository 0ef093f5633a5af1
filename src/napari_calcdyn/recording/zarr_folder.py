"""Zarr folders opened with care: what they say is read as JSON first, and only known ways of storing are decoded."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")
EXTRA = "formats"  # of this package, with which zarr is installed
_MOST_BYTES = 2**24  # of a file of metadata
_MOST_CHUNK_BYTES = 2**30
_MOST_NODES = 4096
_DEEPEST = 8
# Others may run code, as the codec named pickle does, or load whatever package is installed under their name.
_CODECS = {
    "blosc", "zstd", "zlib", "gzip", "lz4", "bz2", "lzma", "delta", "shuffle", "bitround", "fixedscaleoffset",
    "crc32", "crc32c", "adler32", "fletcher32", "bytes", "endian", "transpose", "sharding_indexed",
}  # fmt: skip


@dataclass(frozen=True)
class ZarrArray:
    """An array in a Zarr folder, as its metadata describe it.

    Parameters
    ----------
    folder : Path
        Of the array.
    name : str
        Its place below the folder that was opened, beginning with ``/``.
    shape : tuple of int
        Lengths of its axes.
    dtype : numpy.dtype
        Of numbers.
    chunks : tuple of int
        Lengths of what is decoded together.
    files : tuple of int
        Lengths of what is stored in a file: chunks, or shards of several chunks.
    format : int
        2 or 3.
    names : tuple of str
        What its axes are called; empty if nothing says it.
    """

    folder: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    files: tuple[int, ...]
    format: int
    names: tuple[str, ...] = ()

    @property
    def metadata_file(self) -> Path:
        """The file that describes it."""
        return self.folder / ("zarr.json" if self.format == 3 else ".zarray")


@dataclass(frozen=True)
class ZarrFolder:
    """What is in a Zarr folder.

    Parameters
    ----------
    path : Path
        The folder.
    arrays : dict of str to ZarrArray
        By name; those that cannot be read are left out.
    groups : dict of str to dict
        Attributes of each group, by name; the top is the empty name.
    unread : dict of str to str
        Why an array cannot be read, by name.
    """

    path: Path
    arrays: dict[str, ZarrArray] = field(default_factory=dict)
    groups: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def is_zarr(path: Path) -> bool:
    """Whether a path is a folder of Zarr."""
    return any((path / name).is_file() for name in ZARR_FILES)


def read_folder(path: Path) -> ZarrFolder:
    """Read the metadata of all arrays and groups in a Zarr folder.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    ZarrFolder
        Nothing is decoded.

    Raises
    ------
    InputError
        If the metadata cannot be read, or there are far too many of them.
    """
    found = ZarrFolder(path)
    ahead, seen = [(path, "", 0)], 0
    while ahead:
        folder, name, depth = ahead.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise InputError(
                f"{path.name} holds more than {_MOST_NODES:,} groups: open one of the folders in it."
            )
        if _read_node(found, folder, name) and depth < _DEEPEST:
            try:
                below = sorted(it.name for it in os.scandir(folder) if it.is_dir())
            except OSError as error:
                raise InputError(f"{folder} could not be opened: {error.strerror or error}.") from error
            ahead += [(folder / it, f"{name}/{it}", depth + 1) for it in reversed(below)]
    return found


def _read_node(found: ZarrFolder, folder: Path, name: str) -> bool:
    """Note what a folder is; returns whether there may be others in it."""
    node = _json(folder / "zarr.json")
    if node is not None:
        attributes = node.get("attributes")
        if node.get("node_type") != "array":
            found.groups[name] = attributes if isinstance(attributes, dict) else {}
            return True
        read, attributes = _version_3, attributes if isinstance(attributes, dict) else {}
    else:
        attributes = _json(folder / ".zattrs") or {}
        node = _json(folder / ".zarray")
        if node is None:
            if name and not (folder / ".zgroup").is_file() and not attributes:
                return False  # a folder of something else
            found.groups[name] = attributes
            return True
        read = _version_2
    try:
        array = _array(folder, name or "/", *read(node, attributes))
        if math.prod(array.chunks) * array.dtype.itemsize > _MOST_CHUNK_BYTES:
            raise InputError("is compressed in one piece: save it again in chunks of a few frames.")
        found.arrays[array.name] = array
    except InputError as error:
        found.unread[name or "/"] = str(error)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        found.unread[name or "/"] = "is damaged: copy it again from its source."
    return False


def _version_2(node: dict[str, Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return shape, type, chunks, what is in a file, version, and names of the axes, as they are written."""
    for codec in (node.get("compressor"), *(node.get("filters") or ())):
        if codec is not None:
            _check_codec(codec["id"])
    chunks = node["chunks"]
    return node["shape"], node["dtype"], chunks, chunks, 2, attributes.get("_ARRAY_DIMENSIONS")


def _version_3(node: dict[str, Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the same as `_version_2`."""
    if node["chunk_grid"]["name"] != "regular" or node.get("storage_transformers"):
        raise InputError("is stored in a way that cannot be read: save it again with plain chunks.")
    files = chunks = node["chunk_grid"]["configuration"]["chunk_shape"]
    ahead = list(node["codecs"])
    while ahead:
        codec = ahead.pop()
        _check_codec(codec if isinstance(codec, str) else codec["name"])
        inside = {} if isinstance(codec, str) else codec.get("configuration") or {}
        ahead += [*inside.get("codecs", ()), *inside.get("index_codecs", ())]
        if "codecs" in inside:
            chunks = inside["chunk_shape"]
    return node["shape"], node["data_type"], chunks, files, 3, node.get("dimension_names")


def _array(
    folder: Path, name: str, shape: Any, dtype: Any, chunks: Any, files: Any, version: int, names: Any
) -> ZarrArray:
    """Return what the metadata of either version say, or raise where they make no sense."""
    lengths = [_lengths(it) for it in (shape, chunks, files)]
    if len(lengths[1]) != len(lengths[0]) or min(lengths[1], default=1) < 1:
        raise ValueError
    named = tuple(map(str, names)) if isinstance(names, list) and len(names) < 32 else ()
    return ZarrArray(folder, name, lengths[0], _number_type(dtype), lengths[1], lengths[2], version, named)


@contextmanager
def opened_array(array: ZarrArray) -> Iterator[Any]:
    """Open an array for reading; whatever goes wrong with it becomes an `InputError`.

    Parameters
    ----------
    array : ZarrArray
        As its metadata described it.

    Yields
    ------
    zarr.Array
        Of the same shape and dtype.

    Raises
    ------
    InputError
        If zarr is not installed, or the array cannot be decoded.
    """
    zarr = zarr_library(array.folder.name)
    try:
        with np.errstate(all="ignore"):
            store = zarr.storage.LocalStore(array.folder, read_only=True)
            found = zarr.open_array(store, mode="r", zarr_format=array.format)
            if tuple(found.shape) != array.shape:
                raise InputError(f"{array.folder} has changed since it was opened: open it again.")
            yield found
    except InputError:
        raise
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(f"{array.folder} is truncated or damaged: copy it again from its source.") from error


def chunks_there(array: ZarrArray, axis: int) -> set[int]:
    """Return the places along an axis, in files, of which at least one file is there."""
    there: set[int] = set()
    for folder, _, names in os.walk(array.folder):
        inside = Path(folder).relative_to(array.folder).parts
        for name in names:
            parts = [it for part in (*inside, name) for it in part.split(".")]
            numbers = [int(it) for it in parts if it.isascii() and it.isdecimal() and len(it) < 16]
            if len(numbers) == len(array.shape) and len(parts) - len(numbers) <= 1:
                there.add(numbers[axis])
    return there


def zarr_library(name: str) -> Any:
    """Return zarr, which takes half a second to load, or raise InputError that says how to get it."""
    try:
        import zarr
        import zarr.storage
    except ImportError as error:
        raise InputError(
            f'{name} is a folder of Zarr, which is read with zarr: pip install "napari-calcdyn[{EXTRA}]".'
        ) from error
    return zarr


def _json(path: Path) -> dict[str, Any] | None:
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large for what it should be: copy it again from its source.")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} could not be opened: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is truncated or damaged: copy it again from its source.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged: copy it again from its source.")
    return found


def _check_codec(name: Any) -> None:
    if str(name).removeprefix("numcodecs.") not in _CODECS:
        raise InputError(
            f"is stored with {str(name)[:40]}, which cannot be read: save it again with Blosc or Zstandard."
        )


def _number_type(name: Any) -> np.dtype[Any]:
    dtype = np.dtype(name) if isinstance(name, str) and len(name) < 12 and "O" not in name else None
    if dtype is None or dtype.kind not in "buifc":
        raise InputError("holds no numbers: choose an array that does.")
    return dtype


def _lengths(numbers: Any) -> tuple[int, ...]:
    if not all(isinstance(it, int) and not isinstance(it, bool) and 0 <= it < 2**60 for it in numbers):
        raise ValueError
    return tuple(numbers)
