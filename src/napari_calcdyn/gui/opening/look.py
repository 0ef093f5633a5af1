"""What is known of a file before it is opened; read in the background, a little at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.gui.background.job import Report
from napari_calcdyn.recording import Movie, RoiSet, Traces
from napari_calcdyn.recording.movies.glance import glance
from napari_calcdyn.recording.progress import ProgressCallback
from napari_calcdyn.recording.rois.outlines import roi_outlines
from napari_calcdyn.recording.traces.agreement import Agreement, agreement, comparable, transposed

Outlines = Sequence[NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Look:
    """What is known so far.

    Parameters
    ----------
    facts : str
        What was found, as rich text.
    question : str
        What has to be said or looked at, in one sentence.
    can_open : bool
        Whether it can be opened as it is chosen now.
    found : Any
        Of the one who asked: what the facts are about.
    frame_shape : tuple of int or None
        Height and width of the picture, in pixels.
    mean : ndarray (Y, X) or None
        Mean of a few frames.
    rois : int
        How many ROIs are outlined.
    rois_path : Path or None
        Where they are, if not in what is to be opened.
    outlines : tuple of sequences of ndarray
        Outlines of the ROIs as they are stored, and with y and x exchanged; see `roi_outlines`.
    are_open : bool
        Whether they are ROIs that are open, and not of the file: nothing is to be exchanged then.
    agreement : Agreement or None
        Whether they lie on the cells whose traces came with them.
    under_way : str
        What is being read.
    """

    facts: str = ""
    question: str = ""
    can_open: bool = True
    found: Any = None
    frame_shape: tuple[int, int] | None = None
    mean: NDArray[np.float32] | None = None
    rois: int = 0
    rois_path: Path | None = None
    outlines: tuple[Outlines, Outlines] = ((), ())
    are_open: bool = False
    agreement: Agreement | None = None
    under_way: str = ""


def with_picture(look: Look, movie: Movie, report: Report, stop: threading.Event) -> Look:
    """Return a look with the mean of a few frames of a movie."""
    look = replace(look, frame_shape=movie.frame_shape)
    mean = glance(movie, progress=_telling(look, "Reading a few frames", report, stop))
    return replace(look, mean=mean)


def with_rois(
    look: Look,
    rois: RoiSet,
    movie: Movie | None,
    traces: Traces | None,
    report: Report,
    stop: threading.Event,
    known: Agreement | None = None,
) -> Look:
    """Return a look with the outlines of ROIs, and whether they fit the movie, where their traces can tell."""
    look = replace(
        look,
        rois=len(rois),
        frame_shape=rois.frame_shape,
        outlines=(roi_outlines(rois), roi_outlines(transposed(rois))),
        agreement=known,
    )
    if known is None and movie is not None and traces is not None and comparable(movie, rois, traces):
        progress = _telling(look, "Comparing the ROIs with the movie", report, stop)
        look = replace(look, agreement=agreement(movie, rois, traces, progress=progress))
    return look


def with_open_rois(look: Look, rois: RoiSet) -> Look:
    """Return a look with the outlines of ROIs that are open, to see whether they are those of this file."""
    outlines = roi_outlines(rois)
    return replace(look, rois=len(rois), outlines=(outlines, outlines), are_open=True)


def _telling(look: Look, what: str, report: Report, stop: threading.Event) -> ProgressCallback:
    def progress(done: int, total: int) -> bool:
        report(replace(look, under_way=f"{what}: {done:,} of {total:,} …"))
        return stop.is_set()

    return progress
