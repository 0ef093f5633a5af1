"""What Femtonics' MESc writes beside the frames in its HDF5 files (``.mesc``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_calcdyn.recording.hdf5_file import attribute

from .metadata import MICROMETRES, SECONDS, positive

FEMTONICS_ENDING = ".mesc"


def femtonics_calibration(dataset: Any) -> tuple[float | None, tuple[float, float] | None]:
    """Return the frame rate and the pixel size of a channel.

    Parameters
    ----------
    dataset : h5py.Dataset
        ``Channel_0`` and the like, of a measurement.

    Returns
    -------
    frame_rate : float or None
        Hz.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    """
    about = dataset.parent
    interval, height, width = (
        _length(about, axis, units)
        for axis, units in (("Z", SECONDS), ("Y", MICROMETRES), ("X", MICROMETRES))
    )
    return 1 / interval if interval else None, (height, width) if height and width else None


def is_inverted(dataset: Any) -> bool:
    """Whether large numbers of a channel are dark, as some detectors of Femtonics store them."""
    channel = dataset.name.rpartition("/")[2]
    scale = attribute(dataset.parent, f"{channel}_Conversion_ConversionLinearScale")
    return dataset.dtype.kind == "u" and isinstance(scale, int | float) and scale < 0


def _length(about: Any, axis: str, units: Mapping[str, float]) -> float | None:
    scale = positive(attribute(about, f"{axis}AxisConversionConversionLinearScale"))
    unit = _text(about.attrs.get(f"{axis}AxisConversionUnitName"))
    factor = units.get(unit or ("ms" if units is SECONDS else "um"))
    return scale * factor if scale and factor else None


def _text(stored: Any) -> str:
    """Return a text that MESc stores as the numbers of its letters."""
    if not isinstance(stored, np.ndarray) or stored.dtype.kind not in "iu" or stored.size > 64:
        return stored if isinstance(stored, str) else ""
    return "".join(chr(it) for it in stored.ravel().tolist() if 0 < it < 2**16).strip()
