"""Open recordings, ROIs and traces; stream through movies larger than memory, one block of frames at a time."""

from __future__ import annotations

from napari_calcdyn.recording.behaviour.behaviour import Behaviour
from napari_calcdyn.recording.behaviour.open import open_behaviour
from napari_calcdyn.recording.movies.movie import Movie
from napari_calcdyn.recording.movies.open import MovieInfo, inspect_movie, open_movie
from napari_calcdyn.recording.movies.statistics import MovieStatistics
from napari_calcdyn.recording.rois.open import open_rois
from napari_calcdyn.recording.rois.roi_set import RoiSet
from napari_calcdyn.recording.traces.baseline import delta_f_over_f
from napari_calcdyn.recording.traces.extraction import extract_traces
from napari_calcdyn.recording.traces.open import open_traces
from napari_calcdyn.recording.traces.scaling import Scaling
from napari_calcdyn.recording.traces.traces import Traces

from .errors import Cancelled, InputError
from .progress import ProgressCallback, report

__all__ = [
    "Behaviour",
    "Cancelled",
    "InputError",
    "Movie",
    "MovieInfo",
    "MovieStatistics",
    "ProgressCallback",
    "RoiSet",
    "Scaling",
    "Traces",
    "delta_f_over_f",
    "extract_traces",
    "inspect_movie",
    "open_behaviour",
    "open_movie",
    "open_rois",
    "open_traces",
    "report",
]
