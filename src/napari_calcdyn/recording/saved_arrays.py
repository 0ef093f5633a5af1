"""Read ``.npy`` files from anywhere: nothing in them is ever executed."""

from __future__ import annotations

import collections
import datetime
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def load_array(path: Path) -> NDArray[Any]:
    """Read a ``.npy`` file, also one of objects: arrays, numbers, texts, lists and dictionaries.

    ``numpy.load(..., allow_pickle=True)`` would run whatever code the file's author put there. Here the names
    that such a file may ask for are a short list; any other one ends the reading.

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
            dtype = read_header(file)[2]
            if dtype.hasobject:
                array = _Unpickler(file).load()
            else:
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
    return array


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")  # what numpy 1 called it
        if module.startswith("pathlib") and name in _PATHS:
            return _path
        try:
            return _PLAIN[module, name]
        except KeyError:
            raise InputError(
                f"asks for {module}.{name}, which could run code and is refused: export plain arrays of numbers."
            ) from None


def _latin_bytes(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode``, with which old pickles write bytes."""
    if encoding != "latin1":
        raise ValueError(encoding)
    return text.encode("latin1")


def _path(*parts: str) -> str:
    """Return a path as text: the file may come from another system."""
    return "/".join(parts)


_PATHS = {"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"}
_PLAIN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # numpy's two functions that rebuild arrays and numbers, taken from where they are public.
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "scalar"): np.float64(0).__reduce__()[0],
    ("_codecs", "encode"): _latin_bytes,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("datetime", "datetime"): datetime.datetime,
}
