"""Structures in MATLAB files of version 5 to 7, read without believing what their headers claim."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

_MOST_BYTES = 2**26  # of a file of settings, also when it is decompressed
_DEEPEST = 16
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {16: "utf-8", 17: "utf-16", 18: "utf-32", 4: "utf-16", 2: "latin-1", 1: "latin-1"}
_STRUCT, _CHARACTERS, _FIRST_NUMBER, _LAST_NUMBER = 2, 4, 6, 15


def read_structure(path: Path, name: str) -> dict[str, Any]:
    """Read a structure of numbers and texts from a MATLAB file.

    `scipy.io.loadmat` reserves memory for as many elements as a header says; here none is larger than what is there.

    Parameters
    ----------
    path : Path
        Of version 5 to 7, in the byte order of PCs.
    name : str
        Of the variable.

    Returns
    -------
    dict
        Fields: ndarray (1-D, of numbers), str, dict, or None for everything else.

    Raises
    ------
    InputError
        If it cannot be opened, is damaged, or holds no such structure.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"{path.name} is too large for a file of settings: copy it again from its source."
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    try:
        if not content.startswith(b"MATLAB 5.0") or content[126:128] != b"IM":
            raise ValueError("another format")
        at = 128
        while at < len(content):
            kind, data, at = _element(content, at)
            if kind == _COMPRESSED:
                data = _decompressed(data)
                kind, data, _ = _element(data, 0)
            if kind == _MATRIX:
                found, value = _matrix(data, 0)
                if found == name and isinstance(value, dict):
                    return value
    except (ValueError, IndexError, KeyError, struct.error, zlib.error) as error:
        raise InputError(
            f"{path.name} is damaged, or no MATLAB file of version 5 to 7: copy it again from its source."
        ) from error
    raise InputError(f"{path.name} holds no structure {name}: choose the file that belongs to the recording.")


def _decompressed(data: bytes) -> bytes:
    found = zlib.decompressobj().decompress(data, _MOST_BYTES)
    if len(found) >= _MOST_BYTES:
        raise ValueError("too large")
    return found


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return type and content of an element, and where the next one is."""
    kind, size = struct.unpack_from("<II", data, at)
    if kind >> 16:  # a small one, with its size in the upper half
        kind, size = kind & 0xFFFF, kind >> 16
        begin, after = at + 4, at + 8
    else:
        begin = at + 8
        after = begin + (size if kind == _COMPRESSED else -(-size // 8) * 8)
    if begin + size > len(data):
        raise ValueError("cut short")
    return kind, data[begin : begin + size], after


def _matrix(data: bytes, depth: int) -> tuple[str, Any]:
    if not data:
        return "", None
    if depth > _DEEPEST:
        raise ValueError("too deep")
    _, flags, at = _element(data, 0)
    _, sizes, at = _element(data, at)
    _, name, at = _element(data, at)
    kind, shape = flags[0], np.frombuffer(sizes, "<i4").tolist()
    value: Any = None
    if kind == _STRUCT and math.prod(shape) == 1:
        value = _fields(data, at, depth)
    elif kind == _CHARACTERS:
        stored, text, _ = _element(data, at)
        value = text.decode(_TEXTS[stored], errors="replace")
    elif _FIRST_NUMBER <= kind <= _LAST_NUMBER:
        stored, numbers, _ = _element(data, at)
        value = np.frombuffer(numbers, np.dtype(_NUMBERS[stored]).newbyteorder("<")).astype(np.float64)
    return name.decode("latin-1"), value


def _fields(data: bytes, at: int, depth: int) -> dict[str, Any]:
    _, length, at = _element(data, at)
    _, names, at = _element(data, at)
    step = int.from_bytes(length[:4], "little")
    if step < 1:
        raise ValueError("names of no length")
    found = {}
    for start in range(0, len(names), step):
        kind, field, at = _element(data, at)
        if kind != _MATRIX:
            raise ValueError("no field")
        key = names[start : start + step].split(b"\0")[0].decode("latin-1")
        found[key] = _matrix(field, depth + 1)[1]
    return found
