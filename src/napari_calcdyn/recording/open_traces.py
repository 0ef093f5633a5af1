"""Open traces from a file or a suite2p folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .traces import Traces


def open_traces(
    path: str | PathLike[str],
    *,
    frame_rate: float | None = None,
    mask: ArrayLike | str | PathLike[str] | None = None,
) -> Traces:
    """Open traces.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file (N, T).
    frame_rate : float or None
        Samples per second (Hz).
    mask : array_like of shape (N, T), str, Path or None
        True where a sample is valid, or a ``.npy`` file of that.

    Returns
    -------
    Traces
        With missing samples as NaN.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it holds no traces.
    """
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"There is no file or folder {place}: check the name.")
    valid = _load(Path(mask).expanduser()) if isinstance(mask, (str, PathLike)) else mask
    return Traces.from_array(
        _load(place),
        mask=valid,
        frame_rate=frame_rate,
        name=place.name,
        provenance={"file": str(place)},
    )


def _load(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
        return array
    except OSError as error:
        raise InputError(f"{path.name} could not be opened: {error.strerror or error}.") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path.name} is truncated or no array of numbers: save it again.") from error
