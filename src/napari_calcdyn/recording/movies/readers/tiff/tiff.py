"""Page table of a TIFF file, read without touching pixels."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.axes import checked_axes
from napari_calcdyn.recording.movies.readers.metadata import (
    check_ome_size,
    imagej_frame_rate,
    ome_calibration,
    resolution_pixel_size,
)
from napari_calcdyn.recording.movies.readers.pages import Decoder, Pages
from napari_calcdyn.recording.movies.readers.scanimage import (
    ScanImage,
    read_scanimage,
    read_scanimage_3,
    slices_stride,
)
from napari_calcdyn.recording.movies.readers.stack import Stack, arrange_axes, join

from .complete import check_complete, check_promise, frames_there, pages_found, shape_written, whole_pages

GREY = {"MINISWHITE", "MINISBLACK", "PALETTE"}


class NotGrey(InputError):
    """A picture in colour, which is no part of a recording."""


def read_tiff(path: Path, *, alone: bool = True, axes: str | None = None) -> Stack:
    """Read the page table of one TIFF file.

    Parameters
    ----------
    path : Path
        TIFF, BigTIFF, ImageJ, OME, ScanImage; compressed or not.
    alone : bool
        False if the file is one of several that were given, so that what it says about its siblings
        (OME-TIFF in many files) is not followed.
    axes : str or None
        A letter for each axis of the file, ending in YX, instead of what it says.

    Returns
    -------
    Stack
        Not yet `stack.Stack.arranged`.

    Raises
    ------
    InputError
        If the file is cut short, no TIFF, or not greyscale.
    """
    try:
        # For ScanImage tifffile guesses where the pages are, and misses the last; so it is not told.
        with _quiet(), tifffile.TiffFile(path, is_scanimage=False) as tif:
            return _read(tif, path, alone, axes)
    except tifffile.TiffFileError as error:
        raise InputError(
            f"{path.name} is no TIFF file, or it is truncated or damaged: copy it again ({error})."
        ) from error
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except InputError:
        raise
    except Exception as error:  # a damaged header can send the parser anywhere
        raise InputError(
            f"{path.name} cannot be understood, its header is damaged: make a new copy ({error})."
        ) from error


def _read(tif: Any, path: Path, alone: bool, axes: str | None) -> Stack:
    if not len(tif.pages):
        raise InputError(f"{path.name} holds no image: it is damaged or still being written, copy it again.")
    page = tif.pages.first
    count, cut = pages_found(tif, path)
    if cut and not page.is_scanimage:  # which leaves an end like that when it is interrupted
        raise InputError(cut)
    _check_greyscale(path, page)
    calibration = _calibration(tif, page)
    siblings = tif.is_ome and _names_other_files(page.description, path.name)
    if axes is not None and (page.is_scanimage or siblings):
        raise InputError(f"{path.name} says what its pages are: leave out the axes {axes}.")
    if page.is_scanimage:
        stacks = [whole_pages(_flat(tif, path, _scanimage(tif, page), count), bool(cut))]
    elif _appended_frames(tif, page) or (siblings and not alone):
        stacks = [_flat(tif, path, None, count)]
        if axes is not None:
            _given_axes(path, axes, (stacks[0].n_pages, *page.shape))
    else:
        if tif.is_ome:
            check_ome_size(tif.ome_metadata or "", path)
        series = tif.series
        if tif.is_ome and len(series) > 1:
            raise InputError(
                f"{path.name} holds {len(series)} images (positions or resolutions): save one of them alone."
            )
        stacks = [_from_series(path, one, axes) for one in series]
        check_promise(tif, page, path, sum(stack.index.size for stack in stacks))
    stack = join(path.name, stacks)
    for part in stack.parts:
        check_complete(part)
    scan = stack.scanimage
    rate, size = (scan.frame_rate, scan.pixel_size) if scan else calibration
    return replace(stack, frame_rate=rate, pixel_size=size or calibration[1])


def _flat(tif: Any, path: Path, scanimage: ScanImage | None, count: int) -> Stack:
    """All pages of a file, one after another."""
    last = tif.pages.get(count - 1, cache=False, validate=False)
    if tif.pages.first.shape != last.shape:
        raise InputError(f"{path.name} holds images of different sizes: save the movie alone.")
    tif.pages.useframes = True
    pages = list(itertools.islice(tif.pages, count))
    parts, index = _tables(pages)
    return Stack(path.name, parts, index.reshape(-1, 1, 1), "IYX", scanimage=scanimage)


def _given_axes(path: Path, axes: str, shape: tuple[int, ...]) -> str:
    given = checked_axes(path.name, axes, shape)
    if given.endswith("YX"):
        return given
    raise InputError(
        f"{path.name} holds a picture on each page, of Y and X, so that {axes} cannot be: give axes that end in YX."
    )


def _from_series(path: Path, series: Any, given: str | None) -> Stack:
    axes, shape = series.get_axes(False), series.get_shape(False)
    if given is not None:
        axes = _given_axes(path, given, shape)
    keyframe = series.keyframe
    _check_greyscale(path, keyframe)
    index = arrange_axes(path.name, axes, shape)
    if series.dataoffset is not None:
        page_bytes = keyframe.shape[0] * keyframe.shape[1] * keyframe.dtype.itemsize
        offsets = series.dataoffset + np.arange(index.size, dtype=np.int64) * page_bytes
        dtype = keyframe.dtype.newbyteorder(keyframe.parent.byteorder)
        missing = ""
        parts: tuple[Pages, ...] = (Pages(path, keyframe.shape, dtype, offsets),)
    else:
        pages = list(series.pages)
        there = np.array([page is not None for page in pages], bool)
        index, missing = frames_there(path, index, there)
        parts, order = _tables([page for page in pages if page is not None])
        index = order[(np.cumsum(there) - 1)[index]]
    return Stack(path.name, parts, index, axes if given else series.axes, notes=(missing,) if missing else ())


def _tables(pages: Sequence[Any]) -> tuple[tuple[Pages, ...], np.ndarray[Any, Any]]:
    """Sort pages by their files; return the tables and each page's number in them."""
    by_file: dict[Any, list[int]] = {}
    for number, page in enumerate(pages):
        by_file.setdefault(page.parent, []).append(number)
    parts, order, done = [], np.empty(len(pages), np.intp), 0
    for parent, numbers in by_file.items():
        parts.append(_table(parent, [pages[number] for number in numbers]))
        order[numbers] = np.arange(done, done + len(numbers))
        done += len(numbers)
    return tuple(parts), order


