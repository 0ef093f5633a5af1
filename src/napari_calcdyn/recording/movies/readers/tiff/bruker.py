"""Bruker (Prairie View) recordings: a folder of one-page TIFFs, named by cycle, channel and frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from napari_calcdyn.recording.movies.readers.metadata import positive
from napari_calcdyn.recording.movies.readers.stack import Stack

FILE_NAME = re.compile(r"_Cycle\d+_Ch(\d+)_\d+\.ome\.tiff?$", re.IGNORECASE)


def by_channel(files: Sequence[Path]) -> list[list[Path]]:
    """Sort files by the channel in their Bruker names; other files stay one list.

    Parameters
    ----------
    files : sequence of Path
        In natural order.

    Returns
    -------
    list of list of Path
        One list per channel, each in the order given.
    """
    channels: dict[str, list[Path]] = {}
    for file in files:
        found = FILE_NAME.search(file.name)
        channels.setdefault(found[1] if found else "", []).append(file)
    return [list(files)] if "" in channels else list(channels.values())


def is_bruker(file: Path) -> bool:
    """Whether a file is named as Prairie View names them."""
    return FILE_NAME.search(file.name) is not None


def bruker_calibration(stack: Stack, folder: Path) -> Stack:
    """Add frame rate and pixel size from the Prairie View XML beside the files, and sort volumes into planes.

    Parameters
    ----------
    stack : Stack
        From files with Bruker names; any other is returned as it is.
    folder : Path
        Where they are.

    Returns
    -------
    Stack
        With what the XML says.
    """
    first = stack.parts[0].path
    if not is_bruker(first):
        return stack
    xml = folder / (FILE_NAME.sub("", first.name) + ".xml")
    try:
        root = ElementTree.parse(xml).getroot()
    except (OSError, ElementTree.ParseError):
        return stack
    state = root.find("PVStateShard")
    period = None if state is None else state.find("PVStateValue[@key='framePeriod']")
    seconds = positive(period.get("value")) if period is not None else None
    rate = 1 / seconds if seconds else None
    size = None
    if state is not None:
        microns = {
            value.get("index"): positive(value.get("value"))
            for value in state.iterfind("PVStateValue[@key='micronsPerPixel']/IndexedValue")
        }
        height, width = microns.get("YAxis"), microns.get("XAxis")
        size = (height, width) if height and width else None
    stack = replace(stack, frame_rate=rate, pixel_size=size)
    sequence = root.find("Sequence")
    if sequence is None or "ZSeries" not in sequence.get("type", ""):
        return stack
    # One cycle is one volume; a last one that was not finished is dropped.
    planes = len(sequence.findall("Frame"))
    volumes = len(stack.index) // planes if planes else 0
    if planes < 2 or volumes < 2:
        return stack
    index = stack.index[: volumes * planes].reshape(volumes, planes, -1)
    return replace(stack, index=index, frame_rate=rate / planes if rate else None)
