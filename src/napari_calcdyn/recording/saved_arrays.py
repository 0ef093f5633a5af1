"""``.npy`` files read without executing anything in them."""

from __future__ import annotations

import datetime
import math
import operator
import pickle
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def load_array(path: Path) -> NDArray[Any]:
    """Read a ``.npy`` file, also one of objects: arrays, numbers, texts, lists and dictionaries.

    ``numpy.load(..., allow_pickle=True)`` would run whatever code the file's author put there. Here the names
    that such a file may ask for are a short list; any other one ends the reading. Arrays are rebuilt from checked
    parts, because numpy's own way trusts the file with memory.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        In memory.

    Raises
    ------
    InputError
        If the file cannot be opened, is cut short, is no ``.npy`` file, or asks for anything else.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(file)
            if dtype.hasobject:
                array = _Unpickler(_Checked(file, path.stat().st_size)).load()
            else:
                if math.prod(shape) * max(1, dtype.itemsize) > path.stat().st_size:
                    raise ValueError("the file is shorter than its header says")
                file.seek(0)
                array = np.lib.format.read_array(file, allow_pickle=False)
    except InputError as error:
        raise InputError(f"{path.name} {error}") from error
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(
            f"{path.name} is truncated or no .npy file: copy it again from its source."
        ) from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path.name} holds no array: save it again with numpy.save.")
    return array.view(np.ndarray)


class _Checked:
    """The bytes of a pickle, handed out one instruction at a time, so that none reserves memory at will.

    The unpickler reserves as many bytes as a text is said to have; here those are no more than the file has. It also
    keeps a list that is as long as the largest number that the file gives to one of its objects; here that number is
    no larger than the count of instructions before it. Frames, which bundle instructions, are opened.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self._last, self._reads = file, size, b"", 0

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._reads += 1
        if size in (4, 8):  # these are never what follows one byte that is no instruction
            if self._last == pickle.LONG_BINPUT:
                self._check(int.from_bytes(data, "little"), self._reads)
            if self._last in _WITH_LENGTH:
                self._check(int.from_bytes(data, "little"), self._size)
            if self._last == pickle.FRAME:
                data = bytes(8)
        self._last = data if size == 1 else b""
        return data

    def readinto(self, buffer: Any) -> int:
        self._last = b""
        return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def readline(self) -> bytes:
        line = self._file.readline()
        if self._last == pickle.PUT:
            self._check(int(line), self._reads)
        self._last = b""
        return line

    def _check(self, number: int, most: int) -> None:
        if number > most:
            raise ValueError("the file names more than it holds")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")  # what numpy 1 called it
        if module.startswith("pathlib") and name in _PATHS:
            module, name = "pathlib", "Path"
        try:
            found = _STAND_INS[module, name]
        except KeyError:
            raise InputError(
                f"asks for {module}.{name}, which could run code and is refused: export plain arrays of numbers."
            ) from None
        # A file may set attributes of what it gets: it gets its own.
        return (lambda *parts: found(*parts)) if isinstance(found, FunctionType) else found


class _DType:
    """Stands for ``numpy.dtype``, whose own way of being restored believes whatever flags a file gives it."""

    def __init__(self, text: str, *_: object) -> None:
        self.dtype = np.dtype(text)
        if self.dtype.kind not in "biufcSUO":
            raise ValueError(f"arrays of {text} are not read")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that checks what it is restored from: as many bytes as its shape and dtype need."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, stand_in, fortran, content = state
        dtype = stand_in.dtype
        count = math.prod(operator.index(length) for length in shape)
        expected, size = (list, count) if dtype.hasobject else (bytes, count * dtype.itemsize)
        if type(content) is not expected or not count <= len(content) == size or min(shape, default=0) < 0:
            raise ValueError("shape and content of an array do not match")
        state = (1, tuple(shape), dtype, bool(fortran), content)
        super().__setstate__(state)  # type: ignore[arg-type] # its stub wants numpy's bool, the code Python's


def _new_array(*_: object) -> _Array:
    """Stand for numpy's ``_reconstruct``: an empty array, filled by what follows in the file."""
    return np.empty(0, np.int8).view(_Array)


def _number(stand_in: _DType, content: bytes) -> Any:
    """Stand for numpy's ``scalar``."""
    return np.frombuffer(content, stand_in.dtype, 1)[0]  # refuses objects, and too few bytes


def _latin_bytes(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode``, with which old pickles write bytes."""
    if encoding != "latin1":
        raise ValueError(encoding)
    return text.encode("latin1")


def _path(*parts: str) -> str:
    """Return a path as text: the file may come from another system."""
    return "/".join(parts)


_WITH_LENGTH = {
    pickle.BINSTRING,
    pickle.BINBYTES,
    pickle.BINBYTES8,
    pickle.BINUNICODE,
    pickle.BINUNICODE8,
    pickle.BYTEARRAY8,
    pickle.LONG4,
}
_PATHS = {"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"}
_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "ndarray",  # only handed to _reconstruct
    ("numpy", "dtype"): _DType,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "scalar"): _number,
    ("_codecs", "encode"): _latin_bytes,
    ("pathlib", "Path"): _path,
    ("collections", "OrderedDict"): dict,
    **{("datetime", it.__name__): it for it in (datetime.datetime, datetime.timedelta, datetime.timezone)},
}
