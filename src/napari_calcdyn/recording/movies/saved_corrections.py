"""Corrections of a recording as arrays and JSON, so that its check need not be repeated."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .clipping import Clipping
from .corrections import Corrections

_OPTIONAL = ("shifts", "brightness", "reference")


def as_arrays(corrections: Corrections) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Take corrections apart.

    Parameters
    ----------
    corrections : Corrections
        Of a recording.

    Returns
    -------
    arrays : dict of str to ndarray
        Of the dtypes that they have; without those that are None.
    values : dict
        The rest, as JSON can hold it.
    """
    clipping = corrections.clipping
    arrays = {name: getattr(corrections, name) for name in ("valid_frames", "valid_pixels", *_OPTIONAL)}
    if clipping is not None:
        arrays |= {"clipping.part": clipping.part, "clipping.mean": clipping.mean}
    values = {
        "kinds": list(corrections.kinds),
        "bad_frames": [list(it) for it in corrections.bad_frames],
        "dark_level": float(corrections.dark_level),
        "line_shift": float(corrections.line_shift),
        "left": list(corrections.left),
        "clipping": clipping is not None,
    }
    return {name: array for name, array in arrays.items() if array is not None}, values


def from_arrays(arrays: dict[str, NDArray[Any]], values: dict[str, Any]) -> Corrections:
    """Put corrections together again.

    Parameters
    ----------
    arrays : dict of str to ndarray
        From `as_arrays`.
    values : dict
        From `as_arrays`.

    Returns
    -------
    Corrections
        Those that were taken apart.

    Raises
    ------
    KeyError
        If something is missing.
    """
    return Corrections(
        tuple(values["kinds"]),
        arrays["valid_frames"],
        arrays["valid_pixels"],
        bad_frames=tuple((start, stop, reason) for start, stop, reason in values["bad_frames"]),
        dark_level=values["dark_level"],
        line_shift=values["line_shift"],
        left=tuple(values["left"]),
        clipping=Clipping(arrays["clipping.part"], arrays["clipping.mean"]) if values["clipping"] else None,
        **{name: arrays.get(name) for name in _OPTIONAL},
    )
