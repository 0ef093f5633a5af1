"""Traces that Minian saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_calcdyn.recording.minian import TRACE_AXES, opened_variable

from .traces import Traces

_VARIABLES = ("YrA", "C")  # Minian's YrA is C and what the movie has besides; CaImAn's is the latter alone


def read_minian_traces(path: Path, *, frame_rate: float | None) -> Traces:
    """Read the traces that Minian saved.

    Parameters
    ----------
    path : Path
        Folder of Zarr, or netCDF file.
    frame_rate : float or None
        Samples per second (Hz), which Minian does not save.

    Returns
    -------
    Traces
        With Minian's numbers of the cells: ``YrA`` where it is there, else ``C``, which is denoised.

    Raises
    ------
    InputError
        If it is damaged, or holds no traces.
    """
    with opened_variable(path, _VARIABLES, TRACE_AXES) as found:
        values = np.asarray(found.values[...]).transpose(found.order)
        return Traces(
            values,
            found.ids,
            frame_rate=frame_rate,
            name=path.name,
            provenance={"file": str(path), "traces": found.name, "neuropil": None},
        )
