"""Pages arranged by time, plane and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError, size_text

from .pages import Pages
from .scanimage import ScanImage
from .sources import PageSource


@dataclass(frozen=True)
class Stack:
    """All pages of a file or a folder, before a channel and a plane are chosen.

    Parameters
    ----------
    name : str
        What to call it in messages.
    parts : tuple of Pages
        The page tables of the files.
    index : ndarray of shape (T, Z, C)
        Page numbers, counted through all parts.
    axes : str
        What the file calls its axes.
    frame_rate : float or None
        Frames per second of one plane.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    scanimage : ScanImage or None
        How ScanImage interleaved the pages; `index` is then (pages, 1, 1) until `arranged`.
    notes : tuple of str
        Sentences about what is wrong with the file, though it can be opened.
    cut : str
        What is wrong with its end: nothing can follow it.
    """

    name: str
    parts: tuple[Pages, ...]
    index: NDArray[np.intp]
    axes: str
    frame_rate: float | None = None
    pixel_size: tuple[float, float] | None = None
    scanimage: ScanImage | None = None
    notes: tuple[str, ...] = ()
    cut: str = ""

    @property
    def n_pages(self) -> int:
        """Pages of all parts."""
        return sum(len(part.offsets) for part in self.parts)

    @property
    def n_frames(self) -> int:
        """Frames of one plane and channel."""
        return len(self.index)

    @property
    def planes(self) -> int:
        """Planes to choose from."""
        return int(self.index.shape[1])

    @property
    def channels(self) -> int:
        """Channels to choose from."""
        return int(self.index.shape[2])

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return self.parts[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        return self.parts[0].dtype

    def arranged(self) -> Stack:
        """Sort ScanImage's interleaved pages into time, plane and channel, and say what is missing."""
        if self.scanimage is None:
            return replace(self, notes=(*self.notes, self.cut), cut="") if self.cut else self
        index, cut = self.index.reshape(-1)[self.scanimage.arrange(self.index.size)], self.cut
        missing = self.scanimage.missing(self.index.size)
        if missing and not cut:
            cut = interrupted(self.name, len(index), missing)
        return replace(self, index=index, scanimage=None, cut=cut).arranged()

    def source(self, plane: int, channel: int) -> PageSource:
        """Return the frames of one plane and one channel."""
        first = np.cumsum([0] + [len(part.offsets) for part in self.parts])
        pages = self.index[:, plane, channel]
        part = np.searchsorted(first, pages, side="right") - 1
        return PageSource(self.parts, part, pages - first[part])


def interrupted(name: str, there: int, promised: int) -> str:
    """Return the sentence about a recording whose metadata promise more frames than there are."""
    return (
        f"{name} holds only {there:,} of the {promised:,} frames that it announces: the recording was interrupted, or"
        " not all of it was copied."
    )


def consecutive(path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], first: int = 0) -> Stack:
    """Return the stack of a file whose frames follow each other without gaps.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Frames, height, width.
    dtype : numpy.dtype
        As stored, with the file's byte order.
    first : int
        Where the first byte of the first frame is.

    Returns
    -------
    Stack
        Without calibration.
    """
    frames, height, width = shape
    offsets = first + np.arange(frames, dtype=np.int64) * (height * width * dtype.itemsize)
    pages = Pages(path, (height, width), dtype, offsets)
    return Stack(path.name, (pages,), np.arange(frames).reshape(-1, 1, 1), "TYX")


