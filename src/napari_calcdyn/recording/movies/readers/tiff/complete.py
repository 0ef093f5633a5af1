"""What is missing in a TIFF file: pages that are cut off, and pages that its metadata announce."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.pages import Pages
from napari_calcdyn.recording.movies.readers.stack import Stack, interrupted

DESCRIPTION = 270  # the TIFF tag ImageDescription
_MOST_CUT = 4  # directories in which a file can end


def frames_there(
    path: Path, index: NDArray[np.intp], there: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], str]:
    """Leave out frames at the end, and channels, of which the pages are not there; return what to say about it."""
    if there.all():
        return index, ""
    channels = np.asarray(there[index].any((0, 1)))
    if channels.any():
        index = index[:, :, channels]
    frames = np.asarray(there[index].all((1, 2)))
    last = int(frames.argmin()) if not frames.all() else len(frames)
    if frames[last:].any() or not last:
        raise InputError(f"{path.name} needs files that are missing: copy the whole recording.")
    lost = int((~channels).sum())
    if last < len(frames):
        return index[:last], interrupted(path.name, last, len(frames))
    return index, f"{path.name} lacks {lost} of its {len(channels)} channels: copy the whole recording."


def whole_pages(stack: Stack, cut: bool) -> Stack:
    """Leave out the last page of an interrupted acquisition if it is not all there."""
    [part] = stack.parts
    whole = ~_missing(part)
    last = len(whole) if whole.all() else int(whole.argmin())
    if last < 1 or (not cut and last == len(whole)):
        return stack
    pages = replace(part, offsets=part.offsets[:last])
    text = (
        f"{part.path.name} ends in the middle of its pages, of which {last:,} are whole: it was interrupted."
    )
    return replace(stack, parts=(pages,), index=stack.index[:last], cut=text)


def check_promise(tif: Any, page: Any, path: Path, found: int) -> None:
    """Compare the pages found with the number that the first page's description announces."""
    promised = 0
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        lengths = [metadata.get(key, 1) for key in ("frames", "slices", "channels")]
        promised = int(np.prod(lengths))
    elif tif.is_shaped:
        promised = int(np.prod(shape_written(page))) // int(np.prod(page.shape))
    if promised > found:
        raise InputError(
            f"{path.name} is truncated, only {found} of its {promised} frames are in the file: "
            "copy it again from its source."
        )


def shape_written(page: Any) -> tuple[int, ...]:
    """Return the shape that tifffile wrote in a description."""
    try:
        return tuple(json.loads(page.description)["shape"])
    except (ValueError, KeyError, TypeError):
        return ()


def pages_found(tif: Any, path: Path) -> tuple[int, str]:
    """Follow the pointer behind the last page that was found; it is zero unless the file was cut short.

    The first page's description may also lie behind the cut, and tifffile then leaves it out.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open.
    path : Path
        Its name is in the sentence.

    Returns
    -------
    count : int
        Pages whose directory is whole.
    cut : str
        What is wrong with the end of the file; empty where nothing is.
    """
    pages, layout = tif.pages, tif.tiff
    first, _ = _directory(tif, pages.first.offset)
    last = count = len(pages)
    page = None
    while page is None and count > max(1, last - _MOST_CUT):
        try:
            page = pages.get(count - 1, cache=False, validate=False)
        except tifffile.TiffFileError:
            count -= 1
    _, pointer = _directory(tif, page.offset if page is not None else pages.first.offset)
    described = DESCRIPTION in first and DESCRIPTION not in pages.first.tags
    if described or count < last or len(pointer) < layout.offsetsize or any(pointer):
        return (
            count,
            f"{path.name} is truncated, it ends in the middle of its pages: copy it again from its source.",
        )
    return count, ""


def check_complete(part: Pages) -> None:
    """Raise InputError unless all pages are whole."""
    missing = _missing(part)
    if missing.any():
        raise InputError(
            f"{part.path.name} is truncated, only {int(missing.argmax())} of its {len(missing)} pages are in "
            "the file: copy it again from its source."
        )


def _missing(part: Pages) -> NDArray[np.bool_]:
    """Tell of which pages not all is in their file."""
    return np.asarray((part.ends() > part.path.stat().st_size) | (part.offsets < 0))


def _directory(tif: Any, offset: int) -> tuple[list[int], bytes]:
    """Return the codes of a page's tags, and the bytes that point to the next page."""
    file, layout = tif.filehandle, tif.tiff
    order: Literal["big", "little"] = "big" if tif.byteorder == ">" else "little"
    file.seek(offset)
    count = int.from_bytes(file.read(layout.tagnosize), order)
    tags = file.read(count * layout.tagsize)
    codes = [int.from_bytes(tags[at : at + 2], order) for at in range(0, len(tags), layout.tagsize)]
    return codes, file.read(layout.offsetsize)
