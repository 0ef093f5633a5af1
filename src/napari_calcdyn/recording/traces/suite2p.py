"""Traces that suite2p saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies.readers.suite2p_plane import (
    COMBINED,
    load_from_plane,
    plane_folder,
    read_plane,
)
from napari_calcdyn.recording.saved_arrays import load_array

from .traces import Traces, check_trace_array


def read_suite2p_traces(place: Path, *, frame_rate: float | None, neuropil: float | None) -> Traces:
    """Read the fluorescence ``F - neuropil · Fneu`` of all ROIs, cells or not.

    Parameters
    ----------
    place : Path
        The folder of a plane, one above it, or ``combined``, with the traces of all planes.
    frame_rate : float or None
        Samples per second (Hz), instead of suite2p's ``fs``, which is that of one plane.
    neuropil : float or None
        Coefficient of the neuropil; None for ``F`` alone.

    Returns
    -------
    Traces
        With suite2p's indices as ids. In ``combined``, the zeros with which suite2p fills up the traces of planes that
        have fewer frames than others are missing samples.

    Raises
    ------
    InputError
        If ``F.npy`` is missing or damaged, or ``Fneu.npy`` does not match it.
    """
    folder = plane_folder(place)
    values = load_from_plane(folder, "F.npy", "in which suite2p saves its traces")
    check_trace_array("F.npy", values)
    # Where all pixels are shared with other ROIs suite2p saves zeros.
    measured = (values != values[:, :1]).any(axis=1, keepdims=True)
    if folder.name == COMBINED:
        zeros_to_the_end = np.logical_and.accumulate((values == 0)[:, ::-1], axis=1)[:, ::-1]
        values = np.where(measured & zeros_to_the_end, np.nan, values)
    provenance: dict[str, Any] = {"file": str(folder), "neuropil": None}
    if neuropil is not None and (folder / "Fneu.npy").exists():
        surround = load_array(folder / "Fneu.npy")
        check_trace_array("Fneu.npy", surround)
        if surround.shape != values.shape:
            raise InputError(f"F.npy and Fneu.npy in {folder} differ in size: copy the folder again.")
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is missing
            values = np.where(measured, values - neuropil * surround, values)
        provenance["neuropil"] = {"coefficient": neuropil}
    return Traces(
        values,
        np.arange(len(values)),
        frame_rate=read_plane(folder).frame_rate if frame_rate is None else frame_rate,
        name=folder.name,
        provenance=provenance,
    )
