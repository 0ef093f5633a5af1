"""Images in the folder of a recording that are not part of it: averages, thumbnails, snapshots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from napari_calcdyn.recording.errors import InputError, count_text
from napari_calcdyn.recording.movies.readers.stack import Stack

from .bruker import is_bruker
from .tiff import NotGrey, read_tiff

_PROJECTIONS = ("AVG_", "MAX_", "MIN_", "SUM_", "STD_", "MED_")  # as Fiji names what it makes of a stack
_SHORTER = 4  # pages: no movie by itself
_NAMED = 3


def without_strays(files: Sequence[Path]) -> tuple[dict[Path, Stack], tuple[str, ...]]:
    """Tell the files of a recording from other images in its folder.

    Only images of fewer than four pages are left out: of another size, dtype or order of pages than the recording,
    in colour, or single ones that are named as projections beside stacks. Two stacks that differ are not told apart.

    Parameters
    ----------
    files : sequence of Path
        All TIFF files of the folder.

    Returns
    -------
    stacks : dict of Path to Stack
        The recording's files, each as it is without its siblings, in the order given.
    notes : tuple of str
        A sentence about what was left out, if anything was.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    named = [file for file in files if is_bruker(file)]
    kept = named if 2 * len(named) > len(files) else list(files)
    stacks: dict[Path, Stack] = {}
    for file in kept:
        try:
            stacks[file] = read_tiff(file, alone=False)
        except NotGrey:  # a snapshot, unless there is nothing else
            if len(files) == 1:
                raise
    frames = Counter[tuple[object, ...]]()
    for stack in stacks.values():
        frames[_kind(stack)] += stack.n_pages
    if frames and max(frames.values()) >= _SHORTER:
        kind = frames.most_common(1)[0][0]
        of_stacks = any(_kind(it) == kind and it.n_pages >= _SHORTER for it in stacks.values())
        for file, stack in list(stacks.items()):
            single = stack.n_pages == 1 and of_stacks and file.name.upper().startswith(_PROJECTIONS)
            if stack.n_pages < _SHORTER and (single or _kind(stack) != kind):
                del stacks[file]
    left_out = [file.name for file in files if file not in stacks]
    if not stacks:
        raise InputError(
            f"The folder {files[0].parent.name} holds nothing but colour (RGB) images: save one channel as a greyscale"
            " movie."
        )
    return stacks, (_sentence(files[0].parent.name, left_out),) if left_out else ()


def _kind(stack: Stack) -> tuple[object, ...]:
    """Return what all files of a recording have in common."""
    dtype = stack.dtype.newbyteorder("=")
    return stack.frame_shape, dtype, stack.planes, stack.channels, stack.scanimage is None


def _sentence(folder: str, names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    what = count_text(len(names), "image")
    return f"{what} in the folder {folder} left out, as not part of the recording: {', '.join(names[:_NAMED])}{more}."
