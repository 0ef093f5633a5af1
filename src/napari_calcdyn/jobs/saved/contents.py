"""What is in a session: values, and parts in folders of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_calcdyn.recording import ProgressCallback


@dataclass(frozen=True, eq=False)
class Part:
    """Something that is kept in a folder of its own.

    Parameters
    ----------
    made_of : tuple
        The objects that it is written from, or texts and numbers: while they are the same, it is not written again.
    write : callable
        Called with an empty folder, and with what takes the progress; not on the GUI thread.
    """

    made_of: tuple[Any, ...]
    write: Callable[[Path, ProgressCallback], object]

    def same(self, other: Part | None) -> bool:
        """Whether both are written from the same."""
        if other is None or len(self.made_of) != len(other.made_of):
            return False
        pairs = zip(self.made_of, other.made_of, strict=True)
        return all(
            one is it or (isinstance(one, (str, int, float)) and type(one) is type(it) and one == it)
            for one, it in pairs
        )


def letters(number: int) -> str:
    """Return a number as small letters, which the names of parts are made of.

    Parameters
    ----------
    number : int
        From 0 on.

    Returns
    -------
    str
        At least two, another one for each number.
    """
    first, second = divmod(number, 26)
    return (letters(first - 26) if first >= 26 else chr(ord("a") + first)) + chr(ord("a") + second)


@dataclass(frozen=True, eq=False)
class Kept:
    """What one room of the program keeps in a session.

    Parameters
    ----------
    values : mapping
        As JSON can hold it.
    parts : mapping of str to Part
        What takes more, by a word of small letters.
    later : callable, optional
        Returns more values; not on the GUI thread.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    later: Callable[[], Mapping[str, Any]] | None = None


def parts_of(rooms: Mapping[str, Kept]) -> dict[str, Part]:
    """Return the parts of all rooms by ``room-part``."""
    return {f"{room}-{name}": part for room, kept in rooms.items() for name, part in kept.parts.items()}


@dataclass(frozen=True, eq=False)
class Saved:
    """What one room finds in a session that is opened.

    Parameters
    ----------
    values : dict
        As they were kept.
    parts : dict of str to Path
        Folders of the parts that are there.
    """

    values: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Path] = field(default_factory=dict)