def _table(parent: Any, pages: Sequence[Any]) -> Pages:
    keyframe = pages[0].keyframe
    path = Path(parent.filehandle.path)
    segments = [(tuple(page.dataoffsets), tuple(page.databytecounts)) for page in pages]
    offsets = np.array([where[0] if where else -1 for where, _ in segments], dtype=np.int64)
    dtype = keyframe.dtype.newbyteorder(parent.byteorder)
    if keyframe.is_final:
        return Pages(path, keyframe.shape, dtype, offsets)
    decoder = Decoder(keyframe.decode, segments, keyframe.jpegtables)
    return Pages(path, keyframe.shape, dtype, offsets, decoder)


def _appended_frames(tif: Any, page: Any) -> bool:
    """Whether every page was appended by itself; tifffile is slow to make a series of each."""
    if not tif.is_shaped or len(tif.pages) < 2:
        return False
    return bool(np.prod(shape_written(page)) == np.prod(page.shape))


def _names_other_files(xml: str, name: str) -> bool:
    """Whether an OME-XML says that the image is spread over files besides this one."""
    return "<BinaryOnly" in xml or bool(set(re.findall(r'FileName="([^"]*)"', xml)) - {name})


def _scanimage(tif: Any, page: Any) -> ScanImage:
    try:
        data, _, _ = tifffile.read_scanimage_metadata(tif.filehandle)
    except (TypeError, ValueError):  # versions before 2016 have no such header
        data = {}
    if not data and "scanimage.SI" in page.description:  # version 5.1 wrote all into the description
        found = tifffile.matlabstr2py(page.description)
        data = {key.removeprefix("scanimage."): value for key, value in found.items()}
    if not data:
        return read_scanimage_3(page.description)
    later = slices_stride(data)
    descriptions = [page.description]
    if later < len(tif.pages):
        descriptions.append(tif.pages.get(later, cache=False).description)
    return read_scanimage(data, descriptions, page.shape)


def _calibration(tif: Any, page: Any) -> tuple[float | None, tuple[float, float] | None]:
    if tif.is_ome:
        return ome_calibration(tif.ome_metadata or "")
    metadata: dict[str, Any] = {}
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
    elif tif.is_shaped:
        found = json.loads(page.description)
        metadata = found if isinstance(found, dict) else {}
    tags = page.tags
    size = resolution_pixel_size(
        tags.valueof(282), tags.valueof(283), int(tags.valueof(296, 0)), metadata.get("unit")
    )
    return imagej_frame_rate(metadata), size


def _check_greyscale(path: Path, page: Any) -> None:
    if page.samplesperpixel > 1 or page.photometric.name not in GREY:
        raise NotGrey(f"{path.name} is a colour (RGB) image: save one channel of it as a greyscale movie.")
    if page.imagedepth > 1:
        raise InputError(f"{path.name} holds volumes, not frames, on its pages: save it as a hyperstack.")
    if page.dtype is None:
        raise InputError(f"{path.name} has pixels of {page.bitspersample} bits: save it as 16-bit integers.")
    if 0 in page.shape:
        raise InputError(f"{path.name} has frames without pixels: save it again.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tifffile's remarks on odd tags off the user's terminal; what matters becomes an InputError."""
    logger = logging.getLogger("tifffile")

    def drop(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