def arrange_axes(name: str, axes: str, shape: Sequence[int]) -> NDArray[np.intp]:
    """Return the page numbers of a series by time, plane and channel.

    One axis longer than 1 besides Y and X is time whatever the file calls it: many programs write movies as
    z-stacks. With several, T is time, or else the one without a name, or else Z.

    Parameters
    ----------
    name : str
        What to call the file in messages.
    axes : str
        A letter for each axis, ending in YX.
    shape : sequence of int
        Their lengths.

    Returns
    -------
    ndarray of shape (T, Z, C)
        Page numbers.

    Raises
    ------
    InputError
        If an axis is none of the three.
    """
    lengths = [length for letter, length in zip(axes, shape, strict=True) if letter not in "YXS"]
    letters = [letter for letter in axes if letter not in "YXS"]
    pages = np.arange(np.prod(lengths, dtype=np.intp)).reshape(lengths)
    long = [letter for letter, length in zip(letters, lengths, strict=True) if length > 1]
    if len(long) <= 1:
        return pages.reshape(-1, 1, 1)
    unnamed = [letter for letter in long if letter not in "TZC"]
    time = "T" if "T" in long else unnamed[0] if unnamed else "Z"
    others = [letter for letter in long if letter != time]
    if len(set(long)) < len(long) or not set(others) <= set("ZC"):
        raise InputError(
            f"{name} has the axes {axes} ({size_text(shape)}), of which time, plane and channel cannot be told apart: "
            "give its axes, such as TCYX, or save it from Fiji as a hyperstack."
        )
    pages = pages.squeeze()
    for letter in "ZC":
        if letter not in long or letter == time:
            pages = pages[..., None]
            long.append({"Z": "z", "C": "c"}[letter])
    order = [time, "Z" if "Z" in others else "z", "C" if "C" in others else "c"]
    return pages.transpose([long.index(letter) for letter in order])


def join(name: str, stacks: Sequence[Stack]) -> Stack:
    """Put the stacks of several files or series one after another in time.

    Parameters
    ----------
    name : str
        What to call the result.
    stacks : sequence of Stack
        In the order of time.

    Returns
    -------
    Stack
        With frame rate, pixel size and axes of the first.

    Raises
    ------
    InputError
        If frame size, dtype, planes or channels differ, or one of them was cut short before the last; names the first.
    """
    first = stacks[0]
    for stack in stacks[:-1]:
        if stack.cut:
            raise InputError(f"{stack.cut.removesuffix('.')}; nothing can follow it, so open it alone.")
    for other in stacks[1:]:
        check_alike(first, other)
    offsets = np.cumsum([0] + [stack.n_pages for stack in stacks])
    index = np.concatenate([s.index + offset for s, offset in zip(stacks, offsets[:-1], strict=True)])
    parts = tuple(part for stack in stacks for part in stack.parts)
    notes = tuple(dict.fromkeys(note for stack in stacks for note in stack.notes))
    return replace(first, name=name, parts=parts, index=index, notes=notes, cut=stacks[-1].cut)


def join_channels(name: str, stacks: Sequence[Stack]) -> Stack:
    """Put the stacks of several channels side by side.

    Parameters
    ----------
    name : str
        What to call the result.
    stacks : sequence of Stack
        One per channel.

    Returns
    -------
    Stack
        With as many frames as the shortest of them.

    Raises
    ------
    InputError
        If frame size, dtype or planes differ; names the first that does.
    """
    joined = join(name, stacks)
    frames = min(len(stack.index) for stack in stacks)
    ends = np.cumsum([len(stack.index) for stack in stacks])
    starts = [end - len(stack.index) for end, stack in zip(ends, stacks, strict=True)]
    index = np.concatenate([joined.index[start : start + frames] for start in starts], axis=2)
    return replace(joined, index=index)


def check_alike(first: Stack, other: Stack) -> None:
    """Raise InputError if two stacks differ in frame size, dtype, planes or channels."""
    a, b = first.parts[0], other.parts[0]
    if a.shape != b.shape and first.name == other.name:
        raise InputError(
            f"{first.name} holds images of different sizes, {a.shape[0]} × {a.shape[1]} and "
            f"{b.shape[0]} × {b.shape[1]} pixels: save the movie alone."
        )
    if a.shape != b.shape:
        raise InputError(
            f"{other.name} has frames of {b.shape[0]} × {b.shape[1]} pixels but {first.name} of "
            f"{a.shape[0]} × {a.shape[1]}: open only files of one recording."
        )
    if a.dtype.newbyteorder("=") != b.dtype.newbyteorder("="):
        raise InputError(
            f"{other.name} holds {b.dtype.name} but {first.name} {a.dtype.name}: "
            "open only files of one recording."
        )
    if first.index.shape[1:] != other.index.shape[1:]:
        raise InputError(
            f"{other.name} has other planes or channels than {first.name}: open only files of one recording."
        )
