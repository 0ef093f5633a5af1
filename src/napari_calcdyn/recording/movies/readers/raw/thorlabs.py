"""Recordings of ThorImage: a ``.raw`` file beside ``Experiment.xml``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.movies.readers.array_stack import ArrayStack
from napari_calcdyn.recording.movies.readers.metadata import positive

EXPERIMENT = "Experiment.xml"
_DTYPE = np.dtype("<u2")
_MOST_BYTES = 2**22


def find_thorlabs(folder: Path) -> Path | None:
    """Return the file of frames in a folder of ThorImage, None if it is none."""
    found = sorted(folder.glob("*.raw")) if (folder / EXPERIMENT).is_file() else []
    return found[0] if found else None


def read_thorlabs(path: Path) -> ArrayStack:
    """Find the frames of a ThorImage recording.

    Parameters
    ----------
    path : Path
        The ``.raw`` file, ``Experiment.xml`` beside it.

    Returns
    -------
    ArrayStack
        Without the frames in which a fast stage flew back.

    Raises
    ------
    InputError
        If ``Experiment.xml`` is missing or damaged, or the file holds other frames than it says.
    """
    root = _experiment(path)
    height, width = _whole(root, "LSM", "pixelY"), _whole(root, "LSM", "pixelX")
    if not height or not width:
        raise InputError(
            f"{EXPERIMENT} beside {path.name} does not give the size of the frames: copy it again."
        )
    channels = max(1, len(root.findall("Wavelengths/Wavelength")))
    fast = _text(root, "Streaming", "zFastEnable") == "1"
    planes = (_whole(root, "ZStage", "steps") or 1) if fast else 1
    flyback = (_whole(root, "Streaming", "flybackFrames") or 0) if fast and planes > 1 else 0
    cycle = planes + flyback
    size = path.stat().st_size
    frames, rest = divmod(size, cycle * channels * height * width * _DTYPE.itemsize)
    asked = _whole(root, "Streaming", "frames") or 0
    promised = asked // cycle
    if rest and frames >= promised > 0:
        raise InputError(
            f"{path.name} does not hold frames of {size_text((height, width))} pixels in {channels} channels and"
            f" {cycle} planes, which {EXPERIMENT} gives: copy both from one recording."
        )
    notes: tuple[str, ...] = ()
    if rest or frames < promised:
        notes = (
            f"{path.name} holds only {frames:,} of the {max(promised, frames + (rest > 0)):,} frames that it announces:"
            " the recording was interrupted, or not all of it was copied.",
        )
    rate = positive(_text(root, "LSM", "frameRate"))
    if rate and _text(root, "LSM", "averageMode") == "1":
        rate /= _whole(root, "LSM", "averageNum") or 1
    across, down = (positive(_text(root, "LSM", name)) for name in ("widthUM", "heightUM"))
    shape = (frames, cycle, channels, height, width)
    return ArrayStack(
        name=path.name,
        files=(path, path.with_name(EXPERIMENT)),
        opened=partial(_opened, path, shape, planes),
        stored_shape=(frames, planes, channels, height, width),
        axes="TZCYX",
        n_frames=frames,
        dtype=_DTYPE,
        mapped=partial(_mapped, path, shape, planes),
        frame_rate=rate / cycle if rate else None,
        pixel_size=(down / height, across / width) if across and down else None,
        notes=notes,
    ).checked()


def _mapped(path: Path, shape: tuple[int, ...], planes: int) -> Any:
    return np.memmap(path, _DTYPE, "r", 0, shape)[:, :planes]


@contextmanager
def _opened(path: Path, shape: tuple[int, ...], planes: int) -> Iterator[Any]:
    try:
        if path.stat().st_size < np.prod(shape) * _DTYPE.itemsize:
            raise InputError(f"{path.name} became shorter since it was opened: open it again.")
        yield _mapped(path, shape, planes)
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error


def _experiment(path: Path) -> ElementTree.Element:
    beside = path.with_name(EXPERIMENT)
    try:
        if beside.stat().st_size > _MOST_BYTES:
            raise InputError(f"{EXPERIMENT} beside {path.name} is too large: copy it again from its source.")
        content = beside.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{EXPERIMENT}, which describes {path.name}, is not beside it: copy the whole folder."
        ) from None
    except OSError as error:
        raise InputError(f"{beside} could not be opened: {error.strerror or error}.") from error
    if b"<!" in content.replace(b"\0", b"").replace(
        b"<!--", b""
    ):  # names that stand for more text, without end
        raise InputError(
            f"{EXPERIMENT} beside {path.name} defines entities, which are not read: save it without."
        )
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(
            f"{EXPERIMENT} beside {path.name} is damaged: copy it again from its source."
        ) from error


def _text(root: ElementTree.Element, tag: str, name: str) -> str | None:
    found = root.find(tag)
    return None if found is None else found.get(name)


def _whole(root: ElementTree.Element, tag: str, name: str) -> int | None:
    number = positive(_text(root, tag, name))
    return int(number) if number and number < 2**40 else None
