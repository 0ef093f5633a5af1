"""Taking the names of files and folders out of a text, for a report that anybody may read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import TracebackType
from typing import Any

HIDDEN = "‹name›"
_SHORTEST = 3  # letters of a name that is looked for: shorter ones are parts of words
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|“[^”\n]*”|‘[^’\n]*’|`[^`\n]*`")
_ENDINGS = (
    "tiff?|btf|np[yz]|bin|h5|hdf5|nwb|mat|zarr|sbx|raw|mesc|isxd|[ct]sv|txt|xlsx?|json|zip|roi|calcdyn|safetensors|"
    "html|png|jpe?g|svg|pdf|toml|xml|ini|ya?ml|nc|pkl|pickle|log|dat|py|ipynb"
)
_FILE = re.compile(rf"[^\s\"'“”‘’:;,(]*\.(?:{_ENDINGS})\b", re.IGNORECASE)
# Where a whole path ends cannot be seen, as names may have spaces: the rest of the line goes with it.
_WHOLE_PATH = re.compile(r"(?<!\w)(?:~|[A-Za-z]:|file:/)?[/\\](?=[^\s/\\]|[/\\]).*")
_PART_OF_PATH = re.compile(r"\S*[^\W\d]\S*[/\\].*[/\\]\S*|\S*[^\W\d]\S*[/\\]\S+|\S+[/\\]\S*[^\W\d]\S*")


def without_names(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without the names of files and folders.

    Parameters
    ----------
    text : str
        Of an error.
    known : iterable of str
        Names that are hidden wherever they stand, as a name with spaces cannot be told from words.
    """
    for name in sorted(set(known), key=len, reverse=True):
        if len(name) >= _SHORTEST:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    text = _QUOTED.sub(
        lambda found: found[0][0] + HIDDEN + found[0][-1] if _named(found[0]) else found[0], text
    )
    for pattern in (_WHOLE_PATH, _PART_OF_PATH, _FILE):
        text = pattern.sub(HIDDEN, text)
    return re.sub(rf"{HIDDEN}(?:\s*{HIDDEN})+", HIDDEN, text)


def names_of(path: str | os.PathLike[str]) -> Iterator[str]:
    """Return in what forms a path may stand in a text: whole, its folders, its name with and without its ending."""
    whole = os.fspath(path)
    for flavour in (PurePosixPath, PureWindowsPath):
        pure = flavour(whole)
        yield str(pure)
        yield from (str(it) for it in pure.parents if it.name)
        yield pure.name
        yield pure.stem


def names_here() -> list[str]:
    """Return what names the user: the home folder, and the account, which is its last part."""
    return list(names_of(Path.home()))


def names_in(traceback: TracebackType | None, error: BaseException) -> set[str]:
    """Return names of files that an error came past: in the variables of the functions, and of its own."""
    found: set[str] = set()
    for name in (getattr(error, "filename", None), getattr(error, "filename2", None)):
        if isinstance(name, (str, os.PathLike)):
            found.update(names_of(name))
    while traceback is not None:
        for value in traceback.tb_frame.f_locals.values():
            found.update(_names(value))
        traceback = traceback.tb_next
    return found


def _names(value: Any, *, inside: bool = True) -> Iterator[str]:
    """Return the names of files in a variable, and in what it holds."""
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        yield from names_of(path)
    elif isinstance(value, str):
        if len(value) < 4096 and _named(value):
            yield from names_of(value)
    elif inside and isinstance(value, (list, tuple)):
        for it in value[:50]:
            yield from _names(it, inside=False)
    elif inside and type(value).__module__.startswith("napari_calcdyn."):
        held = getattr(value, "__dict__", {})
        yield from _names(held.get("path"), inside=False)
        if isinstance(name := held.get("name"), str):
            yield from names_of(name)


def _named(text: str) -> bool:
    """Whether a text looks like the name of a file."""
    return "/" in text or "\\" in text or _FILE.search(text) is not None
