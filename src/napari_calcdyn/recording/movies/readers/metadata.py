"""Frame rate and pixel size as ImageJ, OME and plain TIFF state them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from napari_calcdyn.recording.errors import InputError

MICROMETRES = {
    "nm": 1e-3, "nanometer": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "millimeter": 1e3, "mm": 1e3, "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6, "inch": 25400.0,
}  # fmt: skip
SECONDS = {
    "ns": 1e-9, "nanosecond": 1e-9, "us": 1e-6, "µs": 1e-6, "microsecond": 1e-6, "ms": 1e-3, "msec": 1e-3,
    "millisecond": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
}  # fmt: skip
_MOST_PAGES = 2**23  # three days at 30 Hz
CENTIMETRE = 3  # value of the TIFF tag ResolutionUnit


def imagej_frame_rate(metadata: Mapping[str, Any]) -> float | None:
    """Frames per second (Hz) from ImageJ's frame interval, or else from its playback rate.

    Parameters
    ----------
    metadata : mapping
        Keys ``finterval`` (with ``tunit``) and ``fps``; also those of tifffile's own JSON description.

    Returns
    -------
    float or None
        None where nothing is stated.
    """
    interval = positive(metadata.get("finterval"))
    if interval:
        return 1 / (interval * SECONDS.get(str(metadata.get("tunit", "s")).strip(), 1.0))
    return positive(metadata.get("fps"))


def resolution_pixel_size(
    x: tuple[int, int] | None, y: tuple[int, int] | None, resolution_unit: int, imagej_unit: str | None
) -> tuple[float, float] | None:
    """Height and width of a pixel in µm from the TIFF resolution tags.

    Resolution per inch is left out, it is a printer's figure that many programs write without meaning it.

    Parameters
    ----------
    x, y : tuple of int or None
        Pixels per unit as fractions.
    resolution_unit : int
        Value of the tag ResolutionUnit.
    imagej_unit : str or None
        Unit that ImageJ wrote in its description, which comes before the tag.

    Returns
    -------
    tuple of float or None
        None where the unit is not a length.
    """
    unit = imagej_unit.replace("\\u00B5", "µ").strip() if imagej_unit else None
    scale = MICROMETRES.get(unit) if unit else 1e4 if resolution_unit == CENTIMETRE else None
    if scale is None or x is None or y is None or 0 in (*x, *y):
        return None
    return (scale * y[1] / y[0], scale * x[1] / x[0])


def ome_calibration(xml: str) -> tuple[float | None, tuple[float, float] | None]:
    """Frame rate (Hz) and pixel size (µm, y and x) of the first image of an OME-XML.

    Parameters
    ----------
    xml : str
        The OME-XML. Without ``TimeIncrement`` the planes' ``DeltaT`` give the rate.

    Returns
    -------
    frame_rate : float or None
        None where nothing is stated.
    pixel_size : tuple of float or None
        None where nothing is stated.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None, None
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return None, None
    size = []
    for axis in "YX":
        length = positive(pixels.get(f"PhysicalSize{axis}"))
        scale = MICROMETRES.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if length and scale:
            size.append(length * scale)
    interval = positive(pixels.get("TimeIncrement"))
    if interval:
        interval *= SECONDS.get(pixels.get("TimeIncrementUnit", "s"), 1.0)
    else:
        interval = _plane_interval(pixels)
    return (1 / interval if interval else None), ((size[0], size[1]) if len(size) == 2 else None)


def check_ome_size(xml: str, path: Path) -> None:
    """Raise InputError if an OME-XML announces more pages than any recording has, which would all be looked for."""
    for found in re.findall(r"<(?:\w+:)?Pixels\s[^>]*>", xml):
        sizes = [int(it[:20]) for it in re.findall(r'\sSize[TCZ]\s*=\s*"(\d+)"', found)]
        if math.prod(sizes) > _MOST_PAGES:
            raise InputError(
                f"{path.name} announces {math.prod(sizes):,} pages: its header is damaged, copy it again."
            )


def _plane_interval(pixels: ElementTree.Element) -> float | None:
    times: dict[int, float] = {}
    for plane in pixels.iterfind("{*}Plane"):
        seconds = plane.get("DeltaT")
        if seconds is not None and plane.get("TheC", "0") == "0" and plane.get("TheZ", "0") == "0":
            times[int(plane.get("TheT", "0"))] = float(seconds) * SECONDS.get(
                plane.get("DeltaTUnit", "s"), 1.0
            )
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    return positive((times[last] - times[first]) / (last - first))


def positive(value: Any) -> float | None:
    """Return a number or its text as a float, None unless it is positive and finite."""
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*", value):
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
